"""Whether a dome obeys: orders repeated until it is seen closed, an alarm when it is not. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from actors.safety.settings import SafetySettings

Act = Literal["order", "alarm", "relief"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """How far the closing of one dome is.

    Attributes:
        first_s: Loop time of the first order of this closing, None when none is needed.
        last_s: Loop time of the latest one.
        alarmed: Whether people were told that it is overdue.
    """

    first_s: float | None = None
    last_s: float = 0.0
    alarmed: bool = False


def overdue(closure: Closure, now_s: float, settings: SafetySettings) -> bool:
    """Whether the dome should long be closed: then its lease is not renewed either."""
    if closure.first_s is None:
        return False
    return now_s - closure.first_s > settings.closing_s + settings.closing_margin_s


def follow_up(
    closure: Closure,
    *,
    must_close: bool,
    seen_closed: bool,
    answers: bool,
    now_s: float,
    settings: SafetySettings,
) -> tuple[Closure, tuple[Act, ...]]:
    """What to do about a dome now.

    Args:
        closure: How far it is.
        must_close: Whether the verdict is anything but SAFE.
        seen_closed: Whether fresh telemetry shows it closed.
        answers: Whether the dome is heard; one that is not is ordered less often.
        now_s: Loop time.
        settings: Patience.

    Returns:
        The closure after that; `order` it closed, raise the `alarm`, or tell the `relief` that an
        overdue dome is closed after all.
    """
    if seen_closed:
        return Closure(), ("relief",) if closure.alarmed else ()
    if not must_close:
        return Closure(), ()
    acts: list[Act] = []
    first_s = now_s if closure.first_s is None else closure.first_s
    period_s = settings.reorder_s if answers else settings.unheard_reorder_s
    if closure.first_s is None or now_s - closure.last_s >= period_s:
        acts.append("order")
        closure = replace(closure, last_s=now_s)
    closure = replace(closure, first_s=first_s)
    if not closure.alarmed and overdue(closure, now_s, settings):
        acts.append("alarm")
        closure = replace(closure, alarmed=True)
    return closure, tuple(acts)
