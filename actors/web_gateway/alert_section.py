"""Alerts as the pages show them: decision, reasons, and the milliseconds of each stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.alert_handler.messages import AlertUpdated
from actors.web_gateway.changes import Change, Drop, Json, Put
from actors.web_gateway.json_values import instant, number
from actors.web_gateway.sky_view import Target

if TYPE_CHECKING:
    from actors.alert_handler.messages import StrategiesInForce
    from actors.sequencer.messages import AlertStage
    from actors.web_gateway.live_model import LiveModel

DRAWN = 5
"""Newest accepted alerts that the sky plot shows."""
MAX_ALERTS = 60
"""Newest alerts on the pages; the store has them all."""


def alert_targets(model: LiveModel) -> tuple[Target, ...]:
    """Where the accepted alerts of the pages are, for the sky plot."""
    found = []
    for alert_id, known in model.under("alerts").items():
        if not isinstance(known, dict) or known.get("decision") != "accepted":
            continue
        ra_deg, dec_deg = known.get("ra_deg"), known.get("dec_deg")
        if isinstance(ra_deg, float) and isinstance(dec_deg, float):
            found.append(Target(f"alert/{alert_id}", ra_deg, dec_deg))
    return tuple(found[-DRAWN:])


def alert(event: AlertUpdated | AlertStage, model: LiveModel) -> list[Change]:
    """An alert as it stands, with all stages heard of so far."""
    key = f"alerts/{event.alert_id}"
    known = model.record(key)
    stages = known.get("stages")
    merged: dict[str, Json] = dict(stages) if isinstance(stages, dict) else {}
    if not isinstance(event, AlertUpdated):
        merged.setdefault(event.stage, number(event.after_ms, 3))
        named: dict[str, Json] = {"alert_id": event.alert_id, "received_utc": None}
        return [Put(key=key, value={**named, **known, "stages": merged})]
    merged |= {stage: number(after_ms, 3) for stage, after_ms in event.stages.items()}
    value: dict[str, Json] = {
        "alert_id": event.alert_id,
        "state": event.state,
        "ivorn": event.ivorn,
        "stream": event.stream,
        "decision": event.decision,
        "reasons": list(event.reasons),
        "t0_utc": instant(event.t0_utc),
        "ra_deg": number(event.ra_deg),
        "dec_deg": number(event.dec_deg),
        "error_deg": number(event.error_deg),
        "injected": event.injected,
        "received_utc": instant(event.received_utc),
        "sequence_id": event.sequence_id,
        "strategy": event.strategy,
        "stages": merged,
    }
    kept = [name for name in model.paths() if name.startswith("alerts/") and name != key]
    old: list[Change] = [Drop(key=name) for name in kept[: max(0, len(kept) + 1 - MAX_ALERTS)]]
    return [*old, Put(key=key, value=value)]


def strategies(event: StrategiesInForce) -> Change:
    """The strategies there are and which is the default."""
    return Put(
        key="strategies",
        value={
            "default": event.default,
            "changes": event.changes,
            "classes": list(event.classes),
            "strategies": [
                {"name": one.name, "rank": one.rank, "summary": one.summary}
                for one in event.strategies
            ],
        },
    )
