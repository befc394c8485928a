"""The simulated mount moves along real angles, keeps its limits, obeys each order once."""

from __future__ import annotations

import asyncio

import pytest

from pyros.sky import altaz_now, body_now, icrs_from_altaz

pytestmark = pytest.mark.asyncio

TARGET = {"ra_deg": 56.75, "dec_deg": 24.12}


async def test_mount_slews_and_tracks(rig, site):
    """A slew takes seconds along the axes, then the mount follows the star."""
    assert (await rig.command("t1/telescope", "unpark")).s == "done"
    start_s = rig.unix_s
    ended = await rig.command("t1/telescope", "slew", **TARGET)
    assert ended.s == "done"
    assert 5.0 < rig.unix_s - start_s < 21.0
    assert rig.reading("t1/telescope", "tracking") is True
    assert rig.reading("t1/telescope", "slewing") is False
    assert rig.reading("t1/telescope", "ra_deg") == TARGET["ra_deg"]
    await asyncio.sleep(600.0)
    alt_deg, az_deg = altaz_now(site, *TARGET.values(), rig.unix_s)
    assert rig.reading("t1/telescope", "alt_deg") == pytest.approx(alt_deg, abs=0.3)
    assert rig.reading("t1/telescope", "az_deg") == pytest.approx(az_deg, abs=0.3)
    assert rig.reading("t1/telescope", "dec_deg") == TARGET["dec_deg"]


async def test_mount_reports_while_it_slews(rig):
    """Coarse positions are published on the way, monotonic towards the target."""
    await rig.command("t1/telescope", "unpark")
    before = len(rig.heard)
    await rig.command("t1/telescope", "slew", **TARGET)
    azimuths = [m for m in rig.heard[before:] if m.topic.endswith("telescope/p/az_deg")]
    assert 5 <= len(azimuths) <= 25


async def test_mount_refuses_what_it_must(rig, site):
    """Parked, below the limit, off the sphere, without a target: refused with a reason."""
    parked = await rig.command("t1/telescope", "slew", **TARGET)
    assert (parked.s, parked.detail) == ("failed", "parked; unpark first")
    await rig.command("t1/telescope", "unpark")
    low_ra, low_dec = icrs_from_altaz(site, -8.0, 90.0, rig.unix_s)
    low = await rig.command("t1/telescope", "slew", ra_deg=low_ra, dec_deg=low_dec)
    assert low.s == "failed"
    assert "below the firmware limit -5 deg" in low.detail
    assert (await rig.command("t1/telescope", "slew", ra_deg=1.0, dec_deg=91.0)).s == "failed"
    assert (await rig.command("t1/telescope", "slew", ra_deg=True, dec_deg=1.0)).s == "failed"
    assert (await rig.command("t1/telescope", "slew", ra_deg=1.0)).s == "failed"
    assert (await rig.command("t1/telescope", "warp")).s == "failed"
    offset = await rig.command("t1/telescope", "offset", east_arcsec=5.0, north_arcsec=0.0)
    assert offset.detail == "not tracking; an offset needs a target"


async def test_mount_keeps_away_from_the_sun_with_an_open_cover(make_rig, site):
    """By day an open telescope is not turned to the Sun, a covered one may pass."""
    rig = await make_rig(start_unix_s=1_795_550_400.0)  # 2026-11-24T20:00:00Z: noon at the site
    sun = body_now(site, "sun", rig.unix_s)
    near = {"ra_deg": float(sun.ra_deg[0]) + 3.0, "dec_deg": float(sun.dec_deg[0])}
    await rig.command("t1/telescope", "unpark")
    assert (await rig.command("t1/telescope", "open_cover")).s == "done"
    refused = await rig.command("t1/telescope", "slew", **near)
    assert refused.s == "failed"
    assert "from the Sun" in refused.detail
    await rig.command("t1/telescope", "close_cover")
    assert (await rig.command("t1/telescope", "slew", **near)).s == "done"
    assert "from the Sun" in (await rig.command("t1/telescope", "open_cover")).detail


