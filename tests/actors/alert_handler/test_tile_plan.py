"""Regions become fields: the likeliest ones that are up, none twice, in an order that works."""

from __future__ import annotations

import base64
import io
import itertools
import json
from random import Random

import numpy as np
import pytest
from astropy.io import fits

from actors.alert_handler.tile_plan import Limits, TileQuestion, plan_tiles, read_map
from pyros.domain.alert.localisation import Calibration, Place, separation_deg
from pyros.domain.alert.notice import NoticeError
from pyros.domain.alert.sky_density import density_from_place
from pyros.domain.alert.strategy import TilingRule
from pyros.domain.alert.tiling import fields_near
from pyros.sky import Night, Site, noon_unix_s
from pyros.sky.engine import icrs_from_altaz

SITE = Site(latitude_deg=31.0439, longitude_deg=-115.4637, height_m=2790.0, name="SPM")
DARK = Night.at(SITE, noon_unix_s(SITE, "2026-11-23") + 3600.0).span(-12.0)
assert DARK is not None
NOW_S = DARK[0] + 3600.0
LIMITS = Limits(site=SITE, now_unix_s=NOW_S, min_altitude_deg=20.0, max_sun_altitude_deg=-12.0)


def place(altitude_deg: float, azimuth_deg: float, sigma_deg: float) -> Place:
    """A position as seen from the site now."""
    ra_deg, dec_deg = icrs_from_altaz(SITE, altitude_deg, azimuth_deg, NOW_S)
    return Place(
        ra_deg=float(ra_deg) % 360.0,
        dec_deg=float(dec_deg),
        sigma_deg=sigma_deg,
        calibration=Calibration().of("svom-eclairs"),
    )


def question(region: Place, *, field_deg: float = 0.142, tiles: int = 9) -> TileQuestion:
    """What is asked."""
    return TileQuestion(
        region=region,
        rule=TilingRule(max_tiles=tiles, contour=0.95, min_tile_probability=0.001),
        field_deg=(field_deg, field_deg),
        limits=LIMITS,
        visit_s=60.0,
        slew_deg_per_s=4.0,
        start_deg=(region.ra_deg, region.dec_deg),
    )


@pytest.mark.parametrize(("sigma_deg", "field_deg"), [(0.1, 0.142), (1.5, 1.9), (4.0, 1.9)])
def test_fields_near_hold_as_much_as_sampling_the_density_says(
    sigma_deg: float, field_deg: float
) -> None:
    """What the chosen fields claim is what falls into them of ten thousand draws."""
    region = place(60.0, 120.0, sigma_deg)
    plan = plan_tiles(question(region, field_deg=field_deg, tiles=7))
    assert plan.tiles
    rng = np.random.default_rng(4)
    radius = sigma_deg * np.sqrt(-2.0 * np.log(rng.uniform(size=10_000)))
    angle = rng.uniform(0.0, 2.0 * np.pi, size=10_000)
    dec = region.dec_deg + radius * np.cos(angle)
    ra = region.ra_deg + radius * np.sin(angle) / np.cos(np.radians(dec))
    inside = np.zeros(10_000, dtype=bool)
    for tile in plan.tiles:
        off = (ra - tile.ra_deg + 180.0) % 360.0 - 180.0
        inside |= (np.abs(off * np.cos(np.radians(tile.dec_deg))) < field_deg / 2) & (
            np.abs(dec - tile.dec_deg) < field_deg / 2
        )
    claimed = sum(tile.probability for tile in plan.tiles)
    assert inside.mean() == pytest.approx(claimed, abs=0.04)


