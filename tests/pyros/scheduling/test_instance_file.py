"""Bad instances: one clear line per fault, all at once."""

from __future__ import annotations

import copy
import json

import pytest

from pyros.scheduling import InstanceFaults, instance_from_json, read_instance
from tests.pyros.scheduling.nights import raw


def spoiled(change) -> list[str]:
    """Faults of the smallest instance after a change."""
    data = copy.deepcopy(raw("pool-50-0"))
    change(data)
    with pytest.raises(InstanceFaults) as caught:
        instance_from_json(data)
    return list(caught.value.faults)


def test_all_faults_are_reported_at_once():
    """NaN, negative duration, unknown programme, reversed window, ids twice: five lines."""

    def change(data):
        first, second, third, fourth, fifth = data["sequences"][:5]
        first["priority"] = float("nan")
        second["duration_s"] = -5
        third["programme"] = "nobody"
        fourth["windows_s"] = [[500, 100]]
        fifth["id"] = first["id"]

    faults = spoiled(change)
    assert len(faults) == 5
    text = "\n".join(faults)
    assert "sequences s0000: priority is nan" in text
    assert "sequences s0001: duration_s is -5, it must be above 0" in text
    assert "programme 'nobody' is unknown; known: A1, A2, B1, B2, C1, C2" in text
    assert "windows_s[0] ends at 100 s before it starts at 500 s" in text
    assert "s0000: the id is used 2 times" in text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: d.pop("night"), "night is missing"),
        (lambda d: d.update(format="other/9"), "format is 'other/9'"),
        (lambda d: d["night"].update(start_utc="yesterday"), "give a time as"),
        (lambda d: d["night"].update(start_utc="2026-11-24T01:37:00"), "without a zone"),
        (lambda d: d["night"].update(duration_s=1e9), "between 0 and 86400"),
        (lambda d: d["site"].update(latitude_deg=95), "between -90 and 90"),
        (lambda d: d["telescope"].update(slew_rate_deg_s=0), "must be above 0"),
        (lambda d: d.update(telescopes=[]), "telescopes is empty"),
        (lambda d: d["programmes"][0].update(quota_s=-1), "quota_s is -1"),
        (lambda d: d["sequences"][0].update(ra_deg="12h"), "ra_deg is '12h', give a number"),
        (lambda d: d["sequences"][0].update(windows_s=[[1]]), "give [start, end]"),
        (lambda d: d["sequences"][0].update(windows_s=[[0, float("inf")]]), "finite"),
        (lambda d: d["sequences"][0].update(mandatory="yes"), "give true or false"),
        (lambda d: d["sequences"][0].update(telescopes=["x"]), "telescope 'x' is unknown"),
        (lambda d: d.update(sequences={}), "sequences is no list"),
        (lambda d: d["sequences"].append(7), "sequences[50] is 7"),
        (lambda d: d.update(committed=[{"id": "zz", "start_s": 0}]), "'zz' is unknown"),
    ],
)
def test_each_fault_names_place_value_and_remedy(change, expected):
    """The line says where, what was met, and what is expected."""
    assert any(expected in fault for fault in spoiled(change))


def test_unreadable_files_are_faults_too(tmp_path):
    """A missing file, no JSON, and no object end in one line each."""
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    array = tmp_path / "array.json"
    array.write_text("[]")
    for path, words in (
        (tmp_path / "none.json", "cannot be read"),
        (broken, "is no JSON"),
        (array, "JSON object"),
    ):
        with pytest.raises(InstanceFaults, match=words):
            read_instance(path)


def test_an_instance_may_say_more_than_the_published_format():
    """Several telescopes, committed work, lost devices and flags are read."""
    data = raw("pool-50-0")
    telescope = data.pop("telescope")
    data["telescopes"] = [{"id": "a", **telescope}, {"id": "b", **telescope, "closed_s": [[0, 60]]}]
    data["sequences"][0].update(mandatory=True, telescopes=["b"], devices=["nir"])
    data["committed"] = [{"id": "s0001", "start_s": 36000, "telescope": "a"}]
    data["device_down"] = {"nir": [[0, 100]]}
    data["fill_idle"] = True
    instance = instance_from_json(json.loads(json.dumps(data)))
    assert instance.telescopes[1].closed_s == ((0.0, 60.0),)
    assert instance.sequences[0].mandatory
    assert instance.committed[0].telescope == "a"
    assert instance.device_down == {"nir": ((0.0, 100.0),)}
    assert instance.fill_idle
