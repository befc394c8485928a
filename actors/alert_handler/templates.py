"""Test alerts: recorded packets made young and put where the telescope can see them.

An injected alert takes the way of a real one from its first byte on; only its source differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.notice_restamp import restamp
from pyros.actor import Rejected
from pyros.sky.engine import icrs_from_altaz

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from random import Random

    from pyros.sky.site import Site

_LOWEST_DEG, _HIGHEST_DEG = 50.0, 75.0


@dataclass(frozen=True, slots=True)
class AlertTemplates:
    """A folder of recorded packets; a file's stem is the kind an operator chooses."""

    directory: Path

    def kinds(self) -> tuple[str, ...]:
        """Kinds that can be injected, sorted."""
        if not self.directory.is_dir():
            return ()
        suffixes = {".xml", ".json"}
        return tuple(
            sorted(path.stem for path in self.directory.iterdir() if path.suffix in suffixes)
        )

    def build(
        self, kind: str, *, time_utc: datetime, ra_deg: float, dec_deg: float, serial: int
    ) -> bytes:
        """A packet of that kind whose burst happened at `time_utc` at the given place.

        Raises:
            Rejected: When there is no such kind.
        """
        for suffix in (".xml", ".json"):
            path = self.directory / f"{kind}{suffix}"
            if kind in self.kinds() and path.exists():
                return restamp(
                    path.read_bytes(),
                    time_utc=time_utc,
                    ra_deg=ra_deg,
                    dec_deg=dec_deg,
                    serial=serial,
                )
        raise Rejected(
            f"test alert {kind!r} is unknown; there are {', '.join(self.kinds()) or 'none'}"
        )


def place_in_view(site: Site, unix_s: float, rng: Random) -> tuple[float, float]:
    """An ICRS position that stands well up now: altitude 50 to 75 degrees, any azimuth."""
    altitude_deg = rng.uniform(_LOWEST_DEG, _HIGHEST_DEG)
    azimuth_deg = rng.uniform(0.0, 360.0)
    ra_deg, dec_deg = icrs_from_altaz(site, altitude_deg, azimuth_deg, unix_s)
    return float(ra_deg) % 360.0, float(dec_deg)
