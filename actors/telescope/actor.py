"""The telescope actor: a device that keeps its limits, knows its target and makes itself safe."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from actors.device import notes
from actors.device.actor import DeviceActor
from actors.device.messages import DeviceStatus
from actors.device.postconditions import POINTING_ARCSEC, separation_arcsec
from actors.device.readings import good_flag, good_number, good_text
from actors.safety.messages import CloseOrder
from actors.telescope.limits import Escape, Stance, breach, refusal, uncovering
from actors.telescope.messages import MakeTelescopeSafe
from actors.telescope.settings import TelescopeSettings
from actors.telescope.slews import AltAz, slew_s
from protocols.topics import SITE_UNIT
from pyros.domain.device import DeviceKind, Reading
from pyros.sky.bodies import sun_altaz
from pyros.sky.engine import altaz_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.device.arguments import DeviceArguments
    from actors.device.commands import Pending
    from protocols.payloads import Value
    from pyros.actor import Message
    from pyros.sky.site import Site

_SLEWS = frozenset({"slew", "slew_altaz"})
_SUN_PERIOD_S = 60.0
"""The Sun moves a quarter of a degree meanwhile, far less than the angle kept to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Goal:
    """Where the last slew leads."""

    ra_deg: float | None
    dec_deg: float | None
    direction: AltAz


