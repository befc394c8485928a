"""Tests of the telemetry recorder and its dead-band, on a real store, in virtual time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from actors.device.messages import DeviceStatus
from actors.journal.dead_band import DeadBand
from actors.journal.recorder import Recorder
from actors.journal.settings import RecorderSettings
from actors.weather_source.messages import WeatherReport
from pyros.actor import ActorRef, ActorSystem, ChildSpec
from pyros.domain.device import DeviceKind, DeviceState, Quality, Reading
from pyros.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

pytestmark = pytest.mark.asyncio

NOW_UTC = datetime(2026, 11, 23, 20, tzinfo=UTC)


def _at(seconds: float) -> datetime:
    return NOW_UTC + timedelta(seconds=seconds)


def _reading(value: Any, seconds: float = 0.0, unit: str = "deg_C", **changes: Any) -> Reading:
    return Reading(value=value, unit=unit, time_utc=_at(seconds), **changes)


def _status(readings: Mapping[str, Reading], *, device: str = "cam-vis") -> DeviceStatus:
    return DeviceStatus(
        unit="tel1",
        device=device,
        kind=DeviceKind.CAMERA,
        state=DeviceState.READY,
        reason="",
        since_utc=NOW_UTC,
        readings=readings,
        blocking=False,
        simulated=True,
        running_command=None,
        time_utc=NOW_UTC,
    )


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An open store in files."""
    async with Store(tmp_path) as opened:
        yield opened


@pytest.fixture
def recorder(system: ActorSystem, store: Store) -> Callable[..., Any]:
    """Spawns the recorder with the settings that a test names."""

    async def spawn(**settings: Any) -> ActorRef[Recorder]:
        chosen = RecorderSettings(**settings)
        return await system.spawn(
            ChildSpec(name="recorder", factory=lambda: Recorder(store=store, settings=chosen))
        )

    return spawn


async def _values(store: Store, channel: str) -> list[float]:
    found = await store.telemetry.samples(channel, start_utc=_at(-1), end_utc=_at(1e6))
    return [sample.value for sample in found]


async def test_readings_of_devices_and_stations_are_recorded(system, store, recorder):
    """Numbers and flags become channels `unit/device/property`; text and bad values do not."""
    await recorder()
    system.events.publish(
        _status(
            {
                "temperature_deg_C": _reading(-99.5),
                "cooler": _reading(True, unit=""),
                "activity": _reading("idle", unit=""),
                "elapsed_s": _reading(None, unit="s"),
                "setpoint_deg_C": _reading(-100, quality=Quality.STALE),
            }
        )
    )
    system.events.publish(
        WeatherReport(
            station="meteo-1",
            state=DeviceState.READY,
            readings={"wind_m_s": _reading(4.2, unit="m/s")},
            time_utc=NOW_UTC,
        )
    )
    await asyncio.sleep(1.1)
    assert await store.telemetry.channels() == {
        "site/meteo-1/wind_m_s": "m/s",
        "tel1/cam-vis/cooler": "",
        "tel1/cam-vis/temperature_deg_C": "deg_C",
    }
    assert await _values(store, "tel1/cam-vis/cooler") == [1.0]


async def test_noise_within_the_dead_band_is_not_recorded():
    """What moved less than its sensor's noise waits; a change or a long silence is news."""
    band = DeadBand(quiet_s=300.0)

    def news(value: float, seconds: float) -> list[float]:
        return [sample.value for sample in band.news("u", "d", {"t": _reading(value, seconds)})]

    assert news(10.0, 0.0) == [10.0]
    assert news(10.08, 10.0) == []
    assert news(10.12, 20.0) == [10.12]
    assert news(10.04, 30.0) == []
    assert news(10.12, 320.0) == [10.12]
    assert news(99.0, 320.0) == []  # told twice
    assert news(99.0, 100.0) == []  # older than what is recorded
    assert news(float("nan"), 400.0) == []
    assert news(10.12, 700.0) == [10.12]


async def test_noisy_sensors_have_bands_of_their_own():
    """A wind vane swings by degrees in any wind: that is no news every five seconds."""
    band = DeadBand(quiet_s=300.0)

    def news(name: str, value: float, seconds: float) -> int:
        reading = _reading(value, seconds, unit="deg")
        return len(band.news("site", "wx-1", {name: reading}))

    assert news("wind_from_deg", 100.0, 0.0) == 1
    assert news("wind_from_deg", 108.0, 5.0) == 0
    assert news("wind_from_deg", 112.0, 10.0) == 1
    assert news("azimuth_deg", 100.0, 0.0) == 1
    assert news("azimuth_deg", 100.5, 5.0) == 1


async def test_full_batch_is_written_at_once(system, store, recorder):
    """Five hundred samples do not wait for the second to be over."""
    await recorder(batch_s=3600.0, batch_samples=50)
    for number in range(10):
        system.events.publish(
            _status({f"x{i}": _reading(float(i)) for i in range(5)}, device=f"d{number}")
        )
    await asyncio.sleep(0.001)
    assert len(await store.telemetry.channels()) == 50


async def test_failing_database_drops_the_oldest_and_recovers(system, store, recorder, caplog):
    """Telemetry is kept within its bound, said once, and written when the database is back."""
    await recorder(batch_s=1.0, kept_samples=5)
    await store.telemetry_database.close()
    for second in range(10):
        system.events.publish(_status({"t": _reading(float(second), float(second))}))
        await asyncio.sleep(1.0)
    await store.telemetry_database.open()
    system.events.publish(_status({"t": _reading(10.0, 10.0)}))
    await asyncio.sleep(2.5)
    assert await _values(store, "tel1/cam-vis/t") == [6.0, 7.0, 8.0, 9.0, 10.0]
    texts = [record.getMessage() for record in caplog.records]
    assert sum("cannot record" in text for text in texts) == 1
    assert sum("recording again" in text for text in texts) == 1


async def test_roll_ups_are_kept_up(system, store, recorder):
    """The recorder maintains what it records, without being asked."""
    await recorder(maintain_s=600.0)
    start = system.clock.now()
    for step in range(40):
        system.events.publish(
            _status({"t": Reading(value=float(step), unit="m", time_utc=system.clock.now())})
        )
        await asyncio.sleep(30.0)
    await asyncio.sleep(10.0)
    rolled = await store.telemetry_database.read(
        lambda c: c.exec_driver_sql("SELECT sum(n), max(high) FROM minute").one()
    )
    assert rolled[0] >= 38
    assert rolled[1] >= 37.0
    assert start < system.clock.now()


async def test_stop_writes_what_waits(system, store, recorder):
    """An orderly end loses no sample."""
    ref = await recorder(batch_s=3600.0)
    system.events.publish(_status({"t": _reading(1.0)}))
    await asyncio.sleep(0.01)
    await ref.stop()
    assert await _values(store, "tel1/cam-vis/t") == [1.0]
