"""Between the observatory's words and the planner's: sequences to an instance, a plan to events.

Pure. The planner counts seconds after the start of the dark time; windows come from the sky engine,
each held over the whole sequence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from actors.scheduler.messages import NotScheduled, ScheduledSequence
from pyros.clock import datetime_from_unix, unix_from_datetime
from pyros.domain.programme import Grade, priority
from pyros.domain.sequence import ChannelTimes, duration_s
from pyros.domain.target import J2000_JYEAR
from pyros.scheduling.instance import (
    Committed,
    Instance,
    Night,
    NoWindow,
    Programme,
    Sequence,
    Telescope,
)
from pyros.sky import (
    Constraints,
    FixedTarget,
    SkyGrid,
    local_sidereal_deg,
    obstacle,
    windows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actors.scheduler.book import Entry
    from actors.scheduler.settings import SchedulerSettings
    from pyros.domain.programme import ScientificProgramme
    from pyros.scheduling.plan import Plan
    from pyros.sky.site import Site

_GRID_STEP_S = 60.0
ALERT_PRIORITY = 100.0
QUOTA_WAIVED = "quota waived"
"""Whom the planner charges for alerts, and for what runs in idle time beyond its quota."""
_AFTER_START = re.compile(r"([+-])(\d+):(\d\d):(\d\d)\b")
"""How the planner writes instants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NightSky:
    """The dark time of one night: what windows are found on.

    Attributes:
        site: Where.
        start_unix_s: Second 0 of the plan.
        end_unix_s: End of the dark time.
        grid: The sky at each minute of it.
    """

    site: Site
    start_unix_s: float
    end_unix_s: float
    grid: SkyGrid

    @classmethod
    def over(cls, site: Site, start_unix_s: float, end_unix_s: float) -> NightSky:
        """The sky of a dark time."""
        return cls(
            site=site,
            start_unix_s=start_unix_s,
            end_unix_s=end_unix_s,
            grid=SkyGrid.over(site, start_unix_s, end_unix_s, step_s=_GRID_STEP_S),
        )

    def planner_night(self) -> Night:
        """The same for the planner."""
        return Night(
            start_unix_s=self.start_unix_s,
            duration_s=self.end_unix_s - self.start_unix_s,
            lst_at_start_deg=local_sidereal_deg(self.site, self.start_unix_s),
            latitude_deg=self.site.latitude_deg,
            longitude_deg=self.site.longitude_deg,
            height_m=self.site.height_m,
        )


def sequence_windows(
    sky: NightSky, entry: Entry, length_s: float
) -> tuple[tuple[tuple[float, float], ...], NoWindow | None]:
    """Windows of a sequence in seconds after the night's start, or why there are none."""
    sequence = entry.sequence
    ra_deg, dec_deg = sequence.target.position(J2000_JYEAR)
    target = FixedTarget(
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        pm_ra_mas_yr=sequence.target.pm_ra_mas_yr,
        pm_dec_mas_yr=sequence.target.pm_dec_mas_yr,
    )
    limits = _constraints(entry, sky)
    spans = windows(sky.grid, target, limits, exposure_s=length_s)
    found = tuple((low - sky.start_unix_s, high - sky.start_unix_s) for low, high in spans)
    if found:
        return found, None
    found_in_way = obstacle(sky.grid, target, limits, exposure_s=length_s)
    if found_in_way is None:
        return (), NoWindow("NEVER_VISIBLE", "no window tonight")
    return (), NoWindow(found_in_way.code, found_in_way.sentence, found_in_way.numbers)


def _constraints(entry: Entry, sky: NightSky) -> Constraints:
    sequence = entry.sequence
    earliest = unix_from_datetime(sequence.earliest_utc) if sequence.earliest_utc else None
    latest = unix_from_datetime(sequence.latest_utc) if sequence.latest_utc else None
    span = (
        sky.start_unix_s if earliest is None else earliest,
        sky.end_unix_s if latest is None else latest,
    )
    waived = sequence.alert_id is not None
    return Constraints(
        min_altitude_deg=sequence.min_altitude_deg,
        max_sun_altitude_deg=None,  # the dark time itself is the limit
        min_moon_separation_deg=None if waived else sequence.min_moon_separation_deg,
        min_sky_mag=None,
        user_spans=(span,),
    )


