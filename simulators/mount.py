"""The simulated mount: an alt-az fork with a mirror cover, and the limits its firmware enforces."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from pyros.domain.device import DeviceKind
from pyros.sky.bodies import body_now
from pyros.sky.engine import altaz_now, icrs_from_altaz, separation_deg
from simulators.kinematics import Rates
from simulators.mount_motion import (
    Following,
    Goal,
    Slewing,
    Standing,
    displaced,
    drifted,
    halted,
    now_doing,
    pointing,
    slew,
)
from simulators.orders import Begun, Done, Refused
from simulators.simulated_device import SimulatedDevice, Wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.payloads import Value
    from simulators.metal import Mount
    from simulators.mount_motion import Motion, Pointing
    from simulators.orders import Answer, Order


_DRIFT_S = 600.0


class MountSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fast 1.3 m alt-az telescope: anywhere on the sky in less than 20 s."""

    id: str = "telescope"
    """Device id."""
    max_rate_deg_s: float = 12.0
    """Highest rate of each axis, degrees per second."""
    acceleration_deg_s2: float = 6.0
    """Of each axis, degrees per second squared."""
    settle_s: float = 1.5
    """Seconds until the image is still after a slew."""
    offset_settle_s: float = 0.8
    """Seconds until the image is still after an offset."""
    min_altitude_deg: float = -5.0
    """The firmware refuses to point, and stops tracking, below this."""
    sun_limit_deg: float = 15.0
    """It refuses to point nearer to the Sun unless the cover is closed; 0 switches this off."""
    park_altitude_deg: float = 10.0
    """Where it parks."""
    park_azimuth_deg: float = 0.0
    """Where it parks, from north through east."""
    cover_s: float = 15.0
    """Seconds the mirror cover takes."""

    @property
    def rates(self) -> Rates:
        """Of each axis."""
        return Rates(max_per_s=self.max_rate_deg_s, acceleration_per_s2=self.acceleration_deg_s2)

    @property
    def cover_rates(self) -> Rates:
        """Of the cover, per second."""
        return Rates(max_per_s=1.0 / self.cover_s)


