"""The shipped configurations are right, and wrong ones are explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyros.app.request_file import load_requests
from pyros.app.settings import beside, load_settings
from pyros.errors import ConfigurationError

CONFIG = Path(__file__).parents[3] / "config"
SHIPPED = sorted(CONFIG.glob("*/observatory.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_shipped_configurations_are_right(path: Path) -> None:
    """Every configuration that is shipped loads as a whole, with its requests."""
    settings = load_settings(path)
    demands = load_requests(
        beside(path, settings.requests), filters_by_channel=settings.filters_by_channel()
    )
    assert demands.programmes
    assert settings.alerts.handler.programme in {p.programme_id for p in demands.programmes}
    assert beside(path, settings.alerts.handler.rules).is_file()


def test_the_example_site_has_two_telescopes() -> None:
    """Node > site > telescope > channel from the start."""
    settings = load_settings(CONFIG / "example_site" / "observatory.toml")
    assert [unit.id for unit in settings.telescope] == ["chaser", "follower"]
    assert [channel.id for channel in settings.telescope[1].channel] == ["cam-blue", "cam-red"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("hold_off_s = 600.0", "hold_of_s = 600.0"), "did you mean 'hold_off_s'?"),
        (("latitude_deg = 31.0439", "latitude_deg = 131.0439"), "latitude 131.044 deg"),
        (('id = "spm"', 'id = "San Pedro"'), "lower-case letters"),
        (("min_altitude_deg = 15.0", "min_altitude_deg = 95.0"), "min_altitude_deg = 95.0"),
        (("port = 8642", 'port = "web"'), "web.port = 'web'"),
        (('id = "cam-nir"', 'id = "cam-vis"'), "is used twice"),
    ],
)
def test_wrong_configurations_name_the_fault(
    tmp_path: Path, change: tuple[str, str], expected: str
) -> None:
    """File, key, value and remedy in one line."""
    text = (CONFIG / "simulated" / "observatory.toml").read_text()
    assert change[0] in text
    path = tmp_path / "observatory.toml"
    path.write_text(text.replace(change[0], change[1], 1))
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path)
    lines = str(caught.value).splitlines()
    assert any(expected in line for line in lines), lines
