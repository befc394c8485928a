"""The live model: cells conflate, streams do not, listeners hear everything once."""

from __future__ import annotations

import orjson

from actors.web_gateway.changes import Append, Drop, Put
from actors.web_gateway.live_model import LiveModel


class _Ear:
    def __init__(self) -> None:
        self.heard: list[tuple[str, str | bytes]] = []

    def cell_changed(self, key: str) -> None:
        self.heard.append(("cell", key))

    def item_appended(self, stream: str, encoded: bytes) -> None:
        self.heard.append((stream, encoded))


def test_cell_keeps_the_last_value_and_encodes_it() -> None:
    """The last value put is what is read, as a value and as JSON."""
    model = LiveModel()
    model.apply([Put(key="mode", value={"mode": "STANDBY"}), Put(key="mode", value={"mode": "X"})])
    assert model.record("mode") == {"mode": "X"}
    assert orjson.loads(model.encoded("mode")) == {"mode": "X"}
    model.apply([Put(key="mode", value={"mode": "Y"})])
    assert orjson.loads(model.encoded("mode")) == {"mode": "Y"}


def test_equal_value_is_no_change() -> None:
    """Putting what is there already raises no version and wakes nobody."""
    model, ear = LiveModel(), _Ear()
    model.apply([Put(key="a", value=[1, 2])])
    model.listen(ear)
    before = model.version
    model.apply([Put(key="a", value=[1, 2])])
    assert (model.version, ear.heard) == (before, [])


def test_dropped_cell_is_null_and_heard_once() -> None:
    """A dropped cell reads as null, and dropping it again is no change."""
    model, ear = LiveModel(), _Ear()
    model.apply([Put(key="sequence", value=1)])
    model.listen(ear)
    model.apply([Drop(key="sequence"), Drop(key="sequence")])
    assert ear.heard == [("cell", "sequence")]
    assert model.encoded("sequence") == b"null"
    assert model.paths() == []


def test_stream_keeps_the_newest_and_tells_each_item() -> None:
    """A bounded stream forgets the oldest; listeners are told every item in order."""
    model, ear = LiveModel({"log": 2}), _Ear()
    model.listen(ear)
    model.apply(Append(stream="log", item=n) for n in range(4))
    assert model.stream("log") == [2, 3]
    assert ear.heard == [("log", b"0"), ("log", b"1"), ("log", b"2"), ("log", b"3")]


def test_listener_hears_nothing_after_its_end() -> None:
    """Ending twice is harmless, and silence follows."""
    model, ear = LiveModel(), _Ear()
    end = model.listen(ear)
    assert model.watched
    end()
    end()
    model.apply([Put(key="a", value=1)])
    assert ear.heard == []
    assert not model.watched


def test_under_gives_the_rest_of_the_path() -> None:
    """Cells under a prefix come by the rest of their path, in order of appearance."""
    model = LiveModel()
    model.apply([Put(key="devices/t1/dome", value=1), Put(key="devicesx", value=2)])
    assert model.under("devices") == {"t1/dome": 1}