class MountSimulator(SimulatedDevice):
    """A telescope's mount and cover.

    Args:
        wiring: Its site and process.
        unit: Telescope id.
        settings: What it can do.
    """

    kind = DeviceKind.TELESCOPE
    dead_bands: ClassVar[Mapping[str, float]] = {
        "ra_deg": 0.25,
        "dec_deg": 0.05,
        "alt_deg": 0.25,
        "az_deg": 0.25,
    }

    def __init__(self, wiring: Wiring, unit: str, settings: MountSettings) -> None:
        super().__init__(wiring, unit, settings.id)
        self.settings = settings
        self._seen: tuple[Motion, float, Pointing] | None = None

    @property
    def metal(self) -> Mount:
        """Its axes and cover."""
        return self.wiring.metal.telescopes[self.unit].mount

    def readings(self, unix_s: float) -> dict[str, Value]:
        """Where it points and what it does."""
        motion = now_doing(self.metal.motion, unix_s)
        at = self._pointing(motion, unix_s)
        return {
            "ra_deg": at.ra_deg,
            "dec_deg": at.dec_deg,
            "alt_deg": at.alt_deg,
            "az_deg": at.az_deg,
            "tracking": isinstance(motion, Following),
            "slewing": isinstance(motion, Slewing),
            "parked": isinstance(motion, Standing) and motion.parked,
            "cover": self._cover(unix_s),
        }

    def _pointing(self, motion: Motion, unix_s: float) -> Pointing:
        """Where it points; while it stands still the sky's turn is added to an exact place."""
        if self._seen is not None:
            seen, seen_unix_s, at = self._seen
            elapsed_s = unix_s - seen_unix_s
            if motion is seen and elapsed_s == 0.0:
                return at
            if motion is seen and isinstance(motion, Standing) and elapsed_s < _DRIFT_S:
                return drifted(at, elapsed_s)
        at = pointing(motion, self.wiring.metal.site, unix_s)
        self._seen = (motion, unix_s, at)
        return at

    def _cover(self, unix_s: float) -> str:
        cover = self.metal.cover
        if cover.moving(unix_s):
            return "moving"
        return {0.0: "closed", 1.0: "open"}.get(cover.position(unix_s), "moving")

    def details(self) -> dict[str, Value]:
        """Limits and rates."""
        settings = self.settings
        return {
            "min_altitude_deg": settings.min_altitude_deg,
            "sun_limit_deg": settings.sun_limit_deg,
            "max_rate_deg_s": settings.max_rate_deg_s,
            "acceleration_deg_s2": settings.acceleration_deg_s2,
            "settle_s": settings.settle_s,
        }

    # --- orders --------------------------------------------------------------------------------

    def begin(self, order: Order, unix_s: float) -> Answer:
        """Begin to move."""
        motion = self.metal.motion = now_doing(self.metal.motion, unix_s)
        match order.verb:
            case "slew":
                goal = Following(ra_deg=order.number("ra_deg"), dec_deg=order.number("dec_deg"))
                return self._slew(goal, unix_s)
            case "slew_altaz":
                return self._slew(
                    Standing(
                        alt_deg=order.number("alt_deg"), az_deg=order.number("az_deg") % 360.0
                    ),
                    unix_s,
                )
            case "offset":
                return self._offset(order, unix_s)
            case "park":
                return self._park(motion, unix_s)
            case "unpark":
                return self._unpark(motion, unix_s)
            case "stop":
                self.end_group("axes", "stopped")
                self.metal.motion = halted(motion, self.wiring.metal.site, unix_s)
                return Done()
            case "open_cover":
                return self._move_cover(1.0, unix_s)
            case _:
                return self._move_cover(0.0, unix_s)

    def conclude(self, order: Order, unix_s: float) -> Answer:
        """A slew has arrived, or the cover has."""
        self.metal.motion = now_doing(self.metal.motion, unix_s)
        if order.verb == "unpark" and not self.condition.stuck:
            standing = self.metal.motion
            if isinstance(standing, Standing) and standing.parked:
                self.metal.motion = Standing(alt_deg=standing.alt_deg, az_deg=standing.az_deg)
        return Done()

    def halt(self, unix_s: float) -> None:
        """Axes and cover stop where they are."""
        self.metal.motion = halted(self.metal.motion, self.wiring.metal.site, unix_s)
        self.metal.cover = self.metal.cover.stopped(unix_s)

    def on_tick(self, unix_s: float) -> None:
        """Stop following what has set."""
        motion = now_doing(self.metal.motion, unix_s)
        if isinstance(motion, Following):
            at = self._pointing(motion, unix_s)
            if at.alt_deg < self.settings.min_altitude_deg:
                self.log.warning("tracking stopped at altitude %.2f deg", at.alt_deg)
                self.metal.motion = halted(motion, self.wiring.metal.site, unix_s)

    def _slew(self, goal: Goal, unix_s: float) -> Answer:
        motion = self.metal.motion
        if isinstance(motion, Standing) and motion.parked:
            return Refused("parked; unpark first")
        if self.condition.stuck:
            return Refused("axis motor stalls")
        if motion == goal:
            return Done("already there")
        begun = self._slewing(goal, self.settings.settle_s, unix_s)
        why_not = self._forbidden(goal, begun.arrival_unix_s)
        if why_not:
            return Refused(why_not)
        self.metal.motion = begun
        return Begun("axes", begun.arrival_unix_s)

    def _slewing(self, goal: Goal, settle_s: float, unix_s: float) -> Slewing:
        return slew(
            self.metal.motion,
            goal,
            self.wiring.metal.site,
            unix_s,
            rates=self.settings.rates.slowed(self.condition.slowness),
            settle_s=settle_s,
        )

    def _offset(self, order: Order, unix_s: float) -> Answer:
        motion = self.metal.motion
        base = motion.goal if isinstance(motion, Slewing) else motion
        if not isinstance(base, Following):
            return Refused("not tracking; an offset needs a target")
        if self.condition.stuck:
            return Refused("axis motor stalls")
        east, north = order.number("east_arcsec"), order.number("north_arcsec")
        if max(abs(east), abs(north)) > 7200.0:
            return Refused(f"offset of {east:g}, {north:g} arcsec exceeds 7200; slew instead")
        ra_deg, dec_deg = displaced(base.ra_deg, base.dec_deg, east, north)
        goal = Following(ra_deg=ra_deg, dec_deg=dec_deg)
        begun = self._slewing(goal, self.settings.offset_settle_s, unix_s)
        why_not = self._forbidden(goal, begun.arrival_unix_s)
        if why_not:
            return Refused(why_not)
        self.metal.motion = begun
        return Begun("axes", begun.arrival_unix_s)

    def _park(self, motion: Motion, unix_s: float) -> Answer:
        if isinstance(motion, Standing) and motion.parked:
            return Done("already parked")
        if self.condition.stuck:
            return Refused("axis motor stalls")
        goal = Standing(
            alt_deg=self.settings.park_altitude_deg,
            az_deg=self.settings.park_azimuth_deg,
            parked=True,
        )
        begun = self._slewing(goal, 0.0, unix_s)
        self.metal.motion = begun
        return Begun("axes", begun.arrival_unix_s)

    def _unpark(self, motion: Motion, unix_s: float) -> Answer:
        if isinstance(motion, Standing) and motion.parked:
            return Begun("axes", unix_s + 2.0)
        if isinstance(motion, Slewing) and isinstance(motion.goal, Standing) and motion.goal.parked:
            return Refused("parking; unpark when parked, or stop")
        return Done("not parked")

    def _move_cover(self, end: float, unix_s: float) -> Answer:
        metal = self.metal
        if metal.cover.position(unix_s) == end:
            self.end_group("cover", "superseded")
            metal.cover = metal.cover.stopped(unix_s)
            return Done()
        if self.condition.stuck:
            return Refused("cover motor stalls")
        if end > 0.0:
            why_not = self._in_the_sun(unix_s)
            if why_not:
                return Refused(why_not)
        rates = self.settings.cover_rates.slowed(self.condition.slowness)
        metal.cover = metal.cover.towards(end, unix_s, rates)
        return Begun("cover", metal.cover.end_unix_s)

    # --- limits --------------------------------------------------------------------------------

    def _forbidden(self, goal: Goal, unix_s: float) -> str:
        """Why the firmware will not point there; empty when it will."""
        site = self.wiring.metal.site
        if isinstance(goal, Following):
            if not -90.0 <= goal.dec_deg <= 90.0:
                return f"dec_deg = {goal.dec_deg:g} is outside -90..90"
            ra_deg, dec_deg = goal.ra_deg, goal.dec_deg
            alt_deg, _ = altaz_now(site, ra_deg, dec_deg, unix_s)
        else:
            if not -90.0 <= goal.alt_deg <= 90.0:
                return f"alt_deg = {goal.alt_deg:g} is outside -90..90"
            alt_deg = goal.alt_deg
            ra_deg, dec_deg = icrs_from_altaz(site, alt_deg, goal.az_deg, unix_s)
        if alt_deg < self.settings.min_altitude_deg:
            return (
                f"altitude {alt_deg:.1f} deg is below the firmware limit "
                f"{self.settings.min_altitude_deg:g} deg"
            )
        if self.metal.cover.position(unix_s) > 0.0 or self.metal.cover.moving(unix_s):
            return self._too_near_the_sun(ra_deg, dec_deg, unix_s)
        return ""

    def _in_the_sun(self, unix_s: float) -> str:
        at = pointing(self.metal.motion, self.wiring.metal.site, unix_s)
        return self._too_near_the_sun(at.ra_deg, at.dec_deg, unix_s)

    def _too_near_the_sun(self, ra_deg: float, dec_deg: float, unix_s: float) -> str:
        limit_deg = self.settings.sun_limit_deg
        if limit_deg <= 0.0:
            return ""
        sun = body_now(self.wiring.metal.site, "sun", unix_s)
        away_deg = float(separation_deg(ra_deg, dec_deg, sun.ra_deg[0], sun.dec_deg[0]))
        if away_deg >= limit_deg or sun.altitude_deg[0] < -1.0:
            return ""
        return (
            f"{away_deg:.1f} deg from the Sun; the firmware limit with an open cover is "
            f"{limit_deg:g} deg"
        )
