"""The witness of a simulated night: compares what the metal truly did with what it was allowed.

It looks at the physical state of the simulated devices, not at what they report, so that a lying
report cannot hide a broken rule. Each rule is pure and named in the violation it leads to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors.camera.messages import ExposureStarted, FrameSpooled
from actors.dome.slit import aligned, pierce
from actors.safety.messages import SafetyVerdict
from pyros.actor import Actor, Message
from pyros.domain.verdict import Safety
from pyros.sky import sun_altaz
from simulators.mount_motion import Following, Standing, horizontal_deg, now_doing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.dome.settings import DomeSettings
    from actors.telescope.settings import TelescopeSettings
    from pyros.sky.site import Site
    from simulators.metal import SiteMetal, TelescopeMetal
    from simulators.mount_motion import Motion

AltAz = tuple[float, float]
"""Altitude and azimuth, degrees."""

_LOOK_S = 5.0
_SUN_S = 60.0
"""Seconds for which the Sun's altitude is remembered while it is well below the horizon."""
_OPEN = 0.01
"""Share of the shutter above which a dome counts as open."""
_FULLY_OPEN = 0.99
_SLOP_DEG = 0.5
"""Degrees by which the geometry of an exposure may be off at its edges (tracking steps)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one telescope must keep.

    Attributes:
        closing_s: Seconds a dome may take to close after the verdict turned.
        dome_key: `{unit}/{device}` of the dome, for the faults it has.
        dome: Geometry of dome and slit.
        telescope: Limits of the mount.
    """

    closing_s: float
    dome_key: str
    dome: DomeSettings
    telescope: TelescopeSettings