def planner_sequence(
    entry: Entry,
    programme: ScientificProgramme,
    windows_s: tuple[tuple[float, float], ...],
    no_window: NoWindow | None,
    times: Mapping[str, ChannelTimes],
) -> Sequence:
    """One sequence in the planner's words."""
    sequence = entry.sequence
    alert = sequence.alert_id is not None
    first = next((plan for album in sequence.albums for plan in album.plans), None)
    return Sequence(
        id=sequence.sequence_id,
        programme=QUOTA_WAIVED if alert else sequence.programme_id,
        priority=(
            ALERT_PRIORITY if alert else float(priority(programme.grade, sequence.priority_delta))
        ),
        filter=first.filter_name if first is not None else "",
        ra_deg=sequence.target.ra_deg,
        dec_deg=sequence.target.dec_deg,
        duration_s=duration_s(sequence, times),
        windows_s=windows_s,
        alert=alert or programme.grade is Grade.ALERT,
        mandatory=sequence.mandatory,
        request=sequence.request_id,
        devices=tuple(sorted(album.channel for album in sequence.albums)),
        no_window=no_window,
    )


def as_bonus(sequence: Sequence) -> Sequence:
    """A sequence that was begun beyond its quota: it stands, and costs its programme nothing."""
    return replace(sequence, filler=True, programme=QUOTA_WAIVED)


def instance(
    *,
    unit: str,
    sky: NightSky,
    sequences: Iterable[Sequence],
    programmes: Iterable[ScientificProgramme],
    quota_left_s: Mapping[str, float],
    committed: Iterable[Committed],
    published: Mapping[str, float],
    lost_channels: Iterable[str],
    now_s: float,
    closed_s: float,
    settings: SchedulerSettings,
) -> Instance:
    """A whole planning problem of one telescope.

    Args:
        unit: Telescope id.
        sky: The dark time.
        sequences: In the planner's words.
        programmes: All programmes.
        quota_left_s: What each may still be charged tonight; a missing one has no limit.
        committed: What runs or is about to.
        published: Starts that were published, seconds after the start.
        lost_channels: Cameras that cannot be used from now on.
        now_s: Seconds after the night's start.
        closed_s: How long from now nothing can be observed, 0 when open.
        settings: Slew, settle and filter times.
    """
    end_s = sky.end_unix_s - sky.start_unix_s
    return Instance(
        name=f"{unit} from {now_s:.0f} s",
        night=sky.planner_night(),
        telescopes=(
            Telescope(
                id=unit,
                slew_rate_deg_s=settings.slew_rate_deg_s,
                settle_s=settings.settle_s,
                filter_change_s=settings.filter_change_s,
                closed_s=((now_s, now_s + closed_s),) if closed_s > 0 else (),
            ),
        ),
        programmes=(
            *(
                Programme(
                    id=programme.programme_id,
                    quota_s=quota_left_s.get(programme.programme_id, end_s),
                )
                for programme in programmes
            ),
            Programme(id=QUOTA_WAIVED, quota_s=end_s),
        ),
        sequences=tuple(sequences),
        committed=tuple(committed),
        published=dict(published),
        device_down=dict.fromkeys(lost_channels, ((now_s, end_s),)),
        fill_idle=settings.fill_idle,
    )


def scheduled(
    plan: Plan, entries: Mapping[str, Entry], sky: NightSky, priorities: Mapping[str, float]
) -> tuple[ScheduledSequence, ...]:
    """The plan's placements as everyone sees them."""
    placed: list[ScheduledSequence] = []
    for placement in plan.placements:
        entry = entries[placement.id]
        sequence = entry.sequence
        placed.append(
            ScheduledSequence(
                sequence_id=placement.id,
                name=sequence.name,
                programme_id=sequence.programme_id,
                start_utc=datetime_from_unix(sky.start_unix_s + placement.start_s),
                end_utc=datetime_from_unix(sky.start_unix_s + placement.end_s),
                priority=int(priorities.get(placement.id, 0)),
                filters=tuple(
                    dict.fromkeys(
                        plan_.filter_name for album in sequence.albums for plan_ in album.plans
                    )
                ),
                ra_deg=sequence.target.ra_deg,
                dec_deg=sequence.target.dec_deg,
                bonus=placement.bonus,
            )
        )
    return tuple(placed)


def not_scheduled(
    plan: Plan, entries: Mapping[str, Entry], sky: NightSky
) -> tuple[NotScheduled, ...]:
    """Why each of the others is not in the plan."""
    return tuple(
        NotScheduled(
            sequence_id=rejection.id,
            name=entries[rejection.id].sequence.name,
            programme_id=entries[rejection.id].sequence.programme_id,
            code=rejection.reason.value,
            text=in_utc(rejection.sentence, sky.start_unix_s),
        )
        for rejection in plan.rejected
    )


def in_utc(sentence: str, start_unix_s: float) -> str:
    """A planner's sentence with its times after the night's start (+h:mm:ss) as times of day."""

    def time_of_day(found: re.Match[str]) -> str:
        sign, hours, minutes, seconds = found.groups()
        after_s = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        at_s = start_unix_s + (after_s if sign == "+" else -after_s)
        return f"{datetime_from_unix(at_s):%H:%M:%S}"

    return _AFTER_START.sub(time_of_day, sentence)
