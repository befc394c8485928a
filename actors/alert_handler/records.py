"""What the alert handler writes down and tells: judgements, events, journal lines, updates."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from actors.alert_handler.messages import AlertUpdated
from actors.journal.messages import JournalEntry
from pyros.domain.alert.book import Action, Outcome
from pyros.store import AlertRecord, JournalLine, Judgement

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from actors.alert_handler.events import FollowedEvent
    from pyros.domain.alert.notice import Notice

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
        details={
            "strategy": followed.strategy.name if followed.strategy is not None else None,
            "phase_done": followed.phase_done,
        },
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