@dataclass(slots=True, kw_only=True)
class Findings:
    """What the witness saw.

    Attributes:
        violations: One sentence for each broken rule, at most one a minute for each rule.
        excused: The same for what nobody could have kept: a dome whose motors an injected fault
            has stuck.
        open_s: Seconds that a dome was open.
        lights: Light frames exposed.
    """

    violations: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    open_s: float = 0.0
    lights: int = 0
    _last: dict[str, float] = field(default_factory=dict)

    def add(self, rule: str, text: str, unix_s: float) -> None:
        """Note a broken rule, once a minute."""
        self._note(self.violations, rule, text, unix_s)

    def excuse(self, rule: str, text: str, unix_s: float) -> None:
        """Note what broke a rule and could not be helped."""
        self._note(self.excused, rule, text, unix_s)

    def _note(self, findings: list[str], rule: str, text: str, unix_s: float) -> None:
        if unix_s - self._last.get(rule, -math.inf) >= 60.0:
            self._last[rule] = unix_s
            findings.append(f"{rule}: {text}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look(Message):
    """Look at the metal."""


class Witness(Actor):
    """Watches one simulated site.

    Args:
        metal: The physical state.
        site: Where.
        rules: By telescope.
        findings: Where it writes what it sees.
    """

    def __init__(
        self, *, metal: SiteMetal, site: Site, rules: Mapping[str, Rules], findings: Findings
    ) -> None:
        super().__init__()
        self._metal = metal
        self._site = site
        self._rules = rules
        self._findings = findings
        self._unsafe_since_s: float | None = None
        self._freed_s: dict[str, float] = {}
        self._exposing: dict[str, ExposureStarted] = {}
        self._parked_at: dict[str, AltAz | None] = {}
        self._sun_seen: tuple[float, float] = (0.0, -math.inf)

    async def on_start(self) -> None:
        """Look every five seconds of the observatory's time."""
        self._unsafe_since_s = self.clock.unix_s()
        self.subscribe(SafetyVerdict, ExposureStarted, FrameSpooled)
        self.every(_LOOK_S, _Look())

    async def on_receive(self, message: Message) -> Any:
        """Compare."""
        match message:
            case SafetyVerdict():
                if message.verdict.safety is Safety.SAFE:
                    self._unsafe_since_s = None
                elif self._unsafe_since_s is None:
                    self._unsafe_since_s = self.clock.unix_s()
            case ExposureStarted():
                if self._is_light(message):
                    self._begins(message)
            case FrameSpooled():
                self._exposing.pop(message.exposure_id, None)
                self._findings.lights += message.kind == "light"
            case _Look():
                self._look()
            case _:
                return await super().on_receive(message)
        return None

    @staticmethod
    def _is_light(started: ExposureStarted) -> bool:
        return started.context.sequence_id is not None

    def _look(self) -> None:
        now_s = self.clock.unix_s()
        for unit, telescope in self._metal.telescopes.items():
            self._dome(unit, telescope, now_s)
            self._mount(unit, telescope, now_s)

    def _dome(self, unit: str, telescope: TelescopeMetal, now_s: float) -> None:
        dome = telescope.dome
        if dome is None or dome.shutter.position(now_s) <= _OPEN:
            return
        self._findings.open_s += _LOOK_S
        rules = self._rules[unit]
        fault = self._metal.faults.condition(rules.dome_key)
        if fault.stuck or fault.broken:
            self._freed_s[unit] = now_s
        if self._unsafe_since_s is None:
            return
        limit_s = rules.closing_s * max(1.0, fault.slowness)
        unsafe_s = now_s - self._unsafe_since_s
        able_s = min(unsafe_s, now_s - self._freed_s.get(unit, -math.inf))
        if able_s > limit_s:
            self._findings.add(
                "dome open while not safe",
                f"{unit} is open {unsafe_s:.0f} s after the verdict was no longer safe (limit "
                f"{limit_s:.0f} s)",
                now_s,
            )
        elif unsafe_s > limit_s:
            self._findings.excuse(
                "dome open while not safe",
                f"{unit} is open {unsafe_s:.0f} s after the verdict was no longer safe, for its "
                "motors could not move",
                now_s,
            )

    def _mount(self, unit: str, telescope: TelescopeMetal, now_s: float) -> None:
        motion = now_doing(telescope.mount.motion, now_s)
        where = horizontal_deg(motion, self._site, now_s)
        rules = self._rules[unit].telescope
        uncovered = telescope.mount.cover.position(now_s) > _OPEN
        dome_open = telescope.dome is None or telescope.dome.shutter.position(now_s) > _OPEN
        if uncovered and dome_open and self._sun_may_be_up(now_s):
            sun_alt_deg, sun_az_deg = sun_altaz(self._site, now_s)
            away_deg = _apart_deg(where, (sun_alt_deg, sun_az_deg))
            if sun_alt_deg > 0.0 and away_deg < rules.sun_avoidance_deg:
                self._findings.add(
                    "Sun within the avoidance angle",
                    f"{unit} looks {away_deg:.1f} deg from the Sun "
                    f"(limit {rules.sun_avoidance_deg:.0f} deg)",
                    now_s,
                )
        if isinstance(motion, Following) and where[0] < rules.min_altitude_deg - _SLOP_DEG:
            self._findings.add(
                "telescope below its limit",
                f"{unit} tracks at altitude {where[0]:.1f} deg "
                f"(limit {rules.min_altitude_deg:.0f} deg)",
                now_s,
            )
        parked = isinstance(motion, Standing) and motion.parked
        before = self._parked_at.get(unit)
        if parked and before is not None and _apart_deg(before, where) > _SLOP_DEG:
            self._findings.add("telescope moved while parked", unit, now_s)
        self._parked_at[unit] = where if parked else None
        for exposure_id, started in tuple(self._exposing.items()):
            if started.unit != unit:
                continue
            if now_s > started.start_utc.timestamp() + started.exposure_s:
                del self._exposing[exposure_id]  # over, whether its frame is heard of or not
            else:
                self._light(unit, f"{exposure_id} goes on", motion, where)

    def _sun_may_be_up(self, now_s: float) -> bool:
        """Whether the Sun can have come up since it was last looked at (15 degrees an hour)."""
        _, seen_s = self._sun_seen
        if now_s - seen_s >= _SUN_S:
            self._sun_seen = (sun_altaz(self._site, now_s)[0], now_s)
        return self._sun_seen[0] > -_SUN_S / 240.0

    def _begins(self, started: ExposureStarted) -> None:
        now_s = self.clock.unix_s()
        motion = now_doing(self._metal.telescopes[started.unit].mount.motion, now_s)
        where = horizontal_deg(motion, self._site, now_s)
        self._light(started.unit, f"{started.exposure_id} begins", motion, where)
        self._exposing[started.exposure_id] = started

    def _light(self, unit: str, what: str, motion: Motion, where: AltAz) -> None:
        """A light frame needs an open dome, an open cover and a slit before the telescope."""
        now_s = self.clock.unix_s()
        telescope, rules = self._metal.telescopes[unit], self._rules[unit]
        dome = telescope.dome
        if dome is not None and dome.shutter.position(now_s) < _FULLY_OPEN:
            if self._unsafe_since_s is None:
                self._findings.add("light frame with a closed dome", f"{unit}: {what}", now_s)
            return
        if dome is None or not isinstance(motion, Following):
            return
        alt_deg, az_deg = where
        point = pierce(alt_deg, az_deg, rules.dome.geometry)
        slit_deg = dome.slit.position(now_s) % 360.0
        near = any(
            aligned(point, slit_deg + off_deg, rules.dome.geometry)
            for off_deg in (0.0, -_SLOP_DEG, _SLOP_DEG)
        )
        if not near:
            self._findings.add(
                "light frame with a slit not aligned",
                f"{unit}: {what}: slit at {slit_deg:.1f} deg, telescope at {az_deg:.1f} deg, "
                f"altitude {alt_deg:.1f} deg",
                now_s,
            )


def _apart_deg(first: AltAz, second: AltAz) -> float:
    """Degrees between two directions, each (altitude, azimuth)."""
    alt1, az1, alt2, az2 = map(math.radians, (*first, *second))
    cosine = math.sin(alt1) * math.sin(alt2)
    cosine += math.cos(alt1) * math.cos(alt2) * math.cos(az1 - az2)
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