async def test_mount_offsets_by_arcseconds(rig):
    """An offset moves the pointing along the sky and keeps tracking."""
    await rig.command("t1/telescope", "unpark")
    await rig.command("t1/telescope", "slew", ra_deg=56.75, dec_deg=60.0)
    ended = await rig.command("t1/telescope", "offset", east_arcsec=10.0, north_arcsec=-6.0)
    assert ended.s == "done"
    assert rig.reading("t1/telescope", "ra_deg") == pytest.approx(56.75 + 20.0 / 3600, abs=1e-7)
    assert rig.reading("t1/telescope", "dec_deg") == pytest.approx(60.0 - 6.0 / 3600, abs=1e-7)
    assert rig.reading("t1/telescope", "tracking") is True


async def test_mount_obeys_an_id_once(rig):
    """A repeated id gets the last word again and moves nothing."""
    await rig.command("t1/telescope", "unpark")
    first = await rig.say("t1/telescope", "slew", TARGET, command_id="once")
    await rig.end(first)
    await rig.command("t1/telescope", "park")
    await rig.say("t1/telescope", "slew", TARGET, command_id="once")
    assert [reply.s for reply in rig.replies("once")] == ["accepted", "done", "done"]
    assert rig.reading("t1/telescope", "parked") is True


async def test_mount_slew_supersedes_slew(rig):
    """A newer slew ends the older one as failed and is carried out itself."""
    await rig.command("t1/telescope", "unpark")
    first = await rig.say("t1/telescope", "slew", TARGET)
    await asyncio.sleep(2.0)
    second = await rig.command("t1/telescope", "slew", ra_deg=100.0, dec_deg=40.0)
    assert rig.replies(first)[-1].s == "failed"
    assert "superseded by slew" in rig.replies(first)[-1].detail
    assert second.s == "done"
    assert rig.reading("t1/telescope", "ra_deg") == 100.0


async def test_mount_stops_and_parks(rig):
    """Stop leaves it where it is; park ends parked and is idempotent by state."""
    await rig.command("t1/telescope", "unpark")
    slew = await rig.say("t1/telescope", "slew", TARGET)
    await asyncio.sleep(3.0)
    assert (await rig.command("t1/telescope", "stop")).s == "done"
    assert rig.replies(slew)[-1].detail == "stopped"
    assert rig.reading("t1/telescope", "slewing") is False
    assert rig.reading("t1/telescope", "tracking") is False
    assert (await rig.command("t1/telescope", "park")).s == "done"
    assert rig.reading("t1/telescope", "parked") is True
    assert rig.reading("t1/telescope", "alt_deg") == pytest.approx(10.0)
    assert (await rig.command("t1/telescope", "park")).detail == "already parked"


async def test_mount_stops_following_what_sets(rig, site):
    """A star below the firmware's limit is let go."""
    ra_deg, dec_deg = icrs_from_altaz(site, -3.0, 270.0, rig.unix_s)
    await rig.command("t1/telescope", "unpark")
    assert (await rig.command("t1/telescope", "slew", ra_deg=ra_deg, dec_deg=dec_deg)).s == "done"
    await asyncio.sleep(1200.0)
    assert rig.reading("t1/telescope", "tracking") is False
    assert rig.reading("t1/telescope", "alt_deg") == pytest.approx(-5.0, abs=0.1)


async def test_mount_survives_the_crash_of_its_actor(rig):
    """A restarted actor finds the tube where it was."""
    await rig.command("t1/telescope", "unpark")
    await rig.command("t1/telescope", "slew", **TARGET)
    rig.system.ref("/metal/t1/telescope").kill()
    await asyncio.sleep(60.0)
    assert rig.system.ref("/metal/t1/telescope").incarnation == 2
    assert rig.reading("t1/telescope", "tracking") is True
    assert rig.reading("t1/telescope", "ra_deg") == TARGET["ra_deg"]
    assert (await rig.command("t1/telescope", "park")).s == "done"
