"""What the journal has received and not yet committed: bounded, outliving the actor's restarts.

When the bound is reached, the least important goes first: an `info` gives way to everything, an
alarm to nothing but another alarm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.journal.messages import JournalEntry

RANK = {"info": 0, "notice": 1, "warning": 2, "alarm": 3}


class JournalBuffer:
    """Entries on their way to the database, in the order received.

    Args:
        capacity: Entries held at most.

    Attributes:
        lost: Entries dropped since `take_lost` was last called.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: list[JournalEntry] = []
        self._in_flight: list[JournalEntry] = []
        self.lost = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._in_flight)

    def add(self, entry: JournalEntry) -> None:
        """Keep an entry; when full, the oldest of the least important ones is lost."""
        self._waiting.append(entry)
        if len(self) <= self._capacity:
            return
        ranks = [RANK[waiting.severity] for waiting in self._waiting]
        del self._waiting[ranks.index(min(ranks))]
        self.lost += 1

    def take(self, count: int) -> list[JournalEntry]:
        """The oldest entries, to be committed; then call `written` or `put_back`."""
        self._in_flight, self._waiting = self._waiting[:count], self._waiting[count:]
        return self._in_flight

    def written(self) -> None:
        """What was taken is on disk."""
        self._in_flight = []

    def put_back(self) -> None:
        """What was taken is not on disk: it is the oldest again."""
        self._waiting = self._in_flight + self._waiting
        self._in_flight = []

    def take_lost(self) -> int:
        """How many entries were lost since this was last asked."""
        lost, self.lost = self.lost, 0
        return lost
