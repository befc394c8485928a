"""Sky maps elsewhere or beside a position: had while the follow-up runs, then judged as a packet.

Never before the first pointing: a notice is judged and acted on by its position. A map at an
address that is not there yet is tried again, with longer and longer waits.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocols.lvk import sky_map_fits
from protocols.map_fetch import MapNotThereError, fetch_map
from protocols.map_notice import write_map_packet
from pyros.domain.alert.event import EventState
from pyros.domain.alert.map_policy import MapRefusedError, wants_map
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actors.alert_handler.events import EventDesk, FollowedEvent
    from actors.alert_handler.scribe import Scribe
    from pyros.actor import Actor
    from pyros.domain.alert.notice import Notice
    from pyros.store import PacketRecord, Store

MOST_AT_ONCE = 4
"""Maps that are fetched at the same time; the others wait."""
MOST_OF_AN_EVENT = 20
"""Maps of one event that are looked at."""
_DEADLINE_S = 20.0
_OVER = frozenset({EventState.CLOSED, EventState.MERGED, EventState.RETRACTED})


@dataclass(slots=True, kw_only=True)
class MapWork:
    """Fetches the maps of one alert handler's events.

    Attributes:
        actor: The handler: lends clock and tasks.
        desk: The events being followed, and the rules.
        scribe: Who writes down.
        store: The database: the notice's own bytes are taken from it.
        take: Takes in the packet that a map and its notice make, and its source.
        enabled: Whether anything is fetched at all: never in virtual time.
    """

    actor: Actor
    desk: EventDesk
    scribe: Scribe
    store: Store
    take: Callable[[bytes, PacketRecord], Awaitable[object]]
    enabled: bool
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))

    def consider(self, notice: Notice, followed: FollowedEvent | None, packet_id: int) -> None:
        """Have the map of an event's notice fetched or taken out, if it has one that is wanted."""
        sky_map, rules = notice.sky_map, self.desk.rules.rules
        if followed is None or sky_map is None:
            return
        url = None if sky_map.inline else sky_map.url
        where = url or notice.notice_id
        if url is not None and not (self.enabled and rules.maps.hosts + rules.maps.plain_hosts):
            return
        if where in followed.map_urls or not wants_map(notice, self.actor.clock.now(), rules.gate):
            return
        if len(followed.map_urls) >= MOST_OF_AN_EVENT:
            self.actor.log.warning("%s names more maps: %s", followed.alert_id, where[:200])
            return
        followed.map_urls.add(where)
        self.actor.start_task(self._work(followed, url, packet_id), name=f"sky map {where[:80]}")

    async def _work(self, followed: FollowedEvent, url: str | None, packet_id: int) -> None:
        try:
            fits = await self._fetch(followed, url) if url is not None else b""
            packet = await self.store.alerts.packet(packet_id) if fits is not None else None
            if packet is None or fits is None:
                return
            if url is None:
                fits = await self.actor.blocking(sky_map_fits, packet.raw, deadline_s=_DEADLINE_S)
            await self.take(write_map_packet(packet.raw, fits, url or "in the notice"), packet)
        except PyrosError as error:  # no map, no thread, no database: the position stands
            self._tell(followed, f"not taken: {error}", 1)

    async def _fetch(self, followed: FollowedEvent, url: str) -> bytes | None:
        """Try until the map is there; None when it is refused, given up, or wanted no more."""
        clock, policy = self.actor.clock, self.desk.rules.rules.maps
        waits_s = policy.waits_s()
        tries = 0
        while self.desk.event_state(followed.alert_id) not in _OVER:
            tries += 1
            try:
                async with self._free:
                    timeout_s = clock.wall_to_loop_s(policy.timeout_s)
                    return await fetch_map(url, policy, timeout_s=timeout_s)
            except MapRefusedError as error:
                self._tell(followed, f"not taken: {error}", tries)
                return None
            except MapNotThereError as error:
                wait_s = next(waits_s, None)
                if wait_s is None:
                    self._tell(followed, f"given up after {tries} tries: {error}", tries)
                    return None
                if tries == 1:
                    self._tell(followed, f"not there yet, tried again: {error}", tries)
            await asyncio.sleep(clock.wall_to_loop_s(wait_s))
        return None

    def _tell(self, followed: FollowedEvent, text: str, tries: int) -> None:
        self.scribe.say(followed, f"sky map {text}", {"tries": tries})
