"""astroplan on the same nights as our planner: windows and PriorityScheduler.

The objective of the comparison is the plain one, priority x minutes: astroplan knows no quotas and
no altitude term, so quotas are lifted and both plans are valued alike. What it places outside a
window by more than a minute, or overlapping, does not count.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astroplan import (
    AirmassConstraint,
    AltitudeConstraint,
    FixedTarget,
    MoonSeparationConstraint,
    Observer,
    ObservingBlock,
    PriorityScheduler,
    Schedule,
    TimeConstraint,
    Transitioner,
)
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers

from pyros.scheduling import plan_night, read_instance

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyros.scheduling import Instance
    from pyros.sky import Site

iers.conf.auto_download = False
iers.conf.auto_max_age = None
warnings.simplefilter("ignore")
INSTANCES = Path(__file__).parents[1] / "tests" / "data" / "planner"
BLOCKS = (20, 50, 100, 300)
TOLERANCE_S = 60.0


def astroplan_windows_ms(site: Site, ra: Any, dec: Any, span: tuple[float, float]) -> float:
    """CPU milliseconds of astroplan's altitude, air mass and Moon constraints on a 1 min grid."""
    where = EarthLocation.from_geodetic(site.longitude_deg, site.latitude_deg, site.height_m)
    observer = Observer(location=where)
    targets = SkyCoord(ra * u.deg, dec * u.deg)
    times = Time(np.arange(span[0], span[1], 60.0), format="unix")
    rules = [
        AltitudeConstraint(30 * u.deg),
        AirmassConstraint(2),
        MoonSeparationConstraint(40 * u.deg),
    ]
    begun = time.process_time()
    for rule in rules:
        rule(observer, targets, times=times, grid_times_targets=True)
    return (time.process_time() - begun) * 1e3


def _some(instance: Instance, count: int) -> Instance:
    """The first sequences of a night, with quotas lifted and one window each."""
    chosen = [replace(s, windows_s=s.windows_s[:1]) for s in instance.sequences[:count]]
    programmes = tuple(replace(p, quota_s=1e7) for p in instance.programmes)
    return replace(instance, sequences=tuple(chosen), programmes=programmes, reference={})


def _plain_value(instance: Instance, starts: dict[str, float]) -> float:
    """Priority x minutes of placements inside their windows and clear of the one before."""
    by_id = {s.id: s for s in instance.sequences}
    value, free = 0.0, -TOLERANCE_S
    for name, start in sorted(starts.items(), key=lambda item: item[1]):
        s = by_id[name]
        inside = any(
            a - TOLERANCE_S <= start and start + s.duration_s <= b + TOLERANCE_S
            for a, b in s.windows_s
        )
        if inside and start >= free - TOLERANCE_S:
            value += s.priority * s.duration_s / 60.0
            free = start + s.duration_s
    return value


def _astroplan_starts(instance: Instance) -> dict[str, float]:
    """What astroplan's PriorityScheduler plans, seconds after the night's start."""
    night, telescope = instance.night, instance.telescopes[0]
    where = EarthLocation.from_geodetic(night.longitude_deg, night.latitude_deg, night.height_m)
    observer = Observer(location=where)
    zero = Time(night.start_unix_s, format="unix")
    blocks = []
    for s in instance.sequences:
        low, high = s.windows_s[0]
        rule = TimeConstraint(zero + low * u.s, zero + high * u.s)
        target = FixedTarget(SkyCoord(s.ra_deg * u.deg, s.dec_deg * u.deg), name=s.id)
        blocks.append(
            ObservingBlock(
                target, s.duration_s * u.s, 31 - s.priority, name=s.id,
                configuration={"filter": s.filter}, constraints=[rule],
            )
        )  # fmt: skip
    transitions = Transitioner(
        telescope.slew_rate_deg_s * u.deg / u.s,
        {"filter": {"default": telescope.filter_change_s * u.s}},
    )
    schedule = Schedule(zero, zero + night.duration_s * u.s)
    scheduler = PriorityScheduler(
        constraints=[AltitudeConstraint(min=20 * u.deg)], observer=observer,
        transitioner=transitions, time_resolution=20 * u.s,
    )  # fmt: skip
    scheduler(blocks, schedule)
    return {
        block.name: float((block.start_time - zero).to_value(u.s))
        for block in schedule.observing_blocks
    }


def against_astroplan(show: Callable[..., None]) -> None:
    """Value and time of both planners on growing nights."""
    instance = read_instance(INSTANCES / "pool-1000-0.json")
    ratios = []
    for count in BLOCKS:
        night = _some(instance, count)
        begun = time.process_time()
        theirs = _plain_value(night, _astroplan_starts(night))
        their_s = time.process_time() - begun
        begun = time.process_time()
        plan = plan_night(night, iterations=300)
        our_s = time.process_time() - begun
        ours = _plain_value(night, {p.id: float(p.start_s) for p in plan.placements})
        ratios.append(ours / theirs)
        show(
            f"value against astroplan, {count} blocks", ratios[-1], "x", ">= 1",
            ours=round(ours, 1), astroplan=round(theirs, 1), our_cpu_s=round(our_s, 2),
            astroplan_cpu_s=round(their_s, 2),
        )  # fmt: skip
    show("value against astroplan, mean", float(np.mean(ratios)), "x", ">= 1.05")
