"""What-if questions on the command line: a closure, a lost device, a burst."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pyros.clock import datetime_from_unix
from pyros.errors import PermanentError
from pyros.scheduling.events import AlertArrived, Closure, DeviceLost
from pyros.scheduling.instance import Programme, Sequence
from pyros.scheduling.reasons import clock
from pyros.sky.grid import SkyGrid
from pyros.sky.site import Site
from pyros.sky.targets import FixedTarget
from pyros.sky.windows import Constraints, windows

if TYPE_CHECKING:
    import argparse

    from pyros.scheduling.events import Event
    from pyros.scheduling.instance import Instance, Night
    from pyros.scheduling.what_if import WhatIf

BURST = "burst"
BURST_LIMITS = Constraints(min_moon_separation_deg=None, min_sky_mag=None)
"""An alert waives the Moon, never the horizon and the Sun."""
BURST_PRIORITY = 100.0
_AFTER_START = re.compile(r"\+(\d{1,2}):([0-5]\d)")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to ask of a plan.

    Args:
        instance: The problem, with a programme for the burst if one is asked about.
        events: What would happen.
        now_s: When, seconds after the night's start.
    """

    instance: Instance
    events: tuple[Event, ...]
    now_s: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add `--closed-until`, `--without`, `--burst` and `--at` to `pyros plan`."""
    asked = parser.add_argument_group("what if (the plan itself stays as it is)")
    asked.add_argument(
        "--closed-until", metavar="TIME", help="closed until 23:00 (UTC) or +2:30 (after the start)"
    )
    asked.add_argument("--without", metavar="DEVICE", help="this device lost for the night")
    asked.add_argument(
        "--burst", nargs=2, type=float, metavar=("RA", "DEC"), help="a burst there, ICRS degrees"
    )
    asked.add_argument("--burst-duration", type=float, default=1200.0, help="seconds; 1200")
    asked.add_argument("--at", metavar="TIME", default="+0:00", help="when it happens; +0:00")


def question(options: argparse.Namespace, instance: Instance) -> Question | None:
    """What the options ask, None when they ask nothing.

    Raises:
        PermanentError: A line for each option that is wrong.
    """
    faults: list[str] = []
    now_s = _second(instance.night, "--at", options.at, faults)
    events: list[Event] = []
    if options.closed_until is not None:
        until_s = _second(instance.night, "--closed-until", options.closed_until, faults)
        if not faults and until_s <= now_s:
            faults.append(
                f"--closed-until {options.closed_until} is not after {clock(now_s)}: give a later"
            )
        events.append(Closure(start_s=now_s, end_s=until_s))
    if options.without is not None:
        known = sorted({device for s in instance.sequences for device in s.devices})
        if options.without not in known:
            names = ", ".join(known) or "none; sequences name theirs in `devices`"
            faults.append(f"--without {options.without}: no sequence needs it (known: {names})")
        events.append(DeviceLost(device=options.without, end_s=instance.night.duration_s))
    if options.burst is not None:
        ra_deg, dec_deg = options.burst
        duration_s = options.burst_duration
        faults += _burst_faults(ra_deg, dec_deg, duration_s)
        if not faults:
            sequence = _burst(instance, ra_deg, dec_deg, duration_s=duration_s, now_s=now_s)
            events.append(AlertArrived(sequence=sequence))
            extra = Programme(id=BURST, quota_s=duration_s)
            instance = replace(instance, programmes=(*instance.programmes, extra))
    if faults:
        raise PermanentError("\n".join(faults))
    if not events:
        return None
    return Question(instance=instance, events=tuple(events), now_s=now_s)


def _second(night: Night, option: str, text: str, faults: list[str]) -> float:
    """Seconds after the night's start of `+h:mm`, or of the next `hh:mm` UTC after it."""
    after, on_clock = _AFTER_START.fullmatch(text), _CLOCK.fullmatch(text)
    second = math.nan
    if after is not None:
        second = 3600.0 * int(after[1]) + 60.0 * int(after[2])
    elif on_clock is not None:
        start = datetime_from_unix(night.start_unix_s).astimezone(UTC)
        moment = start.replace(hour=int(on_clock[1]), minute=int(on_clock[2]), second=0)
        moment = moment.replace(microsecond=0)
        moment += timedelta(days=1) if moment < start else timedelta()
        second = (moment - start).total_seconds()
    if not 0.0 <= second <= night.duration_s:
        begin = _iso(night.start_unix_s)
        end = _iso(night.start_unix_s + night.duration_s)
        faults.append(
            f"{option} {text}: give hh:mm UTC between {begin} and {end}, or +h:mm after the start"
        )
        return 0.0
    return second


def _iso(unix_s: float) -> str:
    moment: datetime = datetime_from_unix(unix_s)
    return f"{moment:%Y-%m-%d %H:%M}"


def _burst_faults(ra_deg: float, dec_deg: float, duration_s: float) -> list[str]:
    faults = []
    if not (math.isfinite(ra_deg) and 0.0 <= ra_deg <= 360.0):
        faults.append(f"--burst: RA {ra_deg:g} is outside 0..360 degrees")
    if not (math.isfinite(dec_deg) and -90.0 <= dec_deg <= 90.0):
        faults.append(f"--burst: DEC {dec_deg:g} is outside -90..90 degrees")
    if not (math.isfinite(duration_s) and duration_s > 0.0):
        faults.append(f"--burst-duration {duration_s:g}: give seconds, more than 0")
    return faults


def _burst(
    instance: Instance, ra_deg: float, dec_deg: float, *, duration_s: float, now_s: float
) -> Sequence:
    night = instance.night
    site = Site(
        name=instance.name or "instance",
        latitude_deg=night.latitude_deg,
        longitude_deg=night.longitude_deg,
        height_m=night.height_m,
    )
    start = night.start_unix_s
    grid = SkyGrid.over(site, start, start + night.duration_s)
    target = FixedTarget(ra_deg=ra_deg, dec_deg=dec_deg)
    found = windows(grid, target, BURST_LIMITS, exposure_s=duration_s)
    spans = [(max(begin - start, now_s), end - start) for begin, end in found]
    return Sequence(
        id=BURST,
        programme=BURST,
        priority=BURST_PRIORITY,
        filter=instance.sequences[0].filter if instance.sequences else "",
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        duration_s=duration_s,
        windows_s=tuple(span for span in spans if span[1] - span[0] >= duration_s),
        alert=True,
    )


def sentences(answer: WhatIf) -> list[str]:
    """The answer in lines: the value, then what would be gained, lost and moved."""
    plan = answer.plan
    lines = [f"value {plan.value:.1f}, {answer.value_change:+.1f} against the plan as it is"]
    for name in answer.gained:
        placement = plan.placement(name)
        if placement is not None:
            lines.append(f"gained  {name} at {clock(placement.start_s)} on {placement.telescope}")
    for name in answer.lost:
        rejection = plan.rejection(name)
        why = f"{rejection.reason.value}: {rejection.sentence}" if rejection else "interrupted"
        lines.append(f"lost    {name} {why}")
    lines += [f"moved   {name} by {shift:+d} s" for name, shift in answer.moved_s.items()]
    burst = plan.rejection(BURST)
    if burst is not None:
        lines.append(f"not planned  {BURST} {burst.reason.value}: {burst.sentence}")
    return lines


def as_json(answer: WhatIf) -> dict[str, Any]:
    """The answer for programs, to stand beside the plan as it would be."""
    return {
        "value_change": round(answer.value_change, 3),
        "gained": list(answer.gained),
        "lost": list(answer.lost),
        "moved_s": answer.moved_s,
    }
