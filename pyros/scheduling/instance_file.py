"""Reads a planning problem from JSON (`pyros-plan-instance/1`) and names every fault at once."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pyros.errors import PermanentError
from pyros.scheduling.instance import (
    MAX_NIGHT_S,
    Committed,
    Instance,
    Night,
    Programme,
    Sequence,
    Span,
    Telescope,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = "pyros-plan-instance/1"


class InstanceFaults(PermanentError):  # noqa: N818 - it carries a list of faults, it is not one
    """An instance cannot be planned.

    Args:
        faults: One line per fault, each naming where it is, the value and what is expected.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class _Reader:
    """Takes values out of a decoded JSON object and notes what is wrong with them."""

    def __init__(self, data: Mapping[str, Any], where: str, faults: list[str]) -> None:
        self._data = data
        self._where = where
        self.faults = faults

    def fault(self, text: str) -> None:
        """Note a fault."""
        self.faults.append(f"{self._where}: {text}")

    def has(self, key: str) -> bool:
        """Whether a key is there and not null."""
        return self._data.get(key) is not None

    def all_keys(self) -> tuple[str, ...]:
        """All keys."""
        return tuple(str(key) for key in self._data)

    def number(
        self,
        key: str,
        *,
        low: float = -math.inf,
        high: float = math.inf,
        default: float | None = None,
    ) -> float:
        """A finite number within limits; `low` (or 0) and a fault when it is not."""
        value = self._data.get(key, default)
        if value is None:
            self.fault(f"{key} is missing")
        elif isinstance(value, bool) or not isinstance(value, int | float):
            self.fault(f"{key} is {_shown(value)}, give a number")
        elif not math.isfinite(value):
            self.fault(f"{key} is {value}, give a finite number")
        elif not low <= value <= high:
            self.fault(f"{key} is {value:g}, it must be {_limits(low, high)}")
        else:
            return float(value)
        return low if math.isfinite(low) else 0.0

    def positive(self, key: str) -> float:
        """A finite number above 0; 1 and a fault when it is not."""
        before = len(self.faults)
        value = self.number(key)
        if len(self.faults) == before and value <= 0.0:
            self.fault(f"{key} is {value:g}, it must be above 0")
        return value if value > 0.0 else 1.0

    def text(self, key: str, *, default: str | None = None) -> str:
        """A non-empty text; numbers are not taken for texts."""
        value = self._data.get(key, default)
        if value is None:
            self.fault(f"{key} is missing")
        elif not isinstance(value, str) or (not value and default is None):
            self.fault(f"{key} is {_shown(value)}, give a text")
        else:
            return value
        return ""

    def flag(self, key: str) -> bool:
        """A boolean, false when absent."""
        value = self._data.get(key, False)
        if not isinstance(value, bool):
            self.fault(f"{key} is {_shown(value)}, give true or false")
            return False
        return value

    def names(self, key: str) -> tuple[str, ...]:
        """A list of texts, empty when absent."""
        value = self._data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.fault(f"{key} is {_shown(value)}, give a list of texts")
            return ()
        return tuple(value)

    def spans(self, key: str, *, required: bool = False) -> tuple[Span, ...]:
        """A list of [start, end] pairs of finite numbers, each in order."""
        value = self._data.get(key, None if required else [])
        if not isinstance(value, list):
            self.fault(f"{key} is missing" if value is None else f"{key} must be a list of pairs")
            return ()
        spans = []
        for index, pair in enumerate(value):
            if (
                not isinstance(pair, list)
                or len(pair) != 2
                or any(isinstance(t, bool) or not isinstance(t, int | float) for t in pair)
            ):
                self.fault(f"{key}[{index}] is {_shown(pair)}, give [start, end] in seconds")
            elif not all(math.isfinite(t) for t in pair):
                self.fault(f"{key}[{index}] is {_shown(pair)}, give finite numbers")
            elif pair[1] < pair[0]:
                self.fault(
                    f"{key}[{index}] ends at {pair[1]:g} s before it starts at {pair[0]:g} s"
                )
            else:
                spans.append((float(pair[0]), float(pair[1])))
        return tuple(sorted(spans))

    def child(self, key: str) -> _Reader:
        """The object under a key; an empty one and a fault when there is none."""
        value = self._data.get(key)
        if not isinstance(value, dict):
            self.fault(f"{key} is {'missing' if value is None else 'no object'}")
            return _Reader({}, f"{self._where}.{key}", [])
        return _Reader(value, f"{self._where}.{key}", self.faults)

    def children(self, key: str, *, required: bool = True) -> list[_Reader]:
        """The objects in a list, each named by its id or index."""
        value = self._data.get(key, None if required else [])
        if not isinstance(value, list):
            self.fault(f"{key} is {'missing' if value is None else 'no list'}")
            return []
        readers = []
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                self.fault(f"{key}[{index}] is {_shown(item)}, give an object")
                continue
            label = item.get("id")
            name = f"{key} {label}" if isinstance(label, str) and label else f"{key}[{index}]"
            readers.append(_Reader(item, name, self.faults))
        return readers


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _limits(low: float, high: float) -> str:
    if math.isfinite(low) and math.isfinite(high):
        return f"between {low:g} and {high:g}"
    return f"{low:g} or more" if math.isfinite(low) else f"{high:g} or less"


