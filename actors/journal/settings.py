"""Settings of the journal and of the telemetry recorder."""

from __future__ import annotations

import msgspec


class JournalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the journal is written."""

    batch_s: float = 0.05
    """Wall seconds that an entry may wait for others before it is committed."""
    batch_entries: int = 200
    """Entries that are committed at once without waiting."""
    kept_entries: int = 20_000
    """Entries kept in memory while the database cannot be written."""
    retry_s: tuple[float, ...] = (1.0, 2.0, 5.0, 15.0, 60.0)
    """Wall seconds before the next try after a failure; the last one repeats."""


class RecorderSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How telemetry is recorded."""

    batch_s: float = 1.0
    """Wall seconds that a sample may wait for others."""
    batch_samples: int = 500
    """Samples that are written at once without waiting."""
    kept_samples: int = 100_000
    """Samples kept in memory while the database cannot be written; older ones are dropped."""
    quiet_s: float = 300.0
    """Observatory seconds after which an unchanged value is recorded again."""
    maintain_s: float = 3600.0
    """Observatory seconds between roll-ups; old samples are deleted then too."""
