"""Revisions of `telemetry.db`, oldest first by number."""
