"""The slit: where it belongs, when the dome turns, when the telescope sees out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.dome.settings import DomeSettings, SlitGeometry
from actors.dome.slit import aligned, pierce, sees_out, turn_to_deg
from pyros.domain.device import Quality, Reading

T0 = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
CENTRED = SlitGeometry()
SETTINGS = DomeSettings()


def readings(**values: object) -> dict[str, Reading]:
    return {name: Reading(value=value, unit="", time_utc=T0) for name, value in values.items()}


def telescope(alt_deg: float, az_deg: float, **more: object) -> dict[str, Reading]:
    return readings(alt_deg=alt_deg, az_deg=az_deg, parked=False, **more)


def dome(azimuth_deg: float, shutter: str = "open") -> dict[str, Reading]:
    return readings(azimuth_deg=azimuth_deg, shutter=shutter)


@given(st.floats(0, 89.9), st.floats(0, 359.9))
def test_centred_telescope_looks_where_the_slit_is(alt_deg: float, az_deg: float) -> None:
    """With the axes at the dome's centre the beam leaves at its own altitude and azimuth."""
    point = pierce(alt_deg, az_deg, CENTRED)
    assert point.alt_deg == pytest.approx(alt_deg, abs=1e-6)
    assert (point.az_deg - az_deg + 180) % 360 - 180 == pytest.approx(0.0, abs=1e-6)


def test_offset_telescope_needs_another_azimuth() -> None:
    """A telescope 1 m east of the centre of a 3 m dome, looking north: the slit is 19.5 deg east.

    The beam x = 1 m meets the circle of 3 m at the azimuth arcsin(1/3).
    """
    geometry = SlitGeometry(east_m=1.0)
    assert pierce(0.0, 0.0, geometry).az_deg == pytest.approx(19.4712, abs=1e-3)
    assert pierce(0.0, 90.0, geometry).az_deg == pytest.approx(90.0)


def test_dome_turns_when_the_slit_is_more_than_two_degrees_off() -> None:
    """Two degrees are left alone, more are followed, over north too."""
    assert turn_to_deg(dome(100.0), telescope(40.0, 102.0), SETTINGS) is None
    assert turn_to_deg(dome(100.0), telescope(40.0, 102.1), SETTINGS) == pytest.approx(102.1)
    assert turn_to_deg(dome(359.5), telescope(40.0, 0.5), SETTINGS) is None
    assert turn_to_deg(dome(359.0), telescope(40.0, 2.0), SETTINGS) == pytest.approx(2.0)


def test_dome_turns_ahead_of_a_slew() -> None:
    """While a slew runs the dome goes where it leads, not where the telescope passes."""
    slewing = telescope(40.0, 90.0, target_alt_deg=50.0, target_az_deg=200.0)
    assert turn_to_deg(dome(90.0), slewing, SETTINGS) == pytest.approx(200.0)


@pytest.mark.parametrize("shutter", ["closed", "opening", "closing", "stuck"])
def test_dome_that_is_not_open_does_not_follow(shutter: str) -> None:
    """A closed dome has nothing to follow for."""
    assert turn_to_deg(dome(0.0, shutter), telescope(40.0, 90.0), SETTINGS) is None
    assert sees_out(dome(90.0, shutter), telescope(40.0, 90.0), SETTINGS) is False


def test_dome_does_not_follow_a_parked_or_silent_telescope() -> None:
    """Without a trusted beam the dome stays."""
    parked = telescope(10.0, 0.0) | readings(parked=True)
    assert turn_to_deg(dome(90.0), parked, SETTINGS) is None
    stale = {
        name: Reading(value=one.value, unit="", time_utc=T0, quality=Quality.STALE)
        for name, one in telescope(40.0, 90.0).items()
    }
    assert turn_to_deg(dome(0.0), stale, SETTINGS) is None
    assert sees_out(dome(90.0), stale, SETTINGS) is None


def test_near_the_zenith_the_slits_width_decides() -> None:
    """At 89 degrees any azimuth passes the slit, so the dome does not race after azimuth."""
    assert turn_to_deg(dome(0.0), telescope(89.0, 170.0), SETTINGS) is None
    assert sees_out(dome(0.0), telescope(89.0, 170.0), SETTINGS) is True


@given(st.floats(0, 80), st.floats(0, 359.9), st.floats(-180, 180))
def test_telescope_sees_out_when_the_dome_would_not_turn(alt_deg, az_deg, off_deg) -> None:
    """What the dome tolerates never vignettes; what is aligned has the beam wholly in the slit."""
    slit_az_deg = (az_deg + off_deg) % 360.0
    tube, house = telescope(alt_deg, az_deg), dome(slit_az_deg)
    if turn_to_deg(house, tube, SETTINGS) is None:
        assert sees_out(house, tube, SETTINGS) is True
    if abs(off_deg) > 90.0 and alt_deg < 75.0:
        assert not aligned(pierce(alt_deg, az_deg, CENTRED), slit_az_deg, CENTRED)
