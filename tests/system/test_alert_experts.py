"""What experts and token holders send, on the whole site: judged by the same rules as all else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from actors.alert_handler.messages import (
    NoteByHand,
    StopFollowUp,
    StrategiesInForce,
    SwitchStrategy,
)
from actors.alert_source.messages import PacketReceived, PacketStored
from actors.alert_source.settings import HttpTokenSettings
from pyros.actor import Actor, ChildSpec, Message, Rejected
from tests.system.alert_night import CONFIG, ECLAIRS, SWIFT, AlertNight, at_night, settings

if TYPE_CHECKING:
    from pathlib import Path

RULES = CONFIG.parents[1] / "alerts.toml"


class Reader(Actor):
    """Keeps what the handler says of its strategies."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[StrategiesInForce] = []

    async def on_start(self) -> None:
        """Listen."""
        self.subscribe(StrategiesInForce)

    async def on_receive(self, message: Message) -> Any:
        """Note."""
        if isinstance(message, StrategiesInForce):
            self.told.append(message)


def test_strategies_in_force_are_told_after_each_switch(tmp_path: Path) -> None:
    """A switch is told with the new default, an unknown name changes nothing, files come back."""

    async def story(night: AlertNight) -> None:
        reader = Reader()
        await night.site.control.spawn(ChildSpec(name="reader", factory=lambda: reader))
        by = {"who": "Ann", "why": "GW night"}
        await night.handler.ask(SwitchStrategy(name="grb-wide", **by))
        with pytest.raises(Rejected, match="best"):
            await night.handler.ask(SwitchStrategy(name="best", **by))
        await night.handler.ask(SwitchStrategy(name=None, **by))
        await night.until(lambda: len(reader.told) >= 2, within_s=30.0, what="both are told")
        assert [(one.default, one.changes) for one in reader.told] == [
            ("grb-wide", 1),
            ("other", 0),
        ]
        names = [one.name for one in reader.told[0].strategies]
        assert names[0] == "grb-localised"
        assert "GRB" in reader.told[0].classes

    at_night(tmp_path, story)


def test_corrected_event_keeps_its_class_and_says_why_it_ended(tmp_path: Path) -> None:
    """An expert who gives a place says nothing of the class: an X-ray transient stays one.

    Stopping it is the last of its reasons.
    """

    async def story(night: AlertNight) -> None:
        ra_deg, dec_deg = night.in_view()
        entered = NoteByHand(
            alert_id=None,
            t0_utc=night.clock.now(),
            ra_deg=ra_deg,
            dec_deg=dec_deg,
            error_deg=0.01,
            classification="X_RAY_TRANSIENT",
            who="Ann",
            why="GCN Circular 40000",
        )
        await night.handler.ask(entered)
        event = await night.until(
            lambda: night.event("-001"), within_s=30.0, what="the event is judged"
        )
        assert event is not None
        await night.handler.ask(
            NoteByHand(
                alert_id=event.alert_id,
                t0_utc=None,
                ra_deg=ra_deg,
                dec_deg=dec_deg,
                error_deg=0.001,
                who="Ann",
                why="GCN Circular 40001",
            )
        )
        stopped = StopFollowUp(alert_id=event.alert_id, who="Ann", why="a flare star")
        await night.handler.ask(stopped)
        closed = await night.until(
            lambda: one if (one := night.event("-001")) and one.state == "CLOSED" else None,
            within_s=30.0,
            what="the event is closed",
        )
        assert closed is not None
        assert closed.strategy == event.strategy == "grb-localised"
        assert closed.reasons[-1] == "stopped by Ann: a flare star"
        packets = await night.site.plant.store.alerts.packets_of(event.alert_id)
        classes = [(one.notice or {}).get("classification") for one in packets]
        assert classes == ["X_RAY_TRANSIENT", "X_RAY_TRANSIENT"]
        assert {one.source for one in packets} == {"operator"}

    at_night(tmp_path, story)


def test_token_speaks_only_for_its_own_authorities(tmp_path: Path) -> None:
    """Trust is that of the token's name; a name without rules may only be logged."""
    rules = tmp_path / "alerts.toml"
    granted = '\n[gate.sources.institute]\ntrust = "act"\nauthorities = ["org.svom/fsc"]\n'
    text = RULES.read_text("utf-8")
    rules.write_text(text.replace("\n[gate.sources.file]\n", f"{granted}\n[gate.sources.file]\n"))
    shipped = settings()
    tokens = tuple(
        HttpTokenSettings(name=name, token_variable="UNREAD")  # noqa: S106 - a name
        for name in ("institute", "amateurs")
    )
    changed = msgspec.structs.replace(
        shipped,
        alerts=msgspec.structs.replace(
            shipped.alerts,
            handler=msgspec.structs.replace(shipped.alerts.handler, rules=str(rules)),
            sources=msgspec.structs.replace(shipped.alerts.sources, http=tokens),
        ),
    )

    async def story(night: AlertNight) -> None:
        async def post(name: str, raw: bytes) -> PacketStored:
            packet = PacketReceived(
                raw=raw,
                source=name,
                topic=None,
                received_utc=night.clock.now(),
                received_monotonic_s=night.clock.monotonic_s(),
            )
            inlet = night.site.control.ref(f"/alerts/source-http-{name}")
            return await inlet.ask(packet, timeout_s=30.0)

        await night.routine_runs()
        assert (await post("institute", night.young(SWIFT))).accepted
        assert (await post("amateurs", night.young(ECLAIRS))).accepted
        assert (await post("institute", night.young(ECLAIRS))).accepted
        event = await night.stage("-001", "slew-command")
        assert (event.decision, event.stream) == ("accepted", "svom-eclairs")
        found = await night.site.plant.store.alerts.recent_packets()
        told = [(one.source, one.decision, " ".join(one.reasons)) for one in reversed(found)]
        assert [one[:2] for one in told] == [
            ("institute", "ignored"),
            ("amateurs", "ignored"),
            ("institute", "accepted"),
        ]
        assert "institute may not speak for" in told[0][2]
        assert "amateurs may only be logged" in told[1][2]
        lines = [one.line for one in await night.lines() if one.line.kind == "alert"]
        sources = [line.data["source"] for line in lines if "source" in line.data]
        assert sources[:3] == ["institute", "amateurs", "institute"]

    at_night(tmp_path, story, changed=changed)
