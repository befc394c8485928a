"""Tests of the journal actor on a real store, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from actors.journal.actor import Journal
from actors.journal.buffer import JournalBuffer
from actors.journal.messages import Flush, GetDigest, JournalEntry, JournalWritten
from actors.journal.settings import JournalSettings
from pyros.actor import Actor, ActorRef, ActorSystem, ChildSpec, Message, Rejected, Request
from pyros.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

pytestmark = pytest.mark.asyncio

NOW_UTC = datetime(2026, 11, 23, 20, tzinfo=UTC)


def _entry(text: str = "opened", **changes: Any) -> JournalEntry:
    fields = {
        "kind": "transition",
        "subject": "/devices/tel1/dome",
        "text": text,
        "time_utc": NOW_UTC,
        "data": {"n": 1},
    }
    return JournalEntry(**(fields | changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard(Request[tuple[tuple[int, str], ...]]):
    """What a listener has heard."""


class Listener(Actor):
    """Hears what was written."""

    async def on_start(self) -> None:
        self.heard: list[tuple[int, str]] = []
        self.subscribe(JournalWritten)

    async def on_receive(self, message: Message) -> Any:
        match message:
            case JournalWritten(seq=seq, entry=entry):
                self.heard.append((seq, entry.text))
            case Heard():
                return tuple(self.heard)
        return None


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An open store in files."""
    async with Store(tmp_path) as opened:
        yield opened


@pytest.fixture
def journal(system: ActorSystem, store: Store) -> Callable[..., Any]:
    """Spawns the journal with the settings that a test names."""

    async def spawn(buffer: JournalBuffer | None = None, **settings: Any) -> ActorRef[Journal]:
        chosen = JournalSettings(**settings)
        held = JournalBuffer(chosen.kept_entries) if buffer is None else buffer
        return await system.spawn(
            ChildSpec(
                name="journal",
                factory=lambda: Journal(store=store, buffer=held, settings=chosen),
            )
        )

    return spawn


async def test_entry_is_committed_within_its_time(system, store, journal):
    """A single entry waits for others no longer than `batch_s`."""
    await journal(batch_s=0.05)
    system.events.publish(_entry("dome opened", who="/devices/tel1/dome", severity="notice"))
    await asyncio.sleep(0.04)
    assert await store.journal.last_seq() == 0
    await asyncio.sleep(0.02)
    (written,) = await store.journal.read()
    assert written.line.text == "dome opened"
    assert written.line.who == "/devices/tel1/dome"
    assert written.line.severity == "notice"
    assert written.line.data == {"n": 1}


async def test_full_batch_is_committed_at_once(system, store, journal):
    """Two hundred entries do not wait."""
    ref = await journal(batch_s=60.0, batch_entries=200)
    for number in range(450):
        system.events.publish(_entry(str(number)))
    await asyncio.sleep(0.001)
    assert await store.journal.last_seq() >= 400
    assert await ref.ask(Flush()) == 450
    texts = [w.line.text for w in await store.journal.read(limit=1000)]
    assert texts == [str(number) for number in range(450)]


async def test_written_entries_are_announced_in_order(system, journal):
    """Views follow the journal by `JournalWritten`, each with its sequence number."""
    ref = await journal()
    listener = await system.spawn(ChildSpec(name="listener", factory=Listener))
    for number in range(5):
        system.events.publish(_entry(str(number)))
    await ref.ask(Flush())
    assert await listener.ask(Heard()) == tuple((i + 1, str(i)) for i in range(5))


class Teller(Actor):
    """Publishes an entry when told to, and one that names its trace."""

    async def on_receive(self, message: Message) -> None:
        self.publish(_entry("plain"))
        self.publish(_entry("named", trace_id="f" * 32))


async def test_entry_belongs_to_the_trace_of_what_led_to_it(system, store, journal):
    """Without a trace of its own an entry has the one of the message its publisher handled."""
    ref = await journal()
    teller = await system.spawn(ChildSpec(name="teller", factory=Teller))
    teller.tell_traced(Heard(), "0af7651916cd43dd8448eb211c80319c")
    await asyncio.sleep(0.1)
    await ref.ask(Flush())
    lines = [written.line for written in await store.journal.read()]
    assert [(line.text, line.trace_id) for line in lines] == [
        ("plain", "0af7651916cd43dd8448eb211c80319c"),
        ("named", "f" * 32),
    ]


async def test_flush_of_an_empty_journal_answers_zero(journal):
    """Nothing to commit is no reason to wait."""
    ref = await journal()
    assert await ref.ask(Flush()) == 0


async def test_digest_covers_what_was_just_published(system, store, journal):
    """The digest commits first, so a night's last entry counts."""
    ref = await journal(batch_s=60.0)
    system.events.publish(_entry("last", data={"wall_s": 1.0, "x": 2}))
    digest = await ref.ask(GetDigest())
    assert await store.journal.last_seq() == 1
    assert digest == await store.journal.digest()