def test_fields_are_those_of_one_grid_and_the_densest() -> None:
    """Rows and columns are the same whatever the region, so that two plans share their fields."""
    first = place(60.0, 120.0, 0.2)
    moved = Place(
        ra_deg=first.ra_deg + 0.05,
        dec_deg=first.dec_deg,
        sigma_deg=0.2,
        calibration=first.calibration,
    )
    grids = [fields_near(density_from_place(one), 0.142, 0.142, count=40) for one in (first, moved)]
    centres = [
        {(round(float(r), 6), round(float(d), 6)) for r, d in zip(g.ra_deg, g.dec_deg, strict=True)}
        for g in grids
    ]
    assert len(centres[0] & centres[1]) > 20


def test_only_fields_that_come_up_are_observed_and_later_ones_wait() -> None:
    """A region half below the limit: every field begins within its window."""
    region = place(20.0, 95.0, 1.0)
    plan = plan_tiles(question(region, field_deg=0.5, tiles=20))
    assert plan.tiles
    for tile in plan.tiles:
        (spans,) = LIMITS.spans(np.array([tile.ra_deg]), np.array([tile.dec_deg]), 60.0)
        assert any(low - 1.0 <= tile.begin_s and tile.begin_s + 60.0 <= high for low, high in spans)
    begins = [tile.begin_s for tile in plan.tiles]
    assert begins == sorted(begins)
    assert all(b - a >= 60.0 for a, b in itertools.pairwise(begins))


def test_a_region_that_never_comes_up_says_so() -> None:
    """Around the south pole there is nothing for a northern site, and the plan says why."""
    region = Place(
        ra_deg=10.0, dec_deg=-85.0, sigma_deg=0.3, calibration=Calibration().of("svom-eclairs")
    )
    plan = plan_tiles(question(region))
    assert plan.tiles == ()
    assert "0 come up within 24.0 h" in plan.text


def lvk_alert(ra_deg: float, dec_deg: float, *, superevent: str = "S261124a") -> bytes:
    """An LVK alert with a multi-order map of a few degrees around a place."""
    density = density_from_place(
        Place(
            ra_deg=ra_deg,
            dec_deg=dec_deg,
            sigma_deg=1.5,
            calibration=Calibration().of("svom-eclairs"),
        )
    )
    order = np.round(29 - np.log2(density.length) / 2).astype(np.int64)
    uniq = (np.int64(4) << (2 * order)) + (density.first >> (2 * (29 - order)))
    per_sr = density.probability / (4 * np.pi / 12 / 4.0**order)
    columns = [
        fits.Column(name="UNIQ", format="K", array=uniq),
        fits.Column(name="PROBDENSITY", format="D", array=per_sr),
    ]
    raw = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(raw)
    return json.dumps(
        {
            "superevent_id": superevent,
            "alert_type": "PRELIMINARY",
            "time_created": "2026-11-24T03:00:00Z",
            "event": {
                "time": "2026-11-24T02:55:00Z",
                "far": 1e-9,
                "significant": True,
                "group": "CBC",
                "properties": {"HasNS": 0.99},
                "skymap": base64.b64encode(raw.getvalue()).decode(),
            },
        }
    ).encode()


def test_a_sky_map_is_read_with_its_area_peak_and_visibility() -> None:
    """The map inside an LVK alert: where it peaks, how large it is, that it is up; or an error."""
    up = place(60.0, 120.0, 1.5)
    facts = read_map(lvk_alert(up.ra_deg, up.dec_deg), LIMITS)
    assert separation_deg(*facts.peak_deg, up.ra_deg, up.dec_deg) < 0.5
    assert facts.area_deg2 == pytest.approx(np.pi * (1.5 * 2.146) ** 2, rel=0.1)
    assert facts.seen.now
    down = read_map(lvk_alert(10.0, -85.0), LIMITS)
    assert not down.seen.now
    assert down.seen.next_start_utc is None
    rng = Random(1)  # noqa: S311 - broken bytes of a test
    broken = lvk_alert(10.0, 10.0).replace(
        b"AAAA", bytes(rng.choice(b"QRST") for _ in range(4)), 40
    )
    with pytest.raises(NoticeError):
        read_map(broken[: len(broken) // 2], LIMITS)