class TelescopeActor(DeviceActor[TelescopeSettings]):
    """One telescope with its mirror cover.

    Args:
        site: Where it stands.
        device: As for every device (`DeviceArguments`).
    """

    kind = DeviceKind.TELESCOPE

    def __init__(
        self,
        *,
        site: Site,
        **device: Unpack[DeviceArguments[TelescopeSettings]],
    ) -> None:
        super().__init__(**device)
        self._site = site
        self._goal: _Goal | None = None
        self._dome_closed = False
        self._guarded_s = 0.0
        self._breached = ""
        self._sun = AltAz(alt_deg=90.0, az_deg=0.0)
        self._sun_s = -math.inf

    async def on_start(self) -> None:
        """Listen to the telescope, to domes and to safety."""
        await super().on_start()
        domes = {self.unit, SITE_UNIT}
        self.subscribe(
            DeviceStatus, only=lambda said: said.kind is DeviceKind.DOME and said.unit in domes
        )
        self.subscribe(CloseOrder)

    async def on_receive(self, message: Message) -> Any:
        """Handle what concerns telescopes only."""
        match message:
            case DeviceStatus(readings=readings):
                self._dome_closed = good_text(readings, "shutter") == "closed"
            case MakeTelescopeSafe(cause=cause):
                self._make_safe(cause)
            case CloseOrder(reasons=reasons):
                self._make_safe("; ".join(reason.text for reason in reasons))
            case _:
                return await super().on_receive(message)
        return None

    def _make_safe(self, cause: str) -> None:
        """Close the cover and park, together; what runs or waits ends."""
        self.start_command("close_cover", {}, cause=cause)
        self.start_command("park", {}, cause=cause)

    # --- what DeviceActor asks -----------------------------------------------------------------

    def refusal(self, verb: str, args: Mapping[str, Value]) -> str:
        """Keep the limits."""
        match verb:
            case "slew" | "slew_altaz":
                for name, value in args.items():
                    low, high = (0.0, 360.0) if name in {"ra_deg", "az_deg"} else (-90.0, 90.0)
                    if not low <= _number(value) <= high:
                        return f"{name} = {value} is outside {low:g}..{high:g}"
                return refusal(self._stance(), self._direction(verb, args), self._settings)
            case "offset":
                parked = good_flag(self._readings(), "parked")
                return "the telescope is parked" if parked is not False else ""
            case "open_cover":
                return uncovering(self._stance(), self._settings)
            case _:
                return ""

    def deadline_s(self, verb: str, args: Mapping[str, Value]) -> float:
        """Long slews of slow mounts get the time they take and half as much again."""
        table_s = super().deadline_s(verb, args)
        start = self._pointing()
        if verb not in _SLEWS or start is None:
            return table_s
        estimate_s = slew_s(
            start,
            self._direction(verb, args),
            altitude=self._settings.altitude_axis,
            azimuth=self._settings.azimuth_axis,
            settle_s=self._settings.settle_s,
        )
        return max(table_s, 1.5 * estimate_s + 30.0)

    def at_rest(self) -> bool:
        """Whether it is seen not to slew."""
        return good_flag(self._readings(), "slewing") is False

    def on_command_sent(self, pending: Pending) -> None:
        """Remember where a slew leads."""
        if pending.verb in _SLEWS:
            args = pending.args
            sidereal = pending.verb == "slew"
            self._goal = _Goal(
                ra_deg=_number(args["ra_deg"]) if sidereal else None,
                dec_deg=_number(args["dec_deg"]) if sidereal else None,
                direction=self._direction(pending.verb, args),
            )
        elif pending.verb in {"park", "stop"}:
            self._goal = None
            stance = self._stance()
            if pending.verb == "park" and stance.exposed and stance.sun.alt_deg > 0.0:
                # The way to the park position is not planned around the Sun.
                self.start_command("close_cover", {}, cause="park by day")
        self.publish_status()

    def derived(self) -> dict[str, Reading]:
        """Where the last slew leads, and whether the telescope is there.

        `target_*` is where the running or last slew goes (absent after a park), so that the dome
        can turn ahead; `on_target` is true while it tracks within 30 arcsec of it.
        """
        goal, now_utc = self._goal, self.clock.now()
        if goal is None:
            return {}
        readings = self._readings()
        values: dict[str, tuple[Value, str]] = {}
        running = self.desks.running
        if running is not None and running.verb in _SLEWS:
            values["target_alt_deg"] = (goal.direction.alt_deg, "deg")
            values["target_az_deg"] = (goal.direction.az_deg, "deg")
        if goal.ra_deg is not None and goal.dec_deg is not None:
            values["target_ra_deg"] = (goal.ra_deg, "deg")
            values["target_dec_deg"] = (goal.dec_deg, "deg")
            values["on_target"] = (self._on(readings, goal.ra_deg, goal.dec_deg), "")
        return {
            name: Reading(value=value, unit=unit, time_utc=now_utc)
            for name, (value, unit) in values.items()
        }

    def due_s(self) -> float | None:
        """Look at the limits now and then while it is not parked."""
        if good_flag(self.model.readings, "parked") is not False:
            return None
        return self._guarded_s + self._settings.guard_period_s

    def on_due(self, now_s: float) -> None:
        """Look at the limits."""
        if now_s < self._guarded_s + self._settings.guard_period_s:
            return
        self._guarded_s = now_s
        readings = self._readings()
        crossed = breach(
            self._stance(),
            tracking=good_flag(readings, "tracking") is True,
            slewing=good_flag(readings, "slewing") is True,
            settings=self._settings,
        )
        if crossed is None:
            self._breached = ""
            return
        if crossed.escape != self._breached:
            self._breached = crossed.escape
            text = f"{self.device} crossed a limit: {crossed.reason}; it is told to park"
            self.publish(notes.alarm(self.path, text, self.clock.now(), escape=str(crossed.escape)))
        if crossed.escape is Escape.COVER:
            self.start_command("close_cover", {}, cause=crossed.reason)
        self.start_command("park", {}, cause=crossed.reason)

    # --- what it knows -------------------------------------------------------------------------

    def _readings(self) -> dict[str, Reading]:
        return self.model.now(self.clock.now())

    def _pointing(self) -> AltAz | None:
        readings = self._readings()
        alt_deg, az_deg = good_number(readings, "alt_deg"), good_number(readings, "az_deg")
        if alt_deg is None or az_deg is None:
            return None
        return AltAz(alt_deg=alt_deg, az_deg=az_deg)

    def _stance(self) -> Stance:
        readings = self._readings()
        now_s = self.clock.monotonic_s()
        if now_s - self._sun_s >= _SUN_PERIOD_S:
            alt_deg, az_deg = sun_altaz(self._site, self.clock.unix_s())
            self._sun, self._sun_s = AltAz(alt_deg=alt_deg, az_deg=az_deg), now_s
        return Stance(
            at=self._pointing(),
            parked=good_flag(readings, "parked"),
            exposed=good_text(readings, "cover") != "closed" or not self._dome_closed,
            sun=self._sun,
        )

    def _direction(self, verb: str, args: Mapping[str, Value]) -> AltAz:
        """Where a slew leads, as seen from the site now."""
        if verb == "slew_altaz":
            return AltAz(alt_deg=_number(args["alt_deg"]), az_deg=_number(args["az_deg"]) % 360.0)
        alt_deg, az_deg = altaz_now(
            self._site, _number(args["ra_deg"]), _number(args["dec_deg"]), self.clock.unix_s()
        )
        return AltAz(alt_deg=alt_deg, az_deg=az_deg)

    @staticmethod
    def _on(readings: Mapping[str, Reading], ra_deg: float, dec_deg: float) -> bool:
        at_ra_deg, at_dec_deg = good_number(readings, "ra_deg"), good_number(readings, "dec_deg")
        if at_ra_deg is None or at_dec_deg is None or good_flag(readings, "slewing") is not False:
            return False
        off_arcsec = separation_arcsec(ra_deg, dec_deg, at_ra_deg, at_dec_deg)
        return good_flag(readings, "tracking") is True and off_arcsec <= POINTING_ARCSEC


def _number(value: Value) -> float:
    """A numeric argument; NaN for what is none, which every limit refuses."""
    return float(value) if isinstance(value, int | float) else math.nan
