"""The fixture `observatory`: a whole site in virtual time, any part of it replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from actors.majordome.messages import ModeChanged
from actors.safety.messages import CloseOrder
from actors.sequencer.messages import SequenceEnded
from pyros.domain.observatory import Mode
from pyros.domain.sequence import SequenceState
from simulators.scenario import Scenario, WeatherEvent

if TYPE_CHECKING:
    from pyros.app.simulated_site import SimulatedSite

pytestmark = pytest.mark.asyncio

RAIN = Scenario(weather=(WeatherEvent(at_s=900.0, for_s=600.0, rain_mm_h=2.0),))


def impatient(settings):
    """Open after ten good seconds."""
    safety = msgspec.structs.replace(settings.safety, start_hold_off_s=10.0, hold_off_s=10.0)
    return msgspec.structs.replace(settings, safety=safety)


@pytest.mark.observatory(settings=impatient)
async def test_observatory_observes(observatory: SimulatedSite):
    """It opens by itself and completes its first sequence; the metal saw nothing wrong."""
    observing = await observatory.wait_for(
        ModeChanged, only=lambda changed: changed.mode is Mode.OBSERVING, within_s=600.0
    )
    assert observing.previous is Mode.OPENING
    ended = await observatory.wait_for(SequenceEnded, within_s=3600.0)
    assert ended.state is SequenceState.COMPLETED
    assert ended.frames > 0
    dome = observatory.metal.telescopes["t1"].dome
    assert dome.shutter.position(ended.ended_utc.timestamp()) == 1.0
    assert observatory.findings.violations == []


@pytest.mark.observatory(start="2026-11-24T09:00:00Z", seed=3, scenario=RAIN, settings=impatient)
async def test_observatory_is_built_as_the_marker_says(observatory: SimulatedSite):
    """Start, seed, scenario and settings are the test's own."""
    control = observatory.control
    assert f"{control.clock.now():%Y-%m-%dT%H:%M}" == "2026-11-24T09:00"
    assert observatory.metal.seed == 3
    assert observatory.plant.settings.safety.hold_off_s == 10.0
    await observatory.wait_for(
        ModeChanged, only=lambda changed: changed.mode is Mode.OBSERVING, within_s=600.0
    )
    order = await observatory.wait_for(CloseOrder, within_s=900.0)
    assert "rain" in order.reasons[0].text
    assert 900.0 <= control.clock.monotonic_s() <= 915.0


async def test_observatory_waits_in_vain_for_what_never_comes(observatory: SimulatedSite):
    """Waiting ends after the time given, in the observatory's seconds."""
    before_s = observatory.control.clock.monotonic_s()
    with pytest.raises(TimeoutError):
        await observatory.wait_for(CloseOrder, only=lambda _: False, within_s=300.0)
    assert observatory.control.clock.monotonic_s() - before_s == pytest.approx(300.0)
