"""Windows: all constraints, over the whole exposure, checked instant by instant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pyros.sky import (
    BodyTarget,
    Constraints,
    FixedTarget,
    HorizonMask,
    Night,
    Orbit,
    OrbitTarget,
    Site,
    SkyGrid,
    TableTarget,
    airmass,
    altaz_now,
    body_now,
    intersect,
    moon_now,
    obstacle,
    separation_deg,
    sky_brightness_mag,
    sun_altaz,
    windows,
    windows_of_places,
)
from pyros.sky.windows import MOON_AVOIDANCE_WIDTH_D

MASK = HorizonMask.from_points([(0, 15), (90, 32), (180, 10), (270, 25)])
SITE = Site(latitude_deg=31.044, longitude_deg=-115.464, height_m=2830.0, horizon=MASK)
LIMITS = Constraints(
    min_altitude_deg=20.0, max_altitude_deg=85.0, max_airmass=2.5, min_moon_separation_deg=40.0,
    min_sky_mag=18.5, max_sun_altitude_deg=-12.0,
)  # fmt: skip


def holds(target: FixedTarget, unix_s: float, limits: Constraints, slack: float) -> bool:
    """Whether all constraints hold at an instant, each with some slack (degrees, magnitudes)."""
    altitude, azimuth = altaz_now(SITE, target.ra_deg, target.dec_deg, unix_s)
    moon = moon_now(SITE, unix_s)
    away = float(separation_deg(target.ra_deg, target.dec_deg, moon.ra_deg, moon.dec_deg))
    days = abs(180.0 - moon.phase_deg) / 360.0 * 29.530589
    needed = limits.min_moon_separation_deg / (1.0 + (days / MOON_AVOIDANCE_WIDTH_D) ** 2)
    sun = sun_altaz(SITE, unix_s)[0]
    sky = float(
        sky_brightness_mag(
            max(altitude, 1.0), sun_altitude_deg=sun, moon_altitude_deg=moon.altitude_deg,
            moon_separation_deg=away,
            moon_phase_angle_deg=float(np.degrees(np.arccos(2.0 * moon.illumination - 1.0))),
        )
    )  # fmt: skip
    return (
        altitude >= limits.min_altitude_deg - slack
        and altitude <= limits.max_altitude_deg + slack
        and float(airmass(max(altitude, 0.1))) <= limits.max_airmass + slack * 0.1
        and altitude >= float(MASK.altitude_deg(azimuth)) - slack
        and (moon.altitude_deg < slack or away >= needed - slack)
        and sun <= limits.max_sun_altitude_deg + slack
        and sky >= limits.min_sky_mag - slack
    )


@pytest.mark.parametrize("label", ["2026-11-19", "2026-11-23", "2026-06-08"])
def test_windows_hold_all_constraints_inside_and_break_one_outside(label):
    """Each instant of a window meets every limit; a minute beyond its ends one is broken."""
    night = Night(SITE, label)
    grid = SkyGrid(night.engine, night.start_unix_s, night.end_unix_s)
    random = np.random.default_rng(3)
    total = 0
    for _ in range(40):
        target = FixedTarget(
            ra_deg=float(random.uniform(0, 360)), dec_deg=float(random.uniform(-40, 88))
        )
        for start, end in windows(grid, target, LIMITS):
            total += 1
            for unix_s in np.linspace(start, end, 9):
                assert holds(target, float(unix_s), LIMITS, 0.06)
            for outside in (start - 70.0, end + 70.0):
                assert not holds(target, outside, LIMITS, -0.02)
    assert total > 5


def test_windows_are_long_enough_for_the_whole_exposure():
    """A window shorter than the exposure is none; its ends do not move with the exposure."""
    night = Night(SITE, "2026-11-16")
    grid = SkyGrid(night.engine, night.start_unix_s, night.end_unix_s)
    target = FixedTarget(ra_deg=30.0, dec_deg=20.0)
    (window,) = windows(grid, target, LIMITS, exposure_s=60.0)
    length = window[1] - window[0]
    assert windows(grid, target, LIMITS, exposure_s=length - 1.0) == [window]
    assert windows(grid, target, LIMITS, exposure_s=length + 1.0) == []


def test_many_targets_at_once_have_the_windows_of_each_alone():
    """The fast road and the single road agree to a tenth of a second."""
    night = Night(SITE, "2026-11-19")
    grid = SkyGrid(night.engine, night.start_unix_s, night.end_unix_s)
    random = np.random.default_rng(5)
    ra, dec = random.uniform(0, 360, 60), random.uniform(-40, 88, 60)
    many = windows_of_places(grid, grid.engine.places(ra, dec), LIMITS, exposure_s=900.0)
    for one, r, d in zip(many, ra, dec, strict=True):
        alone = windows(grid, FixedTarget(ra_deg=r, dec_deg=d), LIMITS, exposure_s=900.0)
        assert len(alone) == len(one)
        assert np.allclose(alone, one, atol=0.1) if one else True


def test_users_dates_and_lost_devices_cut_windows_exactly():
    """Spans are intersected to the second and may leave two windows."""
    night = Night(SITE, "2026-11-16")
    grid = SkyGrid(night.engine, night.start_unix_s, night.end_unix_s)
    target = FixedTarget(ra_deg=30.0, dec_deg=20.0)
    ((start, end),) = windows(grid, target, LIMITS)
    hole = (start + 3000.0, start + 4000.0)
    limits = replace(
        LIMITS,
        user_spans=((start + 100.0, end - 100.0),),
        device_spans=((start - 1e5, hole[0]), (hole[1], end + 1e5)),
    )
    assert windows(grid, target, limits, exposure_s=60.0) == [
        (start + 100.0, hole[0]),
        (hole[1], end - 100.0),
    ]


def test_moving_targets_have_windows_too():
    """Planet, dated table of the planet, and star at its place agree within a minute."""
    site = Site(latitude_deg=-29.257, longitude_deg=-70.738, height_m=2347.0)
    night = Night(site, "2026-11-16")
    grid = SkyGrid(night.engine, night.start_unix_s, night.end_unix_s)
    limits = Constraints(min_altitude_deg=30.0)
    ((start, end),) = windows(grid, BodyTarget("saturn"), limits)
    points = []
    for unix_s in (start - 3600.0, end + 3600.0):
        saturn = body_now(site, "saturn", unix_s)
        points.append((unix_s, float(saturn.ra_deg[0]), float(saturn.dec_deg[0])))
    table = TableTarget(tuple(points))
    assert table.faults() == []
    assert np.allclose(windows(grid, table, limits), [(start, end)], atol=1.0)
    star = FixedTarget(ra_deg=points[0][1], dec_deg=points[0][2])
    assert np.allclose(windows(grid, star, limits), [(start, end)], atol=60.0)
    orbit = Orbit.from_mean_anomaly(
        semi_major_au=2.77, eccentricity=0.079, inclination_deg=10.6, node_deg=80.3,
        argument_deg=73.3, mean_anomaly_deg=188.7, epoch_tt_jd=2461000.5,
    )  # fmt: skip
    for begin, stop in windows(grid, OrbitTarget(orbit), limits):
        assert grid.start_unix_s <= begin < stop <= grid.end_unix_s


def test_tables_out_of_order_and_too_long_are_refused_with_numbers():
    """Faults name the position that is wrong."""
    assert "position 2" in TableTarget(((10.0, 1.0, 1.0), (10.0, 2.0, 2.0))).faults()[0]
    assert (
        "21 dated positions"
        in TableTarget(tuple((float(i), 0.0, 0.0) for i in range(21))).faults()[0]
    )


@pytest.mark.parametrize(
    ("target", "limits", "exposure_s", "code"),
    [
        (FixedTarget(ra_deg=30.0, dec_deg=-80.0), Constraints(), 60.0, "BELOW_HORIZON"),
        (
            FixedTarget(ra_deg=236.0, dec_deg=-20.0), Constraints(min_altitude_deg=30.0), 60.0,
            "TWILIGHT",
        ),
        (FixedTarget(ra_deg=60.0, dec_deg=20.0), Constraints(), 60.0, "MOON"),
        (FixedTarget(ra_deg=150.0, dec_deg=20.0), Constraints(), 86000.0, "TOO_LONG_FOR_WINDOW"),
        (
            FixedTarget(ra_deg=150.0, dec_deg=20.0), Constraints(user_spans=((0.0, 1.0),)), 60.0,
            "USER_WINDOW",
        ),
        (
            FixedTarget(ra_deg=150.0, dec_deg=20.0), Constraints(min_sky_mag=23.0), 60.0,
            "SKY_BRIGHTNESS",
        ),
    ],
)  # fmt: skip
def test_obstacle_names_the_constraint_in_the_way(target, limits, exposure_s, code):
    """No window comes with the first constraint that takes the time away, in a sentence."""
    night = Night(SITE, "2026-11-23")
    grid = SkyGrid(night.engine, night.start_unix_s, night.end_unix_s)
    found = obstacle(grid, target, limits, exposure_s=exposure_s)
    assert found is not None
    assert found.code == code
    assert found.sentence


def test_no_obstacle_where_there_is_a_window():
    """A target with a window needs no excuse."""
    night = Night(SITE, "2026-11-23")
    grid = SkyGrid(night.engine, night.start_unix_s, night.end_unix_s)
    assert obstacle(grid, FixedTarget(ra_deg=150.0, dec_deg=20.0), Constraints()) is None


def test_intersect_keeps_only_what_both_have():
    """Touching spans share nothing."""
    assert intersect([(0, 10), (20, 30)], [(5, 25), (30, 40)]) == [(5, 10), (20, 25)]