def _unique(kind: str, ids: list[str], faults: list[str]) -> None:
    seen: dict[str, int] = {}
    for item in ids:
        seen[item] = seen.get(item, 0) + 1
    faults.extend(
        f"{kind} {item}: the id is used {count} times, give each its own"
        for item, count in seen.items()
        if item and count > 1
    )


def _night(top: _Reader) -> Night:
    site, night = top.child("site"), top.child("night")
    start, text = 0.0, night.text("start_utc")
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        moment = None
        night.fault(f"start_utc is {_shown(text)}, give a time as 2026-11-24T01:37:00Z")
    if moment is not None and moment.tzinfo is None:
        night.fault(f"start_utc is {_shown(text)} without a zone, end it with Z")
    elif moment is not None:
        start = moment.timestamp()
    return Night(
        start_unix_s=start,
        duration_s=night.number("duration_s", low=0.0, high=MAX_NIGHT_S),
        lst_at_start_deg=night.number("lst_at_start_deg"),
        latitude_deg=site.number("latitude_deg", low=-90.0, high=90.0),
        longitude_deg=site.number("longitude_deg", low=-180.0, high=360.0, default=0.0),
        height_m=site.number("height_m", low=-500.0, high=100_000.0, default=0.0),
    )


def _telescope(reader: _Reader, default_id: str | None) -> Telescope:
    return Telescope(
        id=reader.text("id", default=default_id),
        slew_rate_deg_s=reader.positive("slew_rate_deg_s"),
        settle_s=reader.number("settle_s", low=0.0, default=0.0),
        filter_change_s=reader.number("filter_change_s", low=0.0, default=0.0),
        closed_s=reader.spans("closed_s"),
    )


def _sequence(reader: _Reader, programmes: set[str], telescopes: set[str]) -> Sequence:
    programme = reader.text("programme")
    if programme and programme not in programmes:
        known = ", ".join(sorted(programmes)) or "none"
        reader.fault(f"programme {programme!r} is unknown; known: {known}")
    wanted = reader.names("telescopes")
    for name in wanted:
        if name not in telescopes:
            reader.fault(f"telescope {name!r} is unknown; known: {', '.join(sorted(telescopes))}")
    return Sequence(
        id=reader.text("id"),
        programme=programme,
        priority=reader.positive("priority"),
        filter=reader.text("filter", default=""),
        ra_deg=reader.number("ra_deg", low=0.0, high=360.0),
        dec_deg=reader.number("dec_deg", low=-90.0, high=90.0),
        duration_s=reader.positive("duration_s"),
        windows_s=reader.spans("windows_s", required=True),
        alert=reader.flag("alert"),
        mandatory=reader.flag("mandatory"),
        filler=reader.flag("filler"),
        request=reader.text("request", default=""),
        all_or_nothing=reader.flag("all_or_nothing"),
        telescopes=wanted,
        devices=reader.names("devices"),
    )


