"""Notices for the tests of the alert domain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from protocols.notice_parser import parse_notice
from pyros.domain.alert.notice import Notice

DATA = Path(__file__).parents[3] / "data" / "alerts"
T0_UTC = datetime(2026, 5, 4, 9, 31, 19, tzinfo=UTC)


def recorded(name: str, source: str = "file") -> Notice:
    """A recorded notice, received when it was written."""
    raw = (DATA / name).read_bytes()
    notice = parse_notice(raw, source=source, received_utc=T0_UTC)
    return parse_notice(raw, source=source, received_utc=notice.notice_utc or T0_UTC)


def made(serial: int = 1, *, t0_s: float = 0.0, **changes: Any) -> Notice:
    """A burst of Swift's, changed at will; `t0_s` shifts its T0."""
    values: dict[str, Any] = {
        "notice_id": f"ivo://nasa.gsfc.gcn/SWIFT#{serial}",
        "ivorn": f"ivo://nasa.gsfc.gcn/SWIFT#{serial}",
        "authority": "nasa.gsfc.gcn/swift",
        "format": "voevent-2.0",
        "stream": "swift-bat",
        "packet_type": 61,
        "packet_name": "BAT GRB position",
        "mission": "Swift",
        "event_id": str(serial),
        "role": "observation",
        "test": False,
        "retraction": False,
        "t0_utc": T0_UTC + timedelta(seconds=t0_s),
        "notice_utc": T0_UTC + timedelta(seconds=t0_s + 20),
        "received_utc": T0_UTC + timedelta(seconds=t0_s + 21),
        "source": "file",
        "content_sha256": f"{serial:064d}",
        "ra_deg": 100.0,
        "dec_deg": 20.0,
        "error_deg": 0.05,
        "containment": 0.9,
        "frame": "UTC-FK5-GEO",
        "classification": "GRB",
    }
    return Notice(**{**values, **changes})


def gbm(serial: int = 7, *, t0_s: float = 0.0, **changes: Any) -> Notice:
    """A burst of Fermi GBM's, changed at will."""
    values: dict[str, Any] = {
        "notice_id": f"ivo://nasa.gsfc.gcn/Fermi#{serial}",
        "authority": "nasa.gsfc.gcn/fermi",
        "stream": "fermi-gbm",
        "packet_type": 111,
        "packet_name": "GBM flight position",
        "mission": "Fermi",
        "error_deg": 5.0,
        "containment": 0.68,
    }
    return made(serial, t0_s=t0_s, **{**values, **changes})
