"""The journal: whatever anyone publishes as a `JournalEntry` is committed, in order, in batches.

Nothing in the observatory waits for it. Entries are taken at once; a task of its own commits them,
one batch at a time. While the database fails, entries stay in a bounded buffer (which outlives this
actor's restarts), the failure is logged once, and writing is tried again with growing pauses.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from actors.journal.lines import line_of, repaired
from actors.journal.messages import Flush, GetDigest, JournalEntry, JournalWritten
from pyros.actor import Actor, Message, Rejected
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actors.journal.buffer import JournalBuffer
    from actors.journal.settings import JournalSettings
    from pyros.actor import Deferred, TimerHandle
    from pyros.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write(Message):
    """To itself: a batch has waited long enough, or a pause is over."""


class Journal(Actor):
    """Writes the journal.

    Args:
        store: An open store.
        buffer: Where entries wait; the same one for every incarnation.
        settings: Sizes and pauses.
    """

    def __init__(self, *, store: Store, buffer: JournalBuffer, settings: JournalSettings) -> None:
        super().__init__()
        self._store = store
        self._buffer = buffer
        self._settings = settings
        self._turn: asyncio.Lock | None = None
        self._due: TimerHandle | None = None
        self._writing = False
        self._failures = 0

    async def on_start(self) -> None:
        """Take entries, and first of all those that a former incarnation left."""
        self._turn = asyncio.Lock()
        self._buffer.put_back()
        self.subscribe(JournalEntry)
        self._arrange()

    async def on_stop(self) -> None:
        """Commit what is left; what cannot be written now is counted in the log."""
        self._buffer.put_back()
        self._turn = asyncio.Lock()  # a cancelled writer has let go of its batch
        try:
            await self._drain()
        except PyrosError as error:
            self.log.error("stopped with %d entries not written: %s", len(self._buffer), error)  # noqa: TRY400 - one line

    async def on_receive(self, message: Message) -> Any:
        """Take an entry, or answer when all that was taken is committed."""
        match message:
            case JournalEntry(trace_id=trace_id):
                # An event is heard in the trace of what made its publisher say it.
                self._buffer.add(replace(message, trace_id=trace_id or self.trace_id))
                self._arrange()
            case _Write():
                self._due = None
                self._write()
            case Flush():
                self._answer(self.defer(), self._store.journal.last_seq)
            case GetDigest(since=since):
                self._answer(self.defer(), lambda: self._store.journal.digest(since=since))
            case _:
                return await super().on_receive(message)
        return None

    def _arrange(self) -> None:
        """Write at once when a batch is full, else soon; never before a pause is over."""
        if self._writing or not self._buffer:
            return
        if len(self._buffer) >= self._settings.batch_entries and not self._failures:
            self._write()
        elif self._due is None:
            self._due = self._write_after(self._settings.batch_s)

    def _write_after(self, wall_s: float) -> TimerHandle:
        return self.tell_later(self.clock.wall_to_loop_s(wall_s), _Write())

    def _write(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if not self._writing:
            self._writing = True
            self.start_task(self._write_all(), name="write")

    async def _write_all(self) -> None:
        try:
            await self._drain()
        except PyrosError as error:
            self._failed(error)
        finally:
            self._writing = False
        self._arrange()

    async def _drain(self) -> None:
        """Commit all that waits, batch by batch.

        Raises:
            StoreUnavailableError: A batch was not written; it waits again.
        """
        assert self._turn is not None  # noqa: S101 - set in on_start
        async with self._turn:
            while self._buffer:
                batch = self._buffer.take(self._settings.batch_entries)
                try:
                    seqs = await self._commit(batch)
                except BaseException:
                    self._buffer.put_back()
                    raise
                self._buffer.written()
                for seq, entry in zip(seqs, batch, strict=True):
                    self.publish(JournalWritten(seq=seq, entry=entry))
                self._recovered()

    async def _commit(self, batch: list[JournalEntry]) -> tuple[int, ...]:
        lines = [line_of(entry) for entry in batch]
        try:
            return await self._store.journal.append(lines)
        except TypeError as error:
            self.log.warning("an entry's data is no JSON: %s", error)
            return await self._store.journal.append([repaired(line) for line in lines])

    def _failed(self, error: PyrosError) -> None:
        if self._failures == 0:
            self.log.error("cannot write, %d entries kept in memory: %s", len(self._buffer), error)
        pauses = self._settings.retry_s
        self._due = self._write_after(pauses[min(self._failures, len(pauses) - 1)])
        self._failures += 1

    def _recovered(self) -> None:
        if self._failures:
            self.log.warning("writing again after %d failed tries", self._failures)
            self._failures = 0
        lost = self._buffer.take_lost()
        if lost:
            self._buffer.add(
                JournalEntry(
                    kind="alarm",
                    severity="alarm",
                    subject=self.path,
                    text=f"{lost} entries were lost while the database could not be written",
                    time_utc=self.clock.now(),
                    who=self.path,
                    data={"lost": lost},
                )
            )

    def _answer(self, deferred: Deferred[Any], question: Callable[[], Awaitable[Any]]) -> None:
        """Answer a question about the journal when all that was taken is committed."""

        async def drain_and_ask() -> None:
            try:
                await self._drain()
                deferred.set(await question())
            except PyrosError as error:
                deferred.fail(Rejected(f"{self.path}: {error}"))

        self.start_task(drain_and_ask(), name="answer")
