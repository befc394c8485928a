"""Pure dataclasses and rules of the observatory: no I/O, no asyncio, no clock."""
