"""Whether an alert's position can be observed: now, or when tonight.

Hard limits only (horizon, altitude, Sun): for a burst the Moon and quotas are waived.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pyros.clock import datetime_from_unix
from pyros.domain.alert.gate import Observability
from pyros.sky.bodies import sun_altaz
from pyros.sky.engine import altaz_now
from pyros.sky.grid import SkyGrid
from pyros.sky.targets import FixedTarget
from pyros.sky.twilight import night_label, noon_unix_s
from pyros.sky.windows import Constraints, windows

if TYPE_CHECKING:
    from pyros.sky.site import Site

_DAY_S = 86_400.0
_STEP_S = 120.0


def observability(
    site: Site,
    ra_deg: float,
    dec_deg: float,
    now_unix_s: float,
    *,
    min_altitude_deg: float,
    max_sun_altitude_deg: float,
    exposure_s: float,
) -> Observability:
    """What the sky says of a place.

    Args:
        site: The observatory.
        ra_deg: ICRS.
        dec_deg: ICRS.
        now_unix_s: The instant judged for.
        min_altitude_deg: Lowest altitude observed at.
        max_sun_altitude_deg: Highest Sun observed with.
        exposure_s: How long the first look takes; it must fit.

    Returns:
        Whether it can be begun now, why or why not with numbers, and the next start within a day.
    """
    altitude_deg, _ = altaz_now(site, ra_deg, dec_deg, now_unix_s)
    sun_deg, _ = sun_altaz(site, now_unix_s)
    limits = Constraints(
        min_altitude_deg=min_altitude_deg,
        max_sun_altitude_deg=max_sun_altitude_deg,
        min_moon_separation_deg=None,
        min_sky_mag=None,
        user_spans=((now_unix_s, now_unix_s + _DAY_S),),
    )
    grid = sky_of_two_days(site, now_unix_s)
    target = FixedTarget(ra_deg=ra_deg, dec_deg=dec_deg)
    found = windows(grid, target, limits, exposure_s=exposure_s)
    where = f"altitude {altitude_deg:.1f} deg (limit {min_altitude_deg:g}), Sun {sun_deg:.1f} deg"
    if found and found[0][0] <= now_unix_s + 1.0:
        left_h = (found[0][1] - now_unix_s) / 3600.0
        return Observability(now=True, text=f"observable now for {left_h:.1f} h: {where}")
    if not found:
        return Observability(now=False, text=f"not observable within a day: {where}")
    start_utc = datetime_from_unix(found[0][0])
    return Observability(
        now=False,
        text=f"{where} (limit {max_sun_altitude_deg:g}); next window at {start_utc:%d %H:%M} UTC",
        next_start_utc=start_utc,
    )


def sky_of_two_days(site: Site, now_unix_s: float) -> SkyGrid:
    """The sky from the local noon before an instant on, for two days."""
    return _two_days(site, noon_unix_s(site, night_label(site, now_unix_s)))


@lru_cache(maxsize=4)
def _two_days(site: Site, noon_unix_s: float) -> SkyGrid:
    """The sky from a local noon on: Earth rotation and Sun are computed once for all alerts."""
    return SkyGrid.over(site, noon_unix_s, noon_unix_s + 2 * _DAY_S, step_s=_STEP_S)
