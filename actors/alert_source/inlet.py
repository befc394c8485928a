"""The way from a source to the alert handler: at a pace, bounded, and answered when stored."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from actors.alert_source.messages import PacketReceived, PacketStored
from actors.alert_source.pace import Pace
from actors.journal.messages import JournalEntry
from protocols.notice_parser import MAX_JSON_BYTES

if TYPE_CHECKING:
    from actors.alert_source.settings import PaceSettings
    from pyros.actor import Actor, ActorRef

STORE_TIMEOUT_S = 10.0
_TELL_EVERY_S = 60.0


class Inlet:
    """Hands the packets of one source on.

    Args:
        actor: The source: lends clock and the right to publish.
        handler: Who stores and judges.
        source: Source id; trust belongs to it.
        pace: How fast packets may come.
    """

    def __init__(
        self, actor: Actor, handler: ActorRef[Any], *, source: str, pace: PaceSettings
    ) -> None:
        self._actor = actor
        self._handler = handler
        self._source = source
        self._pace = Pace(per_s=pace.per_s, burst=pace.burst, patience_s=pace.patience_s)
        self._told_s: float | None = None

    async def take(
        self,
        raw: bytes,
        *,
        topic: str | None = None,
        received_monotonic_s: float | None = None,
    ) -> PacketStored:
        """Give a packet to the alert handler; the answer says whether its bytes are committed.

        A handler that does not answer in time is no acceptance: the peer will send again.
        """
        clock = self._actor.clock
        monotonic_s = clock.monotonic_s()
        received_utc = clock.now()
        if len(raw) > MAX_JSON_BYTES:
            reason = f"{len(raw)} bytes; at most {MAX_JSON_BYTES} are taken"
            return PacketStored(accepted=False, reason=reason, ivorn=None)
        per_wall = clock.wall_to_loop_s(1.0)
        wait_s = self._pace.wait_s(monotonic_s / per_wall)
        if wait_s is None:
            return self._too_many(monotonic_s / per_wall)
        if wait_s > 0:
            await asyncio.sleep(wait_s * per_wall)
        packet = PacketReceived(
            raw=raw,
            source=self._source,
            topic=topic,
            received_utc=received_utc,
            received_monotonic_s=(
                monotonic_s if received_monotonic_s is None else received_monotonic_s
            ),
        )
        try:
            return await self._handler.ask(packet, timeout_s=STORE_TIMEOUT_S)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  (any failure means: not stored, send again)
            return PacketStored(
                accepted=False, reason=f"not stored: {error}", ivorn=None, stored=False
            )

    def _too_many(self, now_s: float) -> PacketStored:
        reason = f"more than {self._pace.per_s:g} packets a second from {self._source}; send again"
        if self._told_s is None or now_s - self._told_s > _TELL_EVERY_S:
            self._told_s = now_s
            self._actor.publish(
                JournalEntry(
                    kind="alarm",
                    subject=self._actor.path,
                    text=f"{self._pace.refused} packets refused: {reason}",
                    time_utc=self._actor.clock.now(),
                    data={"refused": self._pace.refused, "source": self._source},
                    severity="alarm",
                    who="alert source",
                )
            )
        return PacketStored(accepted=False, reason=reason, ivorn=None, stored=False)
