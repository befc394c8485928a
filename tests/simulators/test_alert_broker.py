"""Simulated bursts are told over MQTT, and whatever is told has an afterglow to find."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from protocols.mqtt import MqttMessage
from protocols.notice_parser import parse_notice
from protocols.notice_restamp import restamp
from pyros.sky import Night, altaz_now, separation_deg
from simulators.alert_broker import BurstSettings, afterglow, burst_times
from simulators.settings import SimulatorsSettings

pytestmark = pytest.mark.asyncio

TEMPLATES = Path(__file__).parents[2] / "config" / "alert_templates"
SWIFT = (TEMPLATES / "swift-bat.xml").read_bytes()
FIELD = (115.0, 35.0)


def fresh(rig, ra_deg: float, dec_deg: float, serial: int = 11) -> bytes:
    """A Swift packet about a burst twenty seconds ago."""
    time_utc = rig.system.clock.now() - timedelta(seconds=20.0)
    return restamp(SWIFT, time_utc=time_utc, ra_deg=ra_deg, dec_deg=dec_deg, serial=serial)


async def test_alert_has_an_afterglow_in_the_frames(rig):
    """An alert of somebody else lights a star that the camera sees where it must be."""
    await rig.open_up(*FIELD)
    raw = fresh(rig, *FIELD)
    for _ in range(2):  # told twice, it is one burst
        await rig.client.publish(MqttMessage(topic=rig.topics.alert_in(), payload=raw, qos=1))
    await asyncio.sleep(1.0)
    assert len(rig.metal.transients) == 1
    source = rig.metal.transients[0]
    error_deg = parse_notice(raw, source="", received_utc=rig.system.clock.now()).error_deg
    assert float(separation_deg(source.ra_deg, source.dec_deg, *FIELD)) < 2.0 * error_deg
    await rig.command("t1/telescope", "slew", ra_deg=source.ra_deg, dec_deg=source.dec_deg)
    exposure = {"exposure_id": "glow", "exposure_s": 20.0, "kind": "light", "binning": 1}
    await rig.command("t1/cam-vis", "expose", **exposure)
    data = fits.getdata(rig.events("t1/cam-vis")[-1].path).astype(float)
    core, ring = data[252:260, 252:260], np.median(data[230:282, 230:282])
    assert core.max() > ring + 500.0


async def test_alert_retraction_and_nonsense_light_nothing(rig):
    """What is no alert, or names no place, changes no sky."""
    for payload in (b"", b"hello", b"<VOEvent/>", b'{"a": 1}'):
        await rig.client.publish(MqttMessage(topic=rig.topics.alert_in(), payload=payload, qos=1))
    await asyncio.sleep(1.0)
    assert rig.metal.transients == []


async def test_broker_tells_bursts_in_view(make_rig, site):
    """Through a night bursts come by themselves, fresh, high enough, and lit."""
    settings = SimulatorsSettings(
        bursts=BurstSettings(per_night=4.0), stations=(), plc=None, telescopes=()
    )
    rig = await make_rig(settings, alert_packets=(SWIFT,), start_unix_s=1_795_485_600.0)
    await asyncio.sleep(10.0 * 3600.0)
    packets = [m for m in rig.heard if m.topic == rig.topics.alert_in()]
    night = Night.at(site, 1_795_503_600.0)
    assert len(packets) == len(burst_times(night, settings.seed, 4.0)) > 0
    names = set()
    for message in packets:
        notice = parse_notice(message.payload, source="", received_utc=rig.system.clock.now())
        names.add(notice.ivorn)
        alt_deg, _ = altaz_now(
            site, notice.ra_deg, notice.dec_deg, notice.t0_utc.timestamp() + 20.0
        )
        assert alt_deg > 34.5
    assert len(names) == len(packets) == len(rig.metal.transients)


async def test_afterglow_is_the_same_for_all_notices_of_an_event(rig):
    """The seed and the event place it; another seed places it elsewhere."""
    now_utc = rig.system.clock.now()
    notice = parse_notice(fresh(rig, *FIELD), source="", received_utc=now_utc)
    assert afterglow(notice, 1, 15.0) == afterglow(notice, 1, 15.0)
    assert afterglow(notice, 1, 15.0) != afterglow(notice, 2, 15.0)
    assert afterglow(notice, 1, 15.0).t0_unix_s == pytest.approx(rig.unix_s - 20.0, abs=1.0)
