"""What a request file asks for comes into the database, as far as its programmes' quotas allow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from pyros.app.request_file import load_requests
from pyros.app.seeding import seed_store
from pyros.domain.sequence import ChannelTimes
from pyros.errors import ConfigurationError
from pyros.store import Store

if TYPE_CHECKING:
    from pathlib import Path

NOW_UTC = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
TIMES = {"cam-vis": ChannelTimes(readout_s=10.0, filter_change_s=20.0)}
PROGRAMME = """
[[programme]]
id = "a"
name = "A"
grade = "A"
semester_quota_s = 1000
semester_from = 2026-10-01
"""


def wish(name: str, *exposures_s: float) -> str:
    """A request with a sequence for each exposure; a sequence takes 30 s more."""
    sequences = "".join(
        f"""
  [[request.sequence]]
  id = "{name}-{number}"
  name = "{name}"
  target = {{ name = "X", ra_deg = 40.0, dec_deg = 0.0 }}
  albums = [
    {{ channel = "cam-vis", plans = [{{ filter = "g", exposure_s = {exposure_s} }}] }},
  ]
"""
        for number, exposure_s in enumerate(exposures_s, start=1)
    )
    return f'\n[[request]]\nid = "{name}"\nprogramme = "a"\nname = "{name}"\n{sequences}'


@pytest.mark.asyncio
async def test_seeding_refuses_whole_requests_beyond_the_semester(tmp_path: Path) -> None:
    """One line each, in the journal too; what fits is reserved, and known ones are not asked."""
    path = tmp_path / "requests.toml"
    path.write_text(PROGRAMME + wish("one", 470.0) + wish("two", 200.0, 300.0) + wish("three", 470))
    demands = load_requests(path, filters_by_channel={"cam-vis": ("g",)})
    async with Store(None) as store:
        refused = await seed_store(store, demands, TIMES, NOW_UTC)
        (sentence,) = refused
        assert sentence == (
            "request two is refused: programme a has 500 s of its 1000 s left, 560 s are asked: "
            "60 s over; shorten it or ask for more time"
        )
        assert [r.request_id for r in await store.requests.open_requests()] == ["one", "three"]
        account = (await store.programmes.accounts())["a"]
        assert (account.reserved_s, account.left_s) == (1000.0, 0.0)
        (line,) = [written.line for written in await store.journal.read()]
        assert (line.subject, line.severity, line.text) == ("two", "warning", sentence)
        again = await seed_store(store, demands, TIMES, NOW_UTC)
        assert len(again) == 1
        assert (await store.programmes.accounts())["a"].reserved_s == 1000.0


def test_first_night_of_a_semester_is_a_date(tmp_path: Path) -> None:
    """It reaches the programme as a night's label; anything else is one line."""
    path = tmp_path / "requests.toml"
    path.write_text(PROGRAMME)
    (programme,) = load_requests(path, filters_by_channel={}).programmes
    assert programme.semester_from == "2026-10-01"
    path.write_text(PROGRAMME.replace("2026-10-01", '"October"'))
    with pytest.raises(ConfigurationError) as caught:
        load_requests(path, filters_by_channel={})
    assert "semester_from" in str(caught.value)
    assert "\n" not in str(caught.value)
