"""The alembic migrations of both databases, run by the store whenever it opens.

`observatory/` and `telemetry/` are two independent lines of revisions. A change of schema is a new
file `vNNNN_what_changes.py` with `down_revision` set to the one before; released files are never
edited.
"""
