"""Moves and bookings on their way to the database, oldest first, kept while it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.journal.messages import JournalWritten
from actors.scheduler.records import Batch, entry_of_line, line_of_move, state_move
from pyros.store import StoreUnavailableError

if TYPE_CHECKING:
    import logging
    from datetime import datetime

    from actors.scheduler.ledger import Closing
    from pyros.store import Store


class Batches:
    """What waits to be stored; without a database it waits, a night is not lost to a full disk.

    Args:
        store: The database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unsaved: list[Batch] = []

    def add(self, batch: Batch) -> None:
        """One more transaction, after those that wait."""
        self._unsaved.append(batch)

    def closings(self) -> tuple[Closing, ...]:
        """What the database's accounts do not hold yet."""
        return tuple(closing for batch in self._unsaved for closing in batch.closings)

    async def save(
        self, time_utc: datetime, log: logging.Logger | logging.LoggerAdapter[logging.Logger]
    ) -> list[JournalWritten]:
        """Store what waits until the database refuses; returns the lines that are written."""
        written: list[JournalWritten] = []
        while self._unsaved:
            batch = self._unsaved[0]
            lines = [line_of_move(move, time_utc) for move in batch.moves]
            try:
                numbers = await self._store.requests.move(
                    [state_move(move, time_utc) for move in batch.moves],
                    lines=lines,
                    ledger=batch.bookings,
                )
            except StoreUnavailableError as error:
                log.warning("%d batches of moves wait: %s", len(self._unsaved), error)
                break
            self._unsaved.pop(0)
            written += [
                JournalWritten(seq=seq, entry=entry_of_line(line))
                for seq, line in zip(numbers, lines, strict=True)
            ]
        return written
