"""One simulated night from before sunset to the end of calibrations, and what came of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from pyros.actor import ChildSpec
from pyros.actor.loops import run_virtual
from pyros.app.night_events import arrange, draw_burst
from pyros.app.night_report import Beginning, NightLog, NightReport, report_of
from pyros.app.night_scenario import NightScenario
from pyros.app.simulated_site import SimulatedSite, simulated_site
from pyros.clock import datetime_from_unix
from pyros.domain.observatory import Mode
from pyros.errors import ConfigurationError
from pyros.sky import Night, noon_unix_s

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from pyros.app.settings import ObservatorySettings

_BEFORE_SUNSET_S = 1200.0
_AFTER_SUNRISE_S = 3 * 3600.0
_STEP_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The part of a night that is run.

    Attributes:
        start: Time of day in UTC at which it begins; None for some minutes before sunset.
        end: Time of day in UTC at which it is cut off; None for when the calibrations are done.
    """

    start: dt.time | None = None
    end: dt.time | None = None

    def of(self, sky: Night) -> tuple[float, float]:
        """(first, latest) instant, Unix seconds, in a night.

        Raises:
            ConfigurationError: When the end does not come after the start.
        """
        sunset_s = sky.sunset if sky.sunset is not None else sky.start_unix_s
        sunrise_s = sky.sunrise if sky.sunrise is not None else sky.end_unix_s
        start_s = sunset_s - _BEFORE_SUNSET_S if self.start is None else _at(sky, self.start)
        end_s = sunrise_s + _AFTER_SUNRISE_S if self.end is None else _at(sky, self.end)
        if end_s <= start_s:
            raise ConfigurationError(
                f"night {sky.label}: it would end at {datetime_from_unix(end_s):%H:%M} UTC, before "
                f"it begins at {datetime_from_unix(start_s):%H:%M}; give times between sunset "
                f"{datetime_from_unix(sunset_s):%H:%M} and sunrise "
                f"{datetime_from_unix(sunrise_s):%H:%M} UTC"
            )
        return start_s, end_s


WHOLE_NIGHT = Window()


def _gets_dark(settings: ObservatorySettings, sky: Night) -> bool:
    """Whether any of the site's telescopes has a night at all."""
    limits = (unit.majordome.observing_sun_altitude_deg for unit in settings.telescope)
    return any(sky.span(limit_deg) is not None for limit_deg in limits)


def _at(sky: Night, time_utc: dt.time) -> float:
    """The instant of a time of day within the night (from noon to noon)."""
    noon = datetime_from_unix(sky.start_unix_s)
    instant = dt.datetime.combine(noon.date(), time_utc, tzinfo=dt.UTC)
    if instant < noon:
        instant += dt.timedelta(days=1)
    return instant.timestamp()


def run_night(
    settings: ObservatorySettings,
    *,
    config: Path,
    night: str,
    seed: int,
    data_dir: Path,
    rng: Random,
    scenario: NightScenario | None = None,
    keep_database: bool = False,
    burst: bool = True,
    window: Window = WHOLE_NIGHT,
) -> NightReport:
    """Run one night in virtual time.

    Args:
        settings: The site, with simulators.
        config: Its file.
        night: Night label.
        seed: Of everything drawn.
        data_dir: Where frames go.
        rng: Draws the burst.
        scenario: What is prescribed; without one the settings' own scenario happens.
        keep_database: Whether the database stays in `data_dir`.
        burst: Whether one burst is drawn into the night, unless the scenario has some.
        window: The part of the night to run.

    Returns:
        The report.

    Raises:
        ConfigurationError: When the window lies outside the night.
    """
    site = settings.site.sky_site()
    sky = Night.at(site, noon_unix_s(site, night) + 3600.0)
    start_s, latest_s = window.of(sky)
    beginning = Beginning(
        night=night,
        seed=seed,
        start_unix_s=start_s,
        wall_s=time.monotonic(),
        closes=window.end is None and _gets_dark(settings, sky),
    )

    happens = scenario or NightScenario.of(settings.scenario)
    origin_s = happens.origin_unix_s(site, start_s)
    if burst and not happens.bursts:
        drawn = draw_burst(sky, rng, start_s=start_s, end_s=latest_s, origin_s=origin_s)
        happens = msgspec.structs.replace(happens, bursts=drawn)

    async def main() -> NightReport:
        async with simulated_site(
            settings,
            config=config,
            data_dir=data_dir,
            seed=seed,
            rng=rng,
            scenario=happens,
            keep_database=keep_database,
        ) as built:
            log = NightLog()
            await built.control.spawn(ChildSpec(name="night-log", factory=lambda: log))
            arrange(built, happens, rng, origin_unix_s=origin_s)
            await _until_over(built, log, latest_s)
            return await report_of(built, log, beginning)

    return run_virtual(main, start_unix_s=start_s)


async def _until_over(built: SimulatedSite, log: NightLog, latest_s: float) -> None:
    """Until the books are closed and the telescope rests, or it is far too late."""
    clock = built.control.clock
    while clock.unix_s() < latest_s:
        await asyncio.sleep(_STEP_S)
        if log.closed is not None and log.mode is Mode.STANDBY:
            return
