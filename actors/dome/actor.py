"""The dome actor: opens with safety's consent only, closes at once, follows the telescope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from actors.device import notes
from actors.device.actor import DeviceActor
from actors.device.messages import Command, DeviceStatus
from actors.device.postconditions import azimuth_difference_deg
from actors.device.readings import good_flag, good_text
from actors.dome import slit
from actors.dome.messages import SLIT_ALIGNED, CloseNow
from actors.dome.settings import DomeSettings
from actors.safety.messages import CloseOrder, Consent, MayOpen
from pyros.actor import ActorRef, DeadActorError, Message
from pyros.domain.device import CommandStatus, DeviceKind, Reading
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.device.arguments import DeviceArguments
    from actors.device.commands import Pending
    from protocols.payloads import Value
    from pyros.actor import Actor, Deferred
    from pyros.domain.device import CommandOutcome

_UNASKED = "safety was not asked"
_TELESCOPE_AGE_S = 60.0
"""A telescope's status is published every ten seconds; an older one leads nowhere."""
_RETRY_TURN_S = 60.0
"""Observatory seconds to leave a dome alone that failed to turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Consented(Message):
    """To itself: safety answered, or did not, whether the dome may open."""

    consent: Consent | None
    problem: str
    closings: int
    cause: str
    asker: Deferred[CommandOutcome]


class DomeActor(DeviceActor[DomeSettings]):
    """One dome.

    Args:
        safety: Who consents to openings.
        follows: Unit of the telescope whose beam the slit follows; the dome's own by default.
        device: As for every device (`DeviceArguments`).
    """

    kind = DeviceKind.DOME

    def __init__(
        self,
        *,
        safety: ActorRef[Actor],
        follows: str | None = None,
        **device: Unpack[DeviceArguments[DomeSettings]],
    ) -> None:
        super().__init__(**device)
        self._safety = safety
        self._follows = follows or self.unit
        self._telescope: DeviceStatus | None = None
        self._closings = 0
        self._refused_opening = _UNASKED
        self._follow_from_s = 0.0
        self._by_lease = False

    async def on_start(self) -> None:
        """Listen to the dome, to its telescope and to safety."""
        await super().on_start()
        follows = self._follows
        self.subscribe(
            DeviceStatus,
            only=lambda said: said.kind is DeviceKind.TELESCOPE and said.unit == follows,
        )
        self.subscribe(CloseOrder)

    async def on_receive(self, message: Message) -> Any:
        """Handle what concerns domes only."""
        match message:
            case DeviceStatus():
                self._telescope = message
                self._follow()
            case CloseNow(cause=cause):
                self._close(cause)
            case CloseOrder(reasons=reasons):
                self._close("; ".join(reason.text for reason in reasons))
            case Command(verb="open", args=args, cause=cause) if not args:
                self._ask_consent(cause)
            case Command(verb="close"):
                self._closings += 1
                return await super().on_receive(message)
            case _Consented():
                self._open(message)
            case _:
                return await super().on_receive(message)
        return None

    # --- opening and closing -------------------------------------------------------------------

    def _ask_consent(self, cause: str) -> None:
        asker = self.defer()
        self.start_task(self._consent(self._closings, cause, asker), name="consent")

    async def _consent(self, closings: int, cause: str, asker: Deferred[CommandOutcome]) -> None:
        """Ask safety; what goes wrong on the way is no consent."""
        consent, problem = None, ""
        try:
            consent = await self._safety.ask(
                MayOpen(unit=self.unit), timeout_s=self._settings.consent_s
            )
        except (PyrosError, DeadActorError) as error:
            problem = str(error)
        self.ref.tell(
            _Consented(
                consent=consent, problem=problem, closings=closings, cause=cause, asker=asker
            )
        )

    def _open(self, answer: _Consented) -> None:
        """Open if safety consented and nobody has ordered to close since it was asked."""
        refused = ""
        if answer.consent is None:
            refused = f"safety does not answer: {answer.problem}"
        elif not answer.consent.granted:
            because = "; ".join(reason.text for reason in answer.consent.reasons)
            refused = f"safety does not consent: {because or 'no reason given'}"
        elif answer.closings != self._closings:
            refused = "it was ordered to close since safety was asked"
        self._refused_opening = refused
        self.start_command("open", {}, cause=answer.cause, asker=answer.asker)
        self._refused_opening = _UNASKED

    def refusal(self, verb: str, args: Mapping[str, Value]) -> str:
        """Open only on the path that asks safety; turn anywhere."""
        del args
        return self._refused_opening if verb == "open" else ""

    def _close(self, cause: str) -> None:
        """Close: supersedes what runs; an equal close that runs goes on."""
        self._closings += 1
        self.start_command("close", {}, cause=cause)

    def at_rest(self) -> bool:
        """Whether nothing of it is seen to move."""
        readings = self.model.now(self.clock.now())
        still = good_text(readings, "shutter") in {"open", "closed"}
        return still and good_flag(readings, "turning") is False

    # --- the slit ------------------------------------------------------------------------------

    def on_telemetry(self, *, changed: bool) -> None:
        """Follow, now that the dome has moved; tell when it closed by itself."""
        if not changed:
            return
        self._follow()
        by_lease = good_flag(self.model.readings, "closed_by_lease")
        if by_lease is not None and by_lease is not self._by_lease:
            self._by_lease = by_lease
            if by_lease:
                text = f"{self.device} closes by itself: its lease ran out"
                self.publish(notes.alarm(self.path, text, self.clock.now()))

    def _follow(self) -> None:
        if not self.model.usable or self.clock.monotonic_s() < self._follow_from_s:
            return
        readings = self.model.now(self.clock.now())
        wanted_deg = slit.turn_to_deg(readings, self._beam(), self._settings)
        running = self.desks.running
        if wanted_deg is None or (running is not None and running.verb != "turn"):
            return
        if running is not None:
            towards = running.args["azimuth_deg"]
            assert isinstance(towards, float)  # noqa: S101 - this method sent it
            leads_deg = azimuth_difference_deg(towards, wanted_deg)
            if abs(leads_deg) <= self._settings.turn_beyond_deg:
                return
        self.start_command(
            "turn", {"azimuth_deg": round(wanted_deg, 2) % 360.0}, cause="slit follows telescope"
        )

    def on_command_end(self, pending: Pending, outcome: CommandOutcome) -> None:
        """Leave a dome alone for a while that failed to turn."""
        if pending.verb == "turn" and outcome.status in {
            CommandStatus.FAILED,
            CommandStatus.TIMEOUT,
        }:
            self._follow_from_s = self.clock.monotonic_s() + _RETRY_TURN_S

    def _beam(self) -> Mapping[str, Reading]:
        """The telescope's readings, none when its status is old."""
        status = self._telescope
        if status is None:
            return {}
        age_s = (self.clock.now() - status.time_utc).total_seconds()
        slack_s = self.clock.wall_to_loop_s(self._settings.slack_s)
        return status.readings if age_s <= _TELESCOPE_AGE_S + slack_s else {}

    def derived(self) -> dict[str, Reading]:
        """Whether the telescope looks out through the slit."""
        now_utc = self.clock.now()
        sees = slit.sees_out(self.model.now(now_utc), self._beam(), self._settings)
        if sees is None:
            return {}
        return {SLIT_ALIGNED: Reading(value=sees, unit="", time_utc=now_utc)}
