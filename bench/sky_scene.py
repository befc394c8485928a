"""Figures of the simulated sky: CPU per frame, exactness of places, cost of an idle hour.

One JSON line per figure. Run it as `python bench/sky_scene.py`.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from protocols.mqtt.memory import MemoryLink
from protocols.mqtt.router import Router
from protocols.topics import SiteTopics
from pyros.actor import ActorSystem
from pyros.actor.loops import run_virtual
from pyros.sky.site import Site
from simulators.observatory import simulated_observatory_spec
from simulators.settings import SimulatorsSettings
from simulators.sky_scene import (
    PASSBANDS,
    Detector,
    DetectorSettings,
    Optics,
    Scene,
    detector_for,
    render,
    stars_around,
)
from simulators.spool import spool_frame

SCENE = Scene(
    exposure_id="t1/cam-vis/bench",
    kind="light",
    start_unix_s=1_795_503_600.0,
    exposure_s=60.0,
    ra_deg=345.8151,
    dec_deg=8.874,
    altitude_deg=60.0,
    passband=PASSBANDS["r"],
    seeing_arcsec=1.2,
)
FIELDS = {"high latitude": (192.9, 27.1), "galactic plane": (290.0, 10.0)}


def say(figure: str, value: float, unit: str, target: float | None = None) -> None:
    """Print one figure."""
    line = {"figure": figure, "value": round(value, 4), "unit": unit}
    if target is not None:
        line["target"] = target
    print(json.dumps(line), flush=True)


def cpu_ms(detector: Detector, optics: Optics, scene: Scene, frames: int) -> float:
    """Median CPU milliseconds per frame, patterns and stars made beforehand."""
    render(scene, optics, detector)
    spent = []
    for number in range(frames):
        start_s = time.process_time()
        render(replace(scene, exposure_id=f"bench/{number}"), optics, detector)
        spent.append((time.process_time() - start_s) * 1e3)
    return statistics.median(spent)


def frames() -> None:
    """CPU of frames of two sizes in a poor and in a crowded field."""
    small = detector_for(DetectorSettings(), 1)
    large = detector_for(DetectorSettings(width_px=4096, height_px=4096), 1)
    for field, (ra_deg, dec_deg) in FIELDS.items():
        scene = replace(SCENE, ra_deg=ra_deg, dec_deg=dec_deg)
        optics = Optics(scale_arcsec=1.0, f_ratio=6.25, pixel_um=15.0)
        say(f"frame 512x512, {field}", cpu_ms(small, optics, scene, 15), "ms CPU", 30.0)
        optics = Optics(scale_arcsec=0.38, f_ratio=6.25, pixel_um=15.0)
        say(f"frame 4096x4096, {field}", cpu_ms(large, optics, scene, 3), "ms CPU", 2000.0)
    with tempfile.TemporaryDirectory() as directory:
        start_s = time.process_time()
        for number in range(10):
            optics = Optics(scale_arcsec=1.0, f_ratio=6.25, pixel_um=15.0)
            named = replace(SCENE, exposure_id=f"t1/cam/{number}")
            spool_frame(Path(directory), f"{number}", named, optics, small, "t1/cam")
        spent_ms = (time.process_time() - start_s) * 100.0
    say("frame 512x512 drawn, summed and written as FITS", spent_ms, "ms CPU", 30.0)


def exactness() -> None:
    """Places and fluxes of lonely stars against what was asked to be drawn."""
    clean = DetectorSettings(
        width_px=1000,
        height_px=1000,
        response_rms=0.0,
        vignetting=0.0,
        dust_grains=0,
        hot_pixel_share=0.0,
        cosmic_rays_cm2_min=0.0,
    )
    detector = Detector(settings=clean, seed=1)
    optics = Optics(scale_arcsec=0.6, f_ratio=6.25, pixel_um=15.0)
    scene = replace(SCENE, ra_deg=200.0, dec_deg=-35.0, faintest_mag=16.0)
    result = render(scene, optics, detector)
    counts = result.counts.astype(float) - detector.bias
    stars = stars_around(200.0, -35.0, 0.2, scene.start_unix_s, faintest_mag=16.0)
    x, y = result.plane.pixels(stars.ra_deg, stars.dec_deg)
    misplaced = []
    rows, columns = np.indices(counts.shape)
    for index in np.argsort(stars.v_mag):
        inside = 40 < x[index] < 960 and 40 < y[index] < 960
        lonely = np.sort(np.hypot(x - x[index], y - y[index]))[1] > 40.0
        if not (inside and lonely and 12.5 < stars.v_mag[index] < 15.5):
            continue
        distance = np.hypot(columns - x[index], rows - y[index])
        ring = counts[(distance > 15.0) & (distance < 20.0)]
        light = np.where(distance < 8.0, counts - np.median(ring), 0.0)
        centre_x = (light * columns).sum() / light.sum()
        centre_y = (light * rows).sum() / light.sum()
        misplaced.append(float(np.hypot(centre_x - x[index], centre_y - y[index])))
    say("largest error of a star's place", max(misplaced), "px", 0.1)


async def idle_hour() -> tuple[float, float]:
    """(CPU seconds, messages) of an hour in which one telescope's devices do nothing."""
    loop = asyncio.get_running_loop()
    router, topics, heard = Router(loop), SiteTopics("bench"), 0
    client = MemoryLink(router, client_id="bench")
    await client.connect()
    await client.subscribe("pyros/#")

    async def listen() -> None:
        nonlocal heard
        async for _ in client.messages():
            heard += 1

    listening = loop.create_task(listen())
    with tempfile.TemporaryDirectory() as directory:
        async with ActorSystem(name="metal", seed=1) as system:
            spec = simulated_observatory_spec(
                system,
                SimulatorsSettings(),
                site=Site(latitude_deg=31.0, longitude_deg=-115.5, height_m=2800.0),
                topics=topics,
                make_link=lambda will: MemoryLink(router, client_id="sim", will=will),
                spool=Path(directory),
                start_unix_s=system.clock.unix_s(),
            )
            await system.spawn(spec)
            await asyncio.sleep(120.0)
            heard, start_s = 0, time.process_time()
            await asyncio.sleep(3600.0)
            spent_s, messages = time.process_time() - start_s, heard
    listening.cancel()
    return spent_s, float(messages)


def main() -> None:
    """Print all figures."""
    frames()
    exactness()
    spent_s, messages = run_virtual(idle_hour)
    say("idle hour of one telescope and its site, devices and transport", spent_s, "s CPU", 1.0)
    say("messages in that hour", messages, "messages")


if __name__ == "__main__":
    main()
