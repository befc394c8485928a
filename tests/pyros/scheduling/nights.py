"""Published instances and small nights for the planner's tests."""

from __future__ import annotations

import json
from pathlib import Path

from pyros.scheduling import Instance, Night, Programme, Sequence, Telescope

TESTS = Path(__file__).parents[2]
INSTANCES = TESTS / "data" / "planner"
NAMES = ("pool-50-0", "pool-200-0", "pool-1000-0", "short-300-0")


def raw(name: str) -> dict:
    """An instance as JSON."""
    return json.loads((INSTANCES / f"{name}.json").read_text())


def small_night(*sequences: Sequence, **changes) -> Instance:
    """An hour of night at the equator with one telescope and generous quotas."""
    settings = {
        "night": Night(
            start_unix_s=1.795e9, duration_s=3600.0, lst_at_start_deg=0.0, latitude_deg=0.0
        ),
        "telescopes": (
            Telescope(id="t1", slew_rate_deg_s=5.0, settle_s=4.0, filter_change_s=15.0),
        ),
        "programmes": (Programme(id="P", quota_s=36000.0), Programme(id="Q", quota_s=36000.0)),
        "sequences": sequences,
    }
    return Instance(**{**settings, **changes})


def wish(name: str, **changes) -> Sequence:
    """A ten-minute sequence near the zenith of `small_night`, any time of the hour."""
    settings = {
        "id": name, "programme": "P", "priority": 10.0, "filter": "r",
        "ra_deg": 5.0, "dec_deg": 0.0, "duration_s": 600.0, "windows_s": ((0.0, 3600.0),),
    }  # fmt: skip
    return Sequence(**{**settings, **changes})
