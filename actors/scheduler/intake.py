"""Takes requests in: refuses what the telescope or the quota cannot bear, stores the rest whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from actors.scheduler.assignment import refusal, unit_for
from actors.scheduler.ledger import reservations
from actors.scheduler.nightly import request_of_night
from actors.scheduler.records import refused_entry
from pyros.actor import Rejected
from pyros.scheduling.quota_ledger import QuotaExceededError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from actors.journal.messages import JournalEntry
    from actors.scheduler.book import Book
    from pyros.domain.programme import ScientificProgramme
    from pyros.domain.request import Request
    from pyros.domain.sequence import ChannelTimes
    from pyros.store import Store


class Intake:
    """The door through which requests come into the book and the database.

    Args:
        unit: Telescope id.
        store: The database.
        book: Where they are kept.
        programmes: All programmes.
        channel_times: Overheads of the telescope's channels.
        channels_by_unit: Channels of every telescope of the site.
    """

    def __init__(
        self,
        *,
        unit: str,
        store: Store,
        book: Book,
        programmes: tuple[ScientificProgramme, ...],
        channel_times: Mapping[str, ChannelTimes],
        channels_by_unit: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._unit = unit
        self._store = store
        self._book = book
        self._programmes = programmes
        self._channel_times = channel_times
        self._channels_by_unit = channels_by_unit

    async def reload(self) -> None:
        """Fill the book with the open requests of the database that are this telescope's."""
        requests = await self._store.requests.open_requests()
        stored = await self._store.requests.states()
        states = {identity: (item.state, item.reason) for identity, item in stored.items()}
        reserved_s = {identity: item.reserved_s for identity, item in stored.items()}
        for request in requests:
            if self._serves(request):
                self._book.add(request, states, reserved_s)

    def _serves(self, request: Request) -> bool:
        """Whether the request is this telescope's among those of the site."""
        return unit_for(request, self._channels_by_unit) == self._unit

    async def take_nightly(
        self, templates: tuple[Request, ...], night: str, now_utc: datetime
    ) -> list[JournalEntry]:
        """Take in what is asked for every night; returns why some of it is refused tonight."""
        refused: list[JournalEntry] = []
        for template in templates:
            request = request_of_night(template, night)
            if not self._serves(request):
                continue
            request = replace(request, telescope=self._unit)
            try:
                await self.take(request, submitted_by="every night", now_utc=now_utc)
            except Rejected as error:
                refused.append(refused_entry(request, str(error), now_utc))
        return refused

    async def take(self, request: Request, *, submitted_by: str, now_utc: datetime) -> bool:
        """Take a request in with all its sequences, and reserve their time.

        Returns:
            False when it was taken in before.

        Raises:
            Rejected: The programme or a channel is unknown, or its semester has less time left;
                nothing of the request is kept.
        """
        refused = refusal(request, self._unit, self._channel_times, self._programmes)
        if refused is not None:
            raise Rejected(refused)
        if await self._store.requests.get(request.request_id) is not None:
            return False
        reserved_s = reservations(request, self._channel_times)
        try:
            await self._store.requests.add(
                request, submitted_by=submitted_by, submitted_utc=now_utc, reserved_s=reserved_s
            )
        except QuotaExceededError as error:
            raise Rejected(f"request {request.request_id} is refused: {error}") from error
        self._book.add(request, {}, reserved_s)
        return True
