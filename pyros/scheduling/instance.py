"""What a night's planner is given: the dark time, telescopes, programmes and sequences.

Times are seconds after `Night.start_unix_s`; angles are degrees, ICRS.
`pyros.scheduling.instance_file` reads and checks the JSON form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Span = tuple[float, float]

MAX_NIGHT_S = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """The time to be planned and the sky's turn.

    Args:
        start_unix_s: When second 0 is.
        duration_s: Length of the usable time, 0..86400; nothing runs past it.
        lst_at_start_deg: Local sidereal time at second 0.
        latitude_deg: Of the site.
        longitude_deg: Of the site, east positive.
        height_m: Of the site.
    """

    start_unix_s: float
    duration_s: float
    lst_at_start_deg: float
    latitude_deg: float
    longitude_deg: float = 0.0
    height_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Telescope:
    """One telescope of the node.

    Args:
        id: Its name.
        slew_rate_deg_s: Speed on the sky.
        settle_s: Time to settle after a slew.
        filter_change_s: Time to change the filter, in parallel with the slew.
        closed_s: Spans in which it cannot observe (weather, dome, maintenance).
    """

    id: str = "telescope"
    slew_rate_deg_s: float
    settle_s: float = 0.0
    filter_change_s: float = 0.0
    closed_s: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """Who asks for time.

    Args:
        id: Its name.
        quota_s: Seconds it may still be charged this night: the smaller of what the semester has
            left and its share of the night (`pyros.scheduling.quota_ledger`).
    """

    id: str
    quota_s: float


@dataclass(frozen=True, slots=True)
class NoWindow:
    """Why the sky gives a sequence no window tonight: a reason's code, numbers, and a sentence."""

    reason: str
    sentence: str
    numbers: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """One pointing that asks for time; the unit of planning.

    Args:
        id: Unique in the night.
        programme: Id of the programme that is charged.
        priority: Weight of a minute, positive.
        filter: First filter; a change costs the telescope's `filter_change_s`.
        ra_deg: Position at the night's middle.
        dec_deg: Position at the night's middle.
        duration_s: Whole duration without the set-up before it.
        windows_s: Spans in which the whole sequence must lie.
        alert: Goes before everything else (target of opportunity).
        mandatory: Goes before everything but alerts.
        filler: Only in time that nothing else wants.
        request: Request it belongs to.
        all_or_nothing: Place all sequences of the request or none.
        telescopes: Ids of the telescopes that can do it; all when empty.
        devices: Ids of devices it needs (cameras, wheels).
        no_window: Why `windows_s` is empty, when the caller knows.
    """

    id: str
    programme: str
    priority: float
    filter: str
    ra_deg: float
    dec_deg: float
    duration_s: float
    windows_s: tuple[Span, ...]
    alert: bool = False
    mandatory: bool = False
    filler: bool = False
    request: str = ""
    all_or_nothing: bool = False
    telescopes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    no_window: NoWindow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A placement that must not change: done, running, pending, or published and frozen.

    Args:
        id: The sequence.
        start_s: When it starts or started.
        telescope: Where; the first that can when empty.
        end_s: When it ends, where that is not start plus duration (an overrun, an early end).
    """

    id: str
    start_s: float
    telescope: str = ""
    end_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A whole planning problem.

    Args:
        name: For logs.
        night: Time and place.
        telescopes: At least one.
        programmes: With unique ids.
        sequences: With unique ids.
        committed: Placements that stand.
        published: Starts that observers were told; moving one by more than 5 minutes costs
            `move_penalty` of the sequence's value.
        device_down: Device id to the spans in which it is lost.
        fill_idle: Whether time left over goes to sequences beyond their quota, flagged as bonus.
        move_penalty: Share of its value that a moved published sequence loses in the objective.
        reference: Figures that came with the instance (bound, values of others), untouched.
    """

    name: str = ""
    night: Night
    telescopes: tuple[Telescope, ...]
    programmes: tuple[Programme, ...]
    sequences: tuple[Sequence, ...]
    committed: tuple[Committed, ...] = ()
    published: Mapping[str, float] = field(default_factory=dict)
    device_down: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    fill_idle: bool = False
    move_penalty: float = 0.03
    reference: Mapping[str, float] = field(default_factory=dict)


def without(spans: tuple[Span, ...], holes: tuple[Span, ...]) -> tuple[Span, ...]:
    """The spans less the holes, in order."""
    for low, high in holes:
        cut: list[Span] = []
        for start, end in spans:
            if end <= low or start >= high:
                cut.append((start, end))
                continue
            if start < low:
                cut.append((start, low))
            if end > high:
                cut.append((high, end))
        spans = tuple(cut)
    return spans
