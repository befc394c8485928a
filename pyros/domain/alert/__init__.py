"""Transient alerts as the observatory sees them: notices, events, the act gate, strategies.

`notice` is the one shape that every format is read into, `stream` is what each mission's packet
types mean, `gate` decides whether a notice may move the telescope, `association` joins notices into
events, `event` is the record of one burst, `strategy` turns an event into phases of exposures and
`tiling` covers an error region. All of it is pure: instants and random streams come in as
arguments.
"""
