"""Pure: which moments of an event advocates are told of, once each, and in which words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from actors.alert_handler.messages import AlertUpdated
    from actors.archive.messages import FrameArchived

_DECIDED = frozenset({"accepted", "deferred", "held"})
_OVER = frozenset({"OBSERVED", "CLOSED", "RETRACTED"})
_MOST_EVENTS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulletin:
    """One message to advocates.

    Attributes:
        alert_id: The event.
        moment: `decision`, `first-image` or `outcome`.
        subject: One line.
        text: The whole, for people.
        facts: The same for programs, JSON values.
    """

    alert_id: str
    moment: str
    subject: str
    text: str
    facts: dict[str, object]


@dataclass(slots=True, kw_only=True)
class Told:
    """What was told of each event; the last event known of each.

    Attributes:
        page: Address of the live page.
        tests: Whether test alerts are told.
    """

    page: str
    tests: bool
    _moments: dict[str, set[str]] = field(default_factory=dict)
    _last: dict[str, AlertUpdated] = field(default_factory=dict)

    def update(self, event: AlertUpdated) -> Bulletin | None:
        """A bulletin when the event was decided on, or is over; None otherwise."""
        if event.injected and not self.tests:
            return None
        if event.decision not in _DECIDED and event.alert_id not in self._moments:
            return None
        self._last[event.alert_id] = event
        while len(self._last) > _MOST_EVENTS:
            oldest = next(iter(self._last))
            del self._last[oldest]
            self._moments.pop(oldest, None)
        if event.state in _OVER and "decision" in self._moments.get(event.alert_id, ()):
            return self._once(event, "outcome", f"{event.alert_id} is {event.state.lower()}", "")
        if event.decision in _DECIDED:
            where = _where(event)
            return self._once(
                event, "decision", f"{event.alert_id} {event.decision}: {event.stream} {where}", ""
            )
        return None

    def frame(self, archived: FrameArchived) -> Bulletin | None:
        """A bulletin for the first image of an event; None otherwise."""
        event = self._last.get(archived.frame.context.alert_id or "")
        if event is None:
            return None
        context = archived.frame.context
        line = f"first image: {archived.path}, {context.filter_name}, {archived.stars} stars"
        subject = f"{event.alert_id}: first image in {context.filter_name}"
        bulletin = self._once(event, "first-image", subject, line)
        if bulletin is not None:
            bulletin.facts["image"] = archived.path
        return bulletin

    def _once(self, event: AlertUpdated, moment: str, subject: str, line: str) -> Bulletin | None:
        told = self._moments.setdefault(event.alert_id, set())
        if moment in told:
            return None
        told.add(moment)
        return Bulletin(
            alert_id=event.alert_id,
            moment=moment,
            subject=f"[PyROS{' TEST' if event.injected else ''}] {subject}",
            text=_text(event, line, self.page),
            facts={
                "alert_id": event.alert_id,
                "moment": moment,
                "state": event.state,
                "decision": event.decision,
                "reasons": list(event.reasons),
                "stream": event.stream,
                "ivorn": event.ivorn,
                "injected": event.injected,
                "t0_utc": _iso(event.t0_utc),
                "ra_deg": event.ra_deg,
                "dec_deg": event.dec_deg,
                "error_deg": event.error_deg,
                "stages_ms": dict(event.stages),
                "page": self.page,
            },
        )


def _text(event: AlertUpdated, line: str, page: str) -> str:
    stages = ", ".join(f"{name} {ms / 1000:.3f} s" for name, ms in event.stages.items())
    parts = [
        f"{event.alert_id}: {event.decision}, {event.state}",
        f"notice {event.ivorn} of {event.stream}, T0 {_iso(event.t0_utc) or 'unknown'}",
        _where(event),
        line,
        "reasons:",
        *(f"  - {reason}" for reason in event.reasons),
        f"after receipt: {stages}",
        page,
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _where(event: AlertUpdated) -> str:
    if event.ra_deg is None or event.dec_deg is None:
        return "no position"
    error = f" +- {event.error_deg:.4f}" if event.error_deg is not None else ""
    return f"RA {event.ra_deg:.5f} Dec {event.dec_deg:+.5f}{error} deg (ICRS)"


def _iso(time_utc: datetime | None) -> str | None:
    return None if time_utc is None else time_utc.isoformat().replace("+00:00", "Z")
