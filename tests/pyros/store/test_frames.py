"""Tests of the index of frames and of the nights."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pyros.store import FrameRecord, NightRecord, Store

pytestmark = pytest.mark.asyncio


@pytest.fixture
def frame(at) -> FrameRecord:
    """A light frame."""
    return FrameRecord(
        exposure_id="tel1-cam-vis-b1-1",
        night="2026-11-23",
        unit="tel1",
        camera="cam-vis",
        kind="light",
        request_id="agn-1",
        sequence_id="agn-1-s1",
        programme_id="agn",
        alert_id=None,
        object_name="NGC 7469",
        filter_name="g",
        ra_deg=345.8,
        dec_deg=8.9,
        start_utc=at(0),
        exposure_s=90.0,
        aborted=False,
        path="PRODUCED_DATA/routine_agn-1_active/agn-1-s1/a.fits",
        bytes=532_800,
        sha256="0" * 64,
        preview_png="previews/2026-11-23/a.png",
        stars=42,
        fwhm_arcsec=2.1,
        background_adu=801.5,
        archived_utc=at(95),
    )


async def test_frame_is_indexed_once_per_exposure(store: Store, frame):
    """An archive that does a frame again replaces its row."""
    await store.frames.put(frame)
    await store.frames.put(replace(frame, stars=43))
    assert await store.frames.count() == 1
    assert await store.frames.get(frame.exposure_id) == replace(frame, stars=43)


async def test_frames_are_found_by_night_sequence_and_request(store: Store, frame, at):
    """Lists come in the order taken, the newest list the other way."""
    dark = replace(
        frame,
        exposure_id="d",
        kind="dark",
        request_id=None,
        sequence_id=None,
        stars=None,
        fwhm_arcsec=None,
    )
    early = replace(frame, exposure_id="e", start_utc=at(-100))
    other = replace(frame, exposure_id="o", night="2026-11-24", sequence_id="x", request_id="y")
    for one in (frame, dark, early, other):
        await store.frames.put(one)
    assert await store.frames.of_night("2026-11-23", kind="light") == [early, frame]
    assert await store.frames.of_night("2026-11-23", kind="dark") == [dark]
    assert await store.frames.of_sequence("agn-1-s1") == [early, frame]
    assert await store.frames.of_request("y") == [other]
    assert await store.frames.recent(limit=2) == [other, early]
    assert await store.frames.count("2026-11-23") == 3


async def test_frames_follow_a_renamed_directory(store: Store, frame):
    """Only paths below the directory change, underscores are no wildcards."""
    near = replace(frame, exposure_id="n", path=frame.path.replace("agn-1_active", "agn-1Xactive"))
    await store.frames.put(frame)
    await store.frames.put(near)
    old, new = "PRODUCED_DATA/routine_agn-1_active", "PRODUCED_DATA/routine_agn-1"
    assert await store.frames.move_directory(old, new) == 1
    moved = await store.frames.get(frame.exposure_id)
    assert moved is not None
    assert moved.path == "PRODUCED_DATA/routine_agn-1/agn-1-s1/a.fits"
    assert await store.frames.get("n") == near


async def test_night_begins_once_and_closes_with_its_summary(store: Store, at):
    """A restart within the night keeps its start; closing writes the summary."""
    await store.nights.begin("2026-11-23", started_utc=at(0))
    await store.nights.begin("2026-11-23", started_utc=at(3600))
    found = await store.nights.get("2026-11-23")
    assert found == NightRecord(night="2026-11-23", started_utc=at(0), ended_utc=None, summary={})
    await store.nights.close("2026-11-23", ended_utc=at(40_000), summary={"frames": 300})
    await store.nights.close("2026-11-24", ended_utc=at(126_000), summary={})
    nights = await store.nights.recent()
    assert [(n.night, n.started_utc, n.summary) for n in nights] == [
        ("2026-11-24", at(126_000), {}),
        ("2026-11-23", at(0), {"frames": 300}),
    ]
    assert await store.nights.get("2026-11-25") is None