def instance_from_json(data: object) -> Instance:
    """Build an instance from decoded JSON.

    Beyond the published format, an instance may have `telescopes` (a list) instead of `telescope`,
    `committed` placements, `device_down` (device to spans), `published` (sequence id to start),
    `fill_idle`, and on sequences the flags and lists of `Sequence`.

    Raises:
        InstanceFaults: With one line for every fault found.
    """
    if not isinstance(data, dict):
        raise InstanceFaults([f"instance is {_shown(data)}, give a JSON object"])
    faults: list[str] = []
    top = _Reader(data, "instance", faults)
    if data.get("format") != FORMAT:
        top.fault(f"format is {_shown(data.get('format'))}, this reads {FORMAT!r}")
    night = _night(top)
    if "telescopes" in data:
        telescopes = [_telescope(reader, None) for reader in top.children("telescopes")]
        if not telescopes:
            top.fault("telescopes is empty, give at least one")
    else:
        telescopes = [_telescope(top.child("telescope"), "telescope")]
    programmes = [
        Programme(id=reader.text("id"), quota_s=reader.number("quota_s", low=0.0))
        for reader in top.children("programmes")
    ]
    known = {p.id for p in programmes}, {t.id for t in telescopes}
    sequences = [_sequence(reader, *known) for reader in top.children("sequences")]
    for kind, ids in (
        ("telescopes", [t.id for t in telescopes]),
        ("programmes", [p.id for p in programmes]),
        ("sequences", [s.id for s in sequences]),
    ):
        _unique(kind, ids, faults)
    committed = _committed(top, {s.id for s in sequences}, known[1])
    instance = Instance(
        name=top.text("name", default=""),
        night=night,
        telescopes=tuple(telescopes),
        programmes=tuple(programmes),
        sequences=tuple(sequences),
        committed=committed,
        published=_published(top),
        device_down=_device_down(top),
        fill_idle=top.flag("fill_idle"),
        reference=_reference(data.get("reference")),
    )
    if faults:
        raise InstanceFaults(faults)
    return instance


def _committed(top: _Reader, sequences: set[str], telescopes: set[str]) -> tuple[Committed, ...]:
    found = []
    for reader in top.children("committed", required=False):
        item = Committed(
            id=reader.text("id"),
            start_s=reader.number("start_s", low=-MAX_NIGHT_S, high=MAX_NIGHT_S),
            telescope=reader.text("telescope", default=""),
            end_s=reader.number("end_s") if reader.has("end_s") else None,
        )
        if item.id and item.id not in sequences:
            reader.fault(f"committed sequence {item.id!r} is unknown")
        if item.telescope and item.telescope not in telescopes:
            reader.fault(f"telescope {item.telescope!r} is unknown")
        found.append(item)
    return tuple(found)


def _device_down(top: _Reader) -> dict[str, tuple[Span, ...]]:
    if not top.has("device_down"):
        return {}
    reader = top.child("device_down")
    return {device: reader.spans(device) for device in reader.all_keys()}


def _published(top: _Reader) -> dict[str, float]:
    if not top.has("published"):
        return {}
    reader = top.child("published")
    return {sequence: reader.number(sequence) for sequence in reader.all_keys()}


def _reference(value: object) -> dict[str, float]:
    if not isinstance(value, dict):
        return {}
    return {
        str(key): float(item)
        for key, item in value.items()
        if isinstance(item, int | float) and not isinstance(item, bool)
    }


def read_instance(path: Path) -> Instance:
    """Read an instance file.

    Raises:
        InstanceFaults: When the file cannot be read, is no JSON, or has faults.
    """
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise InstanceFaults([f"{path}: cannot be read ({error.strerror})"]) from error
    except ValueError as error:
        raise InstanceFaults([f"{path}: is no JSON ({error})"]) from error
    return instance_from_json(data)