async def test_bad_data_does_not_silence_the_journal(system, store, journal):
    """An entry whose data is no JSON is written with the fault named, its neighbours unharmed."""
    ref = await journal()
    system.events.publish(_entry("before"))
    system.events.publish(_entry("bad", data={"ok": 1, "odd": object()}))
    system.events.publish(_entry("after"))
    assert await ref.ask(Flush()) == 3
    lines = [w.line for w in await store.journal.read()]
    assert [line.text for line in lines] == ["before", "bad", "after"]
    assert lines[1].data == {"ok": 1, "odd": "unreadable object"}
    assert lines[0].data == {"n": 1}


async def test_failing_database_harms_nothing_and_loses_nothing(system, store, journal, caplog):
    """While the database is gone entries wait in order; one line in the log; then all are there."""
    ref = await journal(retry_s=(1.0, 2.0, 5.0))
    await store.database.close()
    for number in range(10):
        system.events.publish(_entry(str(number)))
        await asyncio.sleep(1.0)
    with pytest.raises(Rejected, match="closed"):
        await ref.ask(Flush())
    errors = [r for r in caplog.records if "cannot write" in r.getMessage()]
    assert len(errors) == 1
    await store.database.open()
    await asyncio.sleep(6.0)
    assert [w.line.text for w in await store.journal.read()] == [str(i) for i in range(10)]
    assert any("writing again" in r.getMessage() for r in caplog.records)
    assert system.tree()


async def test_retries_pause_longer_and_longer(system, store, journal, monkeypatch):
    """The pauses are those of the settings, in observatory-independent wall seconds."""
    await journal(retry_s=(1.0, 2.0, 5.0))
    await store.database.close()
    loop, tries = asyncio.get_running_loop(), []
    real = store.journal.append

    async def counted(lines: Any) -> Any:
        tries.append(loop.time())
        return await real(lines)

    monkeypatch.setattr(store.journal, "append", counted)
    system.events.publish(_entry())
    await asyncio.sleep(20.0)
    pauses = [round(b - a, 3) for a, b in itertools.pairwise(tries)]
    assert pauses == [1.0, 2.0, 5.0, 5.0, 5.0]


async def test_entries_survive_a_restart_of_the_actor(system, store, journal):
    """The buffer is not the actor's: what waited is written by the next incarnation."""
    buffer = JournalBuffer(100)
    ref = await journal(buffer, batch_s=60.0)
    await store.database.close()
    system.events.publish(_entry("waiting"))
    await asyncio.sleep(0.01)
    await ref.stop()
    assert len(buffer) == 1
    await store.database.open()
    ref = await journal(buffer)
    assert await ref.ask(Flush()) == 1


async def test_stop_commits_what_waits(system, store, journal):
    """An orderly end leaves nothing behind in memory."""
    ref = await journal(batch_s=60.0)
    for number in range(3):
        system.events.publish(_entry(str(number)))
    await asyncio.sleep(0.01)
    await ref.stop()
    assert await store.journal.last_seq() == 3


def _buffered(*severities: str, capacity: int) -> tuple[JournalBuffer, list[str]]:
    buffer = JournalBuffer(capacity)
    for number, severity in enumerate(severities):
        buffer.add(_entry(f"{severity}{number}", severity=severity))
    return buffer, [entry.text for entry in buffer.take(100)]


async def test_full_buffer_loses_the_least_important_first():
    """An alarm gives way to nothing but another alarm; order is kept."""
    buffer, texts = _buffered("alarm", "info", "warning", "info", "notice", capacity=3)
    assert texts == ["alarm0", "warning2", "notice4"]
    assert buffer.take_lost() == 2
    assert buffer.take_lost() == 0
    _, texts = _buffered("alarm", "alarm", "alarm", capacity=2)
    assert texts == ["alarm1", "alarm2"]
    _, texts = _buffered("alarm", "info", capacity=1)
    assert texts == ["alarm0"]


async def test_batch_in_flight_is_not_touched_by_newcomers():
    """What is being committed keeps its place, whether it succeeds or comes back."""
    buffer = JournalBuffer(2)
    buffer.add(_entry("a"))
    buffer.add(_entry("b"))
    assert [e.text for e in buffer.take(1)] == ["a"]
    buffer.add(_entry("c"))
    assert len(buffer) == 2  # b was the oldest that waited
    buffer.put_back()
    assert [e.text for e in buffer.take(5)] == ["a", "c"]
    buffer.written()
    assert not buffer


async def test_lost_entries_are_confessed_in_the_journal(system, store, journal):
    """When the buffer overflowed, the journal says how many lines are missing."""
    buffer = JournalBuffer(5)
    await journal(buffer, retry_s=(1.0,))
    await store.database.close()
    for number in range(12):
        system.events.publish(_entry(str(number)))
    await asyncio.sleep(0.1)
    await store.database.open()
    await asyncio.sleep(3.0)
    lines = [w.line for w in await store.journal.read()]
    assert [line.text for line in lines[:-1]] == ["7", "8", "9", "10", "11"]
    assert lines[-1].severity == "alarm"
    assert lines[-1].data == {"lost": 7}
