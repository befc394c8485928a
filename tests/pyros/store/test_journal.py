"""Tests of the journal's rows: order, filters, append-only, digest."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyros.store import JournalFilter, Store, StoreConflictError
from pyros.store.column_types import canonical_json
from pyros.store.journal import digest_bytes

pytestmark = pytest.mark.asyncio


async def test_journal_numbers_lines_in_order_without_gaps(store: Store, line):
    """Sequence numbers count up by one over batches."""
    assert await store.journal.append([line("a"), line("b")]) == (1, 2)
    assert await store.journal.append([]) == ()
    assert await store.journal.append([line("c")]) == (3,)
    assert await store.journal.last_seq() == 3


async def test_journal_gives_back_what_was_written(store: Store, line):
    """Every field survives, instants to the microsecond, data as JSON values."""
    written = line(
        "why",
        severity="alarm",
        who="ana",
        cause="cmd-7",
        trace_id="t1",
        data={"limit_m_s": 12.5, "list": [1, "two", None], "deep": {"yes": True}},
    )
    await store.journal.append([written])
    (found,) = await store.journal.read()
    assert found.seq == 1
    assert found.line == written


async def test_journal_reads_on_from_a_sequence_number(store: Store, line):
    """`since` is exclusive, `until` inclusive, newest first on demand."""
    await store.journal.append([line(str(i)) for i in range(10)])

    async def texts(**how: object) -> list[str]:
        return [w.line.text for w in await store.journal.read(**how)]  # type: ignore[arg-type]

    assert await texts(since=7) == ["7", "8", "9"]
    assert await texts(since=2, until=4) == ["2", "3"]
    assert await texts(limit=2, newest_first=True) == ["9", "8"]


async def test_journal_filters_combine(store: Store, line, at):
    """Kinds, severities, subject, prefix, trace, time and words narrow together."""
    await store.journal.append(
        [
            line("wind 14 m/s", kind="alarm", severity="alarm", subject="/safety/safety"),
            line("100% open", subject="/devices/tel1/dome", time_utc=at(10), trace_id="t"),
            line("closed", subject="/devices/tel1/dome", time_utc=at(20)),
            line("1005 open", subject="/devices/tel2/dome", time_utc=at(30)),
        ]
    )

    async def seqs(**how: object) -> list[int]:
        chosen = JournalFilter(**how)  # type: ignore[arg-type]
        return [w.seq for w in await store.journal.read(chosen=chosen)]

    assert await seqs(kinds=("alarm", "decision")) == [1]
    assert await seqs(severities=("info",)) == [2, 3, 4]
    assert await seqs(subject="/devices/tel1/dome") == [2, 3]
    assert await seqs(subject_prefix="/devices/") == [2, 3, 4]
    assert await seqs(trace_id="t") == [2]
    assert await seqs(from_utc=at(10), until_utc=at(30)) == [2, 3]
    assert await seqs(words="OPEN") == [2, 4]
    assert await seqs(words="0% o") == [2]
    assert await seqs(subject_prefix="/devices/tel1", words="open") == [2]


@pytest.mark.parametrize("statement", ["DELETE FROM journal", "UPDATE journal SET text = 'no'"])
async def test_journal_refuses_changes(store: Store, line, statement: str):
    """What is written stays: the database itself refuses to change or delete a line."""
    await store.journal.append([line("true")])
    with pytest.raises(StoreConflictError, match="journal is append-only"):
        await store.database.write(lambda c: c.exec_driver_sql(statement))
    assert (await store.journal.read())[0].line.text == "true"


async def test_batch_with_unreadable_data_writes_nothing(store: Store, line):
    """A value that is no JSON fails the batch with its name, and the batch leaves no gap."""
    with pytest.raises(TypeError, match="object"):
        await store.journal.append([line("good"), line("bad", data={"x": object()})])
    assert await store.journal.append([line("next")]) == (1,)


async def test_digest_depends_on_what_happened_only(store: Store, line, at):
    """Wall times and paths at any depth do not count; everything else does."""
    base = line("a", data={"n": 1, "deep": [{"m": 2}]})
    await store.journal.append([base])
    empty, reference = await store.journal.digest(since=1), await store.journal.digest()
    assert empty == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    machine = {"wall_s": 9.1, "path_spool": "/spool/x", "n": 1, "deep": [{"m": 2, "wall_ms": 3}]}
    await store.journal.append([line("a", data=machine)])
    assert await store.journal.digest(since=1) == reference
    changes = [
        {"text": "b"},
        {"time_utc": at(1e-6)},
        {"severity": "notice"},
        {"who": "x"},
        {"data": {"n": 1, "deep": [{"m": 3}]}},
    ]
    for change in changes:
        seqs = await store.journal.append([line(**{"text": "a", "data": base.data, **change})])
        assert await store.journal.digest(since=seqs[0] - 1) != reference, change


async def test_digest_does_not_depend_on_batches_or_pages(store: Store, line, monkeypatch):
    """How lines were grouped for writing and reading leaves no trace."""
    lines = [line(str(i), data={"i": i}) for i in range(25)]
    await store.journal.append(lines)
    whole = await store.journal.digest()
    for one in lines:
        await store.journal.append([one])
    monkeypatch.setattr("pyros.store.journal.DIGEST_PAGE", 7)
    assert await store.journal.digest(since=25) == whole
    assert await store.journal.digest(until=25) == whole


_IN_ANOTHER_PROCESS = """
import asyncio, json, sys
from datetime import datetime
from pathlib import Path
from pyros.store import JournalLine, Store

async def main():
    async with Store(Path(sys.argv[1])) as store:
        data = {k: v for k, v in reversed(list(json.loads(sys.argv[2]).items()))}
        time_utc = datetime.fromisoformat(sys.argv[3])
        await store.journal.append([JournalLine(
            kind="decision", subject="s", text="t", time_utc=time_utc, data=data)])
        print(await store.journal.digest())

asyncio.run(main())
"""


async def test_digest_is_the_same_in_another_process(store: Store, line, at, tmp_path):
    """Another process, another order of keys, another hash seed: the same digest."""
    data = {"alpha": 0.1 + 0.2, "beta": [1e22, -0.0, 3], "gamma": {"z": "é", "a": None}}
    await store.journal.append([line("t", kind="decision", subject="s", time_utc=at(0), data=data)])
    argv = [str(tmp_path / "other"), json.dumps(data), at(0).isoformat()]
    done = subprocess.run(  # noqa: ASYNC221 - nothing else runs here
        [sys.executable, "-c", _IN_ANOTHER_PROCESS, *argv],
        capture_output=True,
        check=True,
        text=True,
        env={"PYTHONHASHSEED": "77"},
    )
    assert done.stdout.strip() == await store.journal.digest()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(data=st.dictionaries(st.text(), json_values, max_size=4))
@settings(deadline=None, max_examples=50)
async def test_canonical_json_does_not_depend_on_the_order_of_keys(data):
    """Equal values give equal bytes, which decode to the same values."""
    turned = dict(reversed(list(data.items())))
    assert canonical_json(turned) == canonical_json(data)
    assert json.loads(canonical_json(data)) == json.loads(json.dumps(data))


async def test_digest_bytes_hold_the_instant_in_utc(line, at):
    """The same instant given in another zone is the same line."""
    east = timezone(timedelta(hours=5))
    assert digest_bytes(line(time_utc=at(0).astimezone(east))) == digest_bytes(line(time_utc=at(0)))
