"""What may be set about storage."""

from __future__ import annotations

from typing import Literal

import msgspec


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Storage settings."""

    url: str = ""
    """Address of a PostgreSQL database (`postgresql+asyncpg://user@host/name`) for everything but
    telemetry; empty for `observatory.db` in the data directory."""

    synchronous: Literal["FULL", "NORMAL", "OFF"] = "FULL"
    """Durability of `observatory.db`: FULL survives a power cut with every acknowledged commit;
    OFF is for simulated nights only."""

    readers: int = 2
    """SQLite connections that read beside the writer; with 0 the writer reads too, so that reads
    and writes keep their order (simulated nights)."""
