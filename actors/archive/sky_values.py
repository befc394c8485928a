"""The circumstances of a pointing at an instant, and its barycentric date, from `pyros.sky`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import erfa
import numpy as np

from protocols.fits_facts import Sky
from pyros.clock import unix_from_datetime
from pyros.sky import (
    airmass,
    engine_for,
    hour_angle_deg,
    local_sidereal_deg,
    moon_now,
    parallactic_angle_deg,
    separation_deg,
    sun_altaz,
)
from pyros.sky.earth_rotation import tt_jd
from pyros.sky.engine import unit_vectors
from pyros.sky.ephemeris import LIGHT_KM_PER_DAY, default_ephemeris

if TYPE_CHECKING:
    from datetime import datetime

    from pyros.sky import Site


def sky_at(site: Site, direction: tuple[float, float] | None, time_utc: datetime) -> Sky:
    """Circumstances at an instant.

    Args:
        site: From where.
        direction: ICRS (ra_deg, dec_deg), None for a frame that looks nowhere: Sun and Moon only.
        time_utc: When, usually the middle of the exposure.
    """
    unix_s = unix_from_datetime(time_utc)
    moon, sun_altitude_deg = moon_now(site, unix_s), sun_altaz(site, unix_s)[0]
    sidereal_deg = local_sidereal_deg(site, unix_s)
    if direction is None:
        return Sky(
            sidereal_deg=sidereal_deg,
            moon_altitude_deg=moon.altitude_deg,
            moon_illumination=moon.illumination,
            sun_altitude_deg=sun_altitude_deg,
        )
    ra_deg, dec_deg = direction
    altitude, azimuth = engine_for(site, unix_s).altaz(ra_deg, dec_deg, unix_s)
    altitude_deg = float(altitude[0, 0])
    return Sky(
        altitude_deg=altitude_deg,
        azimuth_deg=float(azimuth[0, 0]),
        airmass=float(airmass(altitude_deg)) if altitude_deg >= 0.0 else None,
        hour_angle_deg=hour_angle_deg(site, ra_deg, dec_deg, unix_s),
        sidereal_deg=sidereal_deg,
        parallactic_deg=parallactic_angle_deg(site, ra_deg, dec_deg, unix_s),
        moon_separation_deg=float(separation_deg(ra_deg, dec_deg, moon.ra_deg, moon.dec_deg)),
        moon_altitude_deg=moon.altitude_deg,
        moon_illumination=moon.illumination,
        sun_altitude_deg=sun_altitude_deg,
    )


def bjd_tdb(site: Site, ra_deg: float, dec_deg: float, time_utc: datetime) -> float:
    """Barycentric Julian date in TDB: when light that arrives now passes the barycentre's plane.

    JD(TDB) plus the light time of the site's barycentric position along the direction (Eastman et
    al. 2010, PASP 122, 935, eq. 10; Shapiro and Einstein terms of the target are left out). Good to
    a millisecond.
    """
    unix_s = unix_from_datetime(time_utc)
    jd1, jd2 = tt_jd(unix_s)
    longitude = np.radians(site.longitude_deg)
    tdb_minus_tt_s = float(erfa.dtdb(jd1, jd2, (unix_s % 86400.0) / 86400.0, longitude, 0.0, 0.0))
    earth_km = default_ephemeris().barycentric_km("earth", np.atleast_1d(jd1), np.atleast_1d(jd2))
    site_km = earth_km[0] + engine_for(site, unix_s).site_position_km(unix_s)
    light_days = float(site_km @ unit_vectors(ra_deg, dec_deg)) / LIGHT_KM_PER_DAY
    return float(jd1) + (float(jd2) + tdb_minus_tt_s / 86400.0 + light_days)
