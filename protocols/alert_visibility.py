"""Whether a notice's position could be observed from a site, for replays of recorded days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyros.clock import datetime_from_unix, unix_from_datetime
from pyros.domain.alert.gate import Observability
from pyros.sky.bodies import sun_altaz
from pyros.sky.engine import altaz_now
from pyros.sky.grid import SkyGrid
from pyros.sky.targets import FixedTarget
from pyros.sky.windows import Constraints, windows

if TYPE_CHECKING:
    from datetime import datetime

    from pyros.domain.alert.notice import Notice
    from pyros.sky.site import Site

MIN_ALTITUDE_DEG = 15.0
MAX_SUN_ALTITUDE_DEG = -12.0
_DAY_S = 86_400.0
_STEP_S = 300.0
_LOOK_S = 60.0


def visibility(site: Site, notice: Notice, now_utc: datetime) -> Observability:
    """What the sky over a site says of a notice's position at an instant, and until a day later."""
    if notice.ra_deg is None or notice.dec_deg is None:
        return Observability(now=False, text="no position to look at")
    now_s = unix_from_datetime(now_utc)
    altitude_deg, _ = altaz_now(site, notice.ra_deg, notice.dec_deg, now_s)
    sun_deg, _ = sun_altaz(site, now_s)
    found = windows(
        SkyGrid.over(site, now_s, now_s + _DAY_S, step_s=_STEP_S),
        FixedTarget(ra_deg=notice.ra_deg, dec_deg=notice.dec_deg),
        Constraints(
            min_altitude_deg=MIN_ALTITUDE_DEG,
            max_sun_altitude_deg=MAX_SUN_ALTITUDE_DEG,
            min_moon_separation_deg=None,
            min_sky_mag=None,
            user_spans=((now_s, now_s + _DAY_S),),
        ),
        exposure_s=_LOOK_S,
    )
    where = f"altitude {altitude_deg:.1f} deg, Sun {sun_deg:.1f} deg"
    if found and found[0][0] <= now_s + 1.0:
        return Observability(now=True, text=f"observable: {where}")
    if not found:
        return Observability(now=False, text=f"not observable within a day: {where}")
    start_utc = datetime_from_unix(found[0][0])
    return Observability(
        now=False,
        text=f"{where}; next window at {start_utc:%d %H:%M} UTC",
        next_start_utc=start_utc,
    )
