"""What can happen to a running night, and how it changes the instance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from pyros.scheduling.instance import Instance, Sequence, Span, without

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertArrived:
    """A burst: its sequence goes first, as early as it can.

    Args:
        sequence: What to observe; taken as `alert` whatever it says.
        interrupt: Whether the sequence that runs is given up for it.
    """

    sequence: Sequence
    interrupt: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Nothing can be observed for a while (weather, dome); what runs is given up.

    Args:
        start_s: From.
        end_s: Until, as far as one knows.
        telescope: Which telescope; all when empty.
    """

    start_s: float
    end_s: float
    telescope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopening:
    """Closures end now."""

    telescope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLost:
    """A device cannot be used from now until a time."""

    device: str
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceBack:
    """A device can be used again."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrun:
    """A sequence that runs will end at another time than planned."""

    id: str
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """New sequences ask for time."""

    sequences: tuple[Sequence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Sequences are withdrawn, or ended before their time."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaChanged:
    """A programme's quota of this night is another."""

    programme: str
    quota_s: float


Event = (
    AlertArrived
    | Closure
    | Reopening
    | DeviceLost
    | DeviceBack
    | Overrun
    | Submitted
    | Cancelled
    | QuotaChanged
)


def apply(instance: Instance, event: Event, *, now_s: float) -> Instance:
    """The instance after an event.

    Args:
        instance: Before.
        event: What happened.
        now_s: Present, seconds after the night's start.
    """
    match event:
        case AlertArrived(sequence=sequence):
            kept = tuple(s for s in instance.sequences if s.id != sequence.id)
            return replace(instance, sequences=(*kept, replace(sequence, alert=True)))
        case Closure(start_s=start, end_s=end, telescope=name):
            return _with_closed(instance, name, lambda spans: (*spans, (start, end)))
        case Reopening(telescope=name):
            return _with_closed(instance, name, lambda spans: without(spans, ((now_s, 1e9),)))
        case DeviceLost(device=device, end_s=end):
            spans = (*instance.device_down.get(device, ()), (now_s, end))
            return replace(instance, device_down={**instance.device_down, device: spans})
        case DeviceBack(device=device):
            spans = without(instance.device_down.get(device, ()), ((now_s, 1e9),))
            return replace(instance, device_down={**instance.device_down, device: spans})
        case Overrun():
            return instance
        case Submitted(sequences=sequences):
            new = {s.id for s in sequences}
            kept = tuple(s for s in instance.sequences if s.id not in new)
            return replace(instance, sequences=(*kept, *sequences))
        case Cancelled(ids=ids):
            kept = tuple(s for s in instance.sequences if s.id not in ids)
            committed = tuple(c for c in instance.committed if c.id not in ids)
            return replace(instance, sequences=kept, committed=committed)
        case QuotaChanged(programme=programme, quota_s=quota):
            changed = tuple(
                replace(p, quota_s=quota) if p.id == programme else p for p in instance.programmes
            )
            return replace(instance, programmes=changed)
    assert_never(event)


def _with_closed(
    instance: Instance, name: str, change: Callable[[tuple[Span, ...]], tuple[Span, ...]]
) -> Instance:
    telescopes = tuple(
        replace(t, closed_s=change(t.closed_s)) if name in ("", t.id) else t
        for t in instance.telescopes
    )
    return replace(instance, telescopes=telescopes)
