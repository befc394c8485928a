"""Programmes and requests from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyros.app.request_file import load_requests
from pyros.errors import ConfigurationError

SHIPPED = Path(__file__).parents[3] / "config" / "simulated" / "requests.toml"
FILTERS = {"cam-vis": ("g", "r", "i", "z"), "cam-nir": ("J", "H")}

FAULTY = """
[[programme]]
id = "a"
name = "A"
grade = "A"
night_share = 1.5
semester_quota_s = 10

[[request]]
id = "r1"
programme = "b"
name = "one"

  [[request.sequence]]
  id = "r1"
  name = "one"
  target = { name = "X", ra_deg = 400.0, dec_deg = 0.0 }
  priority_delta = 9
  albums = [{ channel = "cam-uv", plans = [{ filter = "u", exposure_s = 0.0 }] }]
"""


def test_the_shipped_requests_are_right() -> None:
    """The simulated observatory ships at least 40 sequences of 5 programmes and one for alerts."""
    demands = load_requests(SHIPPED, filters_by_channel=FILTERS)
    assert sum(len(request.sequences) for request in demands.nightly) >= 40
    assert len({request.programme_id for request in demands.nightly}) == 5
    assert "grb" in {programme.programme_id for programme in demands.programmes}


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    """One line per fault, all of them, before anything is taken."""
    path = tmp_path / "requests.toml"
    path.write_text(FAULTY)
    with pytest.raises(ConfigurationError) as caught:
        load_requests(path, filters_by_channel=FILTERS)
    lines = str(caught.value).splitlines()
    for part in ("night_share = 1.5", "'b' is unknown", "used twice", "400.0", "'cam-uv'", "count"):
        assert any(part in line for line in lines), part
    assert all(line.startswith(str(path)) for line in lines)


SOUND = """
[[programme]]
id = "a"
name = "A"
grade = "A"
semester_quota_s = 10

[[request]]
id = "r1"
programme = "a"
name = "one"

  [[request.sequence]]
  id = "s1"
  name = "one"
  target = { name = "X", ra_deg = 40.0, dec_deg = 0.0EPOCH }
  albums = [{ channel = "cam-vis", plans = [{ filter = "g", exposure_s = 9.0 }] }]
"""


@pytest.mark.parametrize(
    ("written", "epoch_jyear"), [(", epoch_jyear = 2016.0", 2016.0), ("", 2000.0)]
)
def test_a_target_keeps_its_epoch(tmp_path: Path, written: str, epoch_jyear: float) -> None:
    """A Gaia position is of 2016; without an epoch it is of 2000."""
    path = tmp_path / "requests.toml"
    path.write_text(SOUND.replace("EPOCH", written))
    (request,) = load_requests(path, filters_by_channel=FILTERS).once
    assert request.sequences[0].target.epoch_jyear == epoch_jyear
