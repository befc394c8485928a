"""What the alert handler writes down and tells: judgements, events, journal lines, updates."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from actors.alert_handler.follow_up import Place
from actors.alert_handler.messages import AlertUpdated
from actors.journal.messages import JournalEntry
from pyros.domain.alert.book import Action, Outcome
from pyros.store import AlertRecord, JournalLine, Judgement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.alert_handler.events import FollowedEvent
    from pyros.domain.alert.notice import Notice
    from pyros.domain.alert.strategy import StrategyBook

_LOUD = frozenset({Action.OBSERVE, Action.STOP})


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLine:
    """A decision as it is stored with its judgement, and as everyone is told."""

    stored: JournalLine
    entry: JournalEntry


def judgement_record(
    packet_id: int,
    notice: Notice | None,
    decision: str,
    reasons: tuple[str, ...],
    alert_id: str | None,
    judged_utc: datetime,
) -> Judgement:
    """What was made of a packet."""
    return Judgement(
        packet_id=packet_id,
        ivorn=(notice.ivorn or notice.notice_id) if notice is not None else None,
        notice=_plain(notice) if notice is not None else None,
        decision=decision,
        reasons=reasons,
        alert_id=alert_id,
        judged_utc=judged_utc,
    )


def _plain(notice: Notice) -> dict[str, object]:
    """A notice as JSON values; what a mapping proxy holds is copied."""
    fields = {
        name: dict(value) if name == "significance" else value
        for name, value in ((name, getattr(notice, name)) for name in notice.__slots__)
    }
    fields["cites"] = [asdict(cite) for cite in notice.cites]
    fields["external"] = [asdict(one) for one in notice.external]
    fields["sky_map"] = None if notice.sky_map is None else {"inline": notice.sky_map.inline}
    return fields


def alert_record(followed: FollowedEvent, state: str, now_utc: datetime) -> AlertRecord:
    """An event as the store keeps it."""
    return AlertRecord(
        alert_id=followed.alert_id,
        state=state,
        ivorn=followed.ivorn,
        stream=followed.stream,
        decision=followed.decision,
        reasons=followed.reasons,
        t0_utc=followed.t0_utc,
        ra_deg=followed.ra_deg,
        dec_deg=followed.dec_deg,
        error_deg=followed.error_deg,
        injected=followed.injected,
        received_utc=followed.trace.received_utc,
        updated_utc=now_utc,
        sequence_id=followed.sequence_id,
        details=memory_of(followed),
    )


def memory_of(followed: FollowedEvent) -> dict[str, object]:
    """What the handler needs to go on with an event after a start, as JSON values."""
    running = followed.field_running
    return {
        "strategy": followed.strategy.name if followed.strategy is not None else None,
        "strategy_by_hand": followed.strategy_by_hand,
        "phase_done": followed.phase_done,
        "phase_running": followed.phase_running,
        "number": followed.number,
        "aborted": followed.aborted,
        "pointed": followed.pointed,
        "tiled_as": followed.tiled_as,
        "fields": [_plain_place(place) for place in followed.fields],
        "field_running": None if running is None else _plain_place(running),
    }


def recall_memory(
    followed: FollowedEvent, kept: Mapping[str, Any], book: StrategyBook, *, completed: bool
) -> None:
    """Give an event back what `memory_of` kept; what is missing or no longer makes sense is left.

    Args:
        followed: The event; `begun` says whether its latest sequence is on the telescope.
        kept: What `memory_of` made.
        book: The strategies in force.
        completed: Whether its latest sequence was completed without this being noted. One that
            neither runs nor was completed is observed anew.
    """
    if kept.get("strategy_by_hand"):
        named = [one for one in book.strategies if one.name == kept.get("strategy")]
        followed.strategy_by_hand = bool(named)
        followed.strategy = named[0] if named else followed.strategy
    followed.phase_done = int(kept.get("phase_done", -1))
    followed.phase_running = int(kept.get("phase_running", 0))
    followed.number = max(followed.number, int(kept.get("number", 0)))
    followed.aborted = bool(kept.get("aborted", False))
    pointed, tiled_as, running = (
        kept.get(name) for name in ("pointed", "tiled_as", "field_running")
    )
    followed.pointed = (pointed[0], pointed[1]) if pointed else None
    followed.tiled_as = (tiled_as[0], tiled_as[1], tiled_as[2]) if tiled_as else None
    left = [_place_of(one) for one in kept.get("fields", ())]
    if running is not None and followed.begun:
        followed.field_running = _place_of(running)
    elif running is not None and not completed:
        left.insert(0, replace(_place_of(running), begin_utc=None))
    if completed and not left:
        followed.phase_done = max(followed.phase_done, followed.phase_running)
    followed.fields = tuple(left)


def _plain_place(place: Place) -> list[object]:
    begin_utc = place.begin_utc
    return [
        place.ra_deg,
        place.dec_deg,
        place.field,
        None if begin_utc is None else begin_utc.isoformat(),
    ]


def _place_of(plain: Sequence[Any]) -> Place:
    ra_deg, dec_deg, name, begin = plain
    return Place(
        ra_deg=float(ra_deg),
        dec_deg=float(dec_deg),
        field=str(name),
        begin_utc=None if begin is None else datetime.fromisoformat(begin),
    )


def decision_line(
    *,
    subject: str,
    text: str,
    time_utc: datetime,
    data: Mapping[str, object],
    loud: bool = False,
) -> DecisionLine:
    """A decision in words and numbers, for the journal and for everyone."""
    severity = "notice" if loud else "info"
    stored = JournalLine(
        kind="alert",
        subject=subject,
        text=text,
        time_utc=time_utc,
        data=data,
        severity=severity,
        who="alert handler",
    )
    entry = JournalEntry(
        kind="alert",
        subject=subject,
        text=text,
        time_utc=time_utc,
        data=data,
        severity="notice" if loud else "info",
        who="alert handler",
    )
    return DecisionLine(stored=stored, entry=entry)


def outcome_line(
    notice: Notice,
    outcome: Outcome,
    reasons: tuple[str, ...],
    *,
    injected: bool,
    time_utc: datetime,
) -> DecisionLine:
    """The line that explains what became of a notice."""
    identity = notice.ivorn or notice.notice_id
    return decision_line(
        subject=outcome.key or identity,
        text=f"{notice.packet_name or notice.stream} {outcome.judgement.decision}"
        f" -> {outcome.action}: {'; '.join(reasons)}",
        time_utc=time_utc,
        data={
            "ivorn": identity,
            "source": notice.source,
            "decision": outcome.judgement.decision.value,
            "action": outcome.action.value,
            "codes": [reason.code for reason in outcome.judgement.reasons],
            "how": outcome.how,
            "injected": injected,
        },
        loud=outcome.action in _LOUD,
    )


def event_update(followed: FollowedEvent, state: str) -> AlertUpdated:
    """An event as everyone sees it."""
    return AlertUpdated(
        alert_id=followed.alert_id,
        state=state,
        ivorn=followed.ivorn,
        stream=followed.stream,
        decision=followed.decision,
        reasons=followed.reasons,
        t0_utc=followed.t0_utc,
        ra_deg=followed.ra_deg,
        dec_deg=followed.dec_deg,
        error_deg=followed.error_deg,
        injected=followed.injected,
        received_utc=followed.trace.received_utc,
        stages=dict(followed.trace.stages),
        sequence_id=followed.sequence_id,
        strategy=None if followed.strategy is None else followed.strategy.name,
    )


def ignored_update(
    notice: Notice,
    outcome: Outcome,
    reasons: tuple[str, ...],
    *,
    injected: bool,
    judged_after_ms: float,
) -> AlertUpdated:
    """A notice that belongs to no event: shown with its reasons."""
    identity = notice.ivorn or notice.notice_id
    return AlertUpdated(
        alert_id=identity,
        state="IGNORED",
        ivorn=identity,
        stream=notice.stream,
        decision=outcome.judgement.decision.value,
        reasons=reasons,
        t0_utc=notice.t0_utc,
        ra_deg=notice.ra_deg,
        dec_deg=notice.dec_deg,
        error_deg=notice.error_deg,
        injected=injected,
        received_utc=notice.received_utc,
        stages={"received": 0.0, "judged": round(judged_after_ms, 3)},
        sequence_id=None,
    )
