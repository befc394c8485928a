"""The watcher: journals what the kernel says of itself (restarts, limits, dead letters, stalls).

It acts on nothing: supervisors restart, and the process itself is watched by its service manager.
Its worth is that nothing dies or is lost in silence.
"""

from __future__ import annotations

from typing import Any

from actors.journal.messages import JournalEntry, Severity
from protocols.mqtt.session import LinkDown, LinkUp
from pyros.actor import Actor, DeadLetter, Lane, LifecycleEvent, Message, State, Undelivered
from pyros.actor.watchdog import LoopStalled

_QUIET_REASONS = frozenset({Undelivered.LATE_REPLY, Undelivered.EXPIRED})
_LOUD_LANES = frozenset({Lane.SYSTEM, Lane.SAFETY})


class Watcher(Actor):
    """Watches one system."""

    def __init__(self) -> None:
        super().__init__()
        self._link_is_up: bool | None = None

    async def on_start(self) -> None:
        """Listen to the kernel."""
        self.subscribe(LifecycleEvent, DeadLetter, LoopStalled, LinkUp, LinkDown)

    async def on_receive(self, message: Message) -> Any:
        """Journal what matters."""
        match message:
            case LifecycleEvent():
                self._lifecycle(message)
            case DeadLetter():
                self._dead_letter(message)
            case LoopStalled():
                self._journal(
                    message.path or "event loop",
                    f"the loop was held for {message.held_s * 1000:.0f} ms while handling "
                    f"{message.handling or 'nothing of an actor'}",
                    {"wall_held_s": message.held_s, "wall_stack": message.stack[-2000:]},
                    "warning",
                )
            case LinkUp() | LinkDown():
                self._link(message)
            case _:
                return await super().on_receive(message)
        return None

    def _lifecycle(self, event: LifecycleEvent) -> None:
        """Restarts and ends are told; first starts are the order of the day."""
        match event.state:
            case State.BACKOFF:
                text, severity = f"crashed and is restarted: {event.detail}", "warning"
            case State.RUNNING if event.incarnation > 1:
                text, severity = f"runs again (incarnation {event.incarnation})", "notice"
            case State.STOPPED if event.detail and "shutdown" not in event.detail:
                text, severity = f"stopped: {event.detail}", "info"
            case _:
                return
        self._journal(
            event.path,
            text,
            {"state": event.state.value, "incarnation": event.incarnation},
            "alarm" if "restart_limit" in event.detail else _severity(severity),
        )

    def _dead_letter(self, letter: DeadLetter) -> None:
        """A message of weight that nobody got; what merely came late is the ring's business."""
        if letter.reason in _QUIET_REASONS or letter.in_lane not in _LOUD_LANES:
            return
        self._journal(
            letter.target,
            f"{type(letter.message).__name__} from {letter.sender or 'outside'} was not delivered: "
            f"{letter.reason.value}",
            {"reason": letter.reason.value, "message": type(letter.message).__name__},
            "warning",
        )

    def _link(self, event: LinkUp | LinkDown) -> None:
        up = isinstance(event, LinkUp)
        if up == self._link_is_up:
            return
        self._link_is_up = up
        reason = "" if isinstance(event, LinkUp) else f": {event.reason}"
        self._journal(
            "/infrastructure/mqtt",
            f"MQTT broker {'connected' if up else 'lost'}{reason}",
            {"up": up},
            "info" if up else "alarm",
        )

    def _journal(
        self, subject: str, text: str, data: dict[str, object], severity: Severity
    ) -> None:
        self.publish(
            JournalEntry(
                kind="system",
                subject=subject,
                text=text,
                time_utc=self.clock.now(),
                data=data,
                severity=severity,
                who="watcher",
            )
        )


def _severity(name: str) -> Severity:
    """The severity of a lifecycle event."""
    return "warning" if name == "warning" else "notice" if name == "notice" else "info"
