"""A night from noon to noon: its label, sunset, twilights, sunrise, moonrise and moonset.

A night is named by the local date on which it begins. Local time is the site's `utc_offset_h`, or
the mean solar time of its longitude; so the label never changes in the middle of a night, and sites
at the poles have nights too. What does not happen (a midnight Sun, no moonrise) is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pyros.sky.bodies import MOON_RADIUS_KM, moon_illumination, track
from pyros.sky.engine import SkyEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyros.sky.site import Site

Floats = NDArray[np.float64]

SUNRISE_ALTITUDE_DEG = -0.8333
"""Centre of the Sun when its upper limb touches the horizon: 34' refraction + 16' radius (USNO)."""
HORIZON_REFRACTION_DEG = 34.0 / 60.0
CIVIL_DEG, NAUTICAL_DEG, ASTRONOMICAL_DEG = -6.0, -12.0, -18.0
DAY_S = 86400.0
_STEP_S = 600.0
_TOLERANCE_S = 0.01


def noon_unix_s(site: Site, label: str) -> float:
    """The local noon at which the night named `label` (YYYY-MM-DD) begins, in Unix seconds.

    Raises:
        ValueError: When the label is no date.
    """
    try:
        day = date.fromisoformat(label)
    except ValueError:
        raise ValueError(f"night label {label!r} is no date; write it as 2026-11-23") from None
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return noon.timestamp() - site.noon_offset_s


def night_label(site: Site, unix_s: float) -> str:
    """The label of the night to which an instant belongs: the local date of the noon before it."""
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=unix_s + site.noon_offset_s)
    return (local - timedelta(hours=12)).date().isoformat()


def crossings(
    curve: Callable[[Floats], Floats], start_s: float, end_s: float, step_s: float = _STEP_S
) -> list[tuple[float, bool]]:
    """When a smooth function crosses zero.

    Args:
        curve: Vectorised function of Unix seconds.
        start_s: Start of the span.
        end_s: End of the span.
        step_s: Sampling; two crossings closer together than this may be missed.

    Returns:
        Pairs (unix_s, upwards), in order, each to 0.01 s.
    """
    times = np.linspace(start_s, end_s, max(2, round((end_s - start_s) / step_s) + 1))
    values = curve(times)
    times, values = _with_extrema(curve, times, values)
    above = values >= 0.0
    index = np.flatnonzero(above[1:] != above[:-1])
    if index.size == 0:
        return []
    low, high = times[index].copy(), times[index + 1].copy()
    f_low, f_high = values[index].copy(), values[index + 1].copy()
    upwards = above[index + 1]
    for _ in range(60):
        if np.max(high - low) < _TOLERANCE_S:
            break
        share = np.clip(f_low / (f_low - f_high), 0.02, 0.98)
        guess = low + share * (high - low)
        nudge = np.where(share < 0.5, 1.0, -1.0) * _TOLERANCE_S / 4.0
        for probe in (guess, np.clip(guess + nudge, low, high)):
            value = curve(probe)
            inside = (probe > low) & (probe < high)
            same = (value >= 0.0) != upwards
            go_low, go_high = inside & same, inside & ~same
            low, f_low = np.where(go_low, probe, low), np.where(go_low, value, f_low)
            high, f_high = np.where(go_high, probe, high), np.where(go_high, value, f_high)
    middle = (low + high) / 2.0
    return [(float(t), bool(up)) for t, up in zip(middle, upwards, strict=True)]


def _with_extrema(
    curve: Callable[[Floats], Floats], times: Floats, values: Floats
) -> tuple[Floats, Floats]:
    """The samples, with those local extrema added (by parabola) that might hide two crossings."""
    before, here, after = values[:-2], values[1:-1], values[2:]
    bend = before - 2.0 * here + after
    turning = (here - before) * (after - here) <= 0.0
    towards_zero = here * bend > 0.0
    index = np.flatnonzero(turning & towards_zero & (bend != 0.0))
    if index.size == 0:
        return times, values
    shift = 0.5 * (before[index] - after[index]) / bend[index]
    extra = times[index + 1] + np.clip(shift, -1.0, 1.0) * (times[1] - times[0])
    all_times = np.concatenate([times, extra])
    all_values = np.concatenate([values, curve(extra)])
    order = np.argsort(all_times, kind="stable")
    return all_times[order], all_values[order]


@dataclass(frozen=True, eq=False)
class Night:
    """One night of a site; instants are Unix seconds, None when the event does not happen.

    Args:
        site: Where.
        label: The local date (YYYY-MM-DD) on which the night begins.
        dut1_s: UT1-UTC imposed (comparisons); the IERS table's value when None.
    """

    site: Site
    label: str
    dut1_s: float | None = None

    @classmethod
    def at(cls, site: Site, unix_s: float) -> Night:
        """The night to which an instant belongs."""
        return cls(site, night_label(site, unix_s))

    @cached_property
    def start_unix_s(self) -> float:
        """The local noon that begins the night.

        Raises:
            ValueError: When the label is no date.
        """
        return noon_unix_s(self.site, self.label)

    @property
    def end_unix_s(self) -> float:
        """The local noon that ends the night."""
        return self.start_unix_s + DAY_S

    @cached_property
    def engine(self) -> SkyEngine:
        """The sky around the night's middle."""
        return SkyEngine(self.site, self.start_unix_s + DAY_S / 2.0, dut1_s=self.dut1_s)

    def sun_altitude_deg(self, unix_s: Floats) -> Floats:
        """Geometric altitude of the Sun's centre at each time, same shape."""
        return track(self.engine, "sun", unix_s).altitude_deg

    def sun_spans(self, below_deg: float) -> list[tuple[float, float]]:
        """Spans (start, end) in which the Sun is below an altitude; none, one, or rarely two."""
        return spans_where(
            lambda t: below_deg - self.sun_altitude_deg(t), self.start_unix_s, self.end_unix_s
        )

    def span(self, sun_altitude_deg: float) -> tuple[float, float] | None:
        """The longest span with the Sun below an altitude: the night as a programme defines it."""
        spans = self.sun_spans(sun_altitude_deg)
        return max(spans, key=lambda s: s[1] - s[0]) if spans else None

    def _sun_event(self, altitude_deg: float, *, rising: bool) -> float | None:
        events = self._sun_events(altitude_deg)
        found = [t for t, up in events if up == rising]
        return (found[-1] if rising else found[0]) if found else None

    def _sun_events(self, altitude_deg: float) -> list[tuple[float, bool]]:
        return _sun_events(self, altitude_deg)

    @cached_property
    def sunset(self) -> float | None:
        """When the Sun's upper limb vanishes at a free sea-level horizon."""
        return self._sun_event(SUNRISE_ALTITUDE_DEG, rising=False)

    @cached_property
    def sunrise(self) -> float | None:
        """When the Sun's upper limb appears at a free sea-level horizon."""
        return self._sun_event(SUNRISE_ALTITUDE_DEG, rising=True)

    @cached_property
    def civil_dusk(self) -> float | None:
        """When the Sun sinks below -6 degrees."""
        return self._sun_event(CIVIL_DEG, rising=False)

    @cached_property
    def civil_dawn(self) -> float | None:
        """When the Sun rises above -6 degrees."""
        return self._sun_event(CIVIL_DEG, rising=True)

    @cached_property
    def nautical_dusk(self) -> float | None:
        """When the Sun sinks below -12 degrees."""
        return self._sun_event(NAUTICAL_DEG, rising=False)

    @cached_property
    def nautical_dawn(self) -> float | None:
        """When the Sun rises above -12 degrees."""
        return self._sun_event(NAUTICAL_DEG, rising=True)

    @cached_property
    def astronomical_dusk(self) -> float | None:
        """When the Sun sinks below -18 degrees."""
        return self._sun_event(ASTRONOMICAL_DEG, rising=False)

    @cached_property
    def astronomical_dawn(self) -> float | None:
        """When the Sun rises above -18 degrees."""
        return self._sun_event(ASTRONOMICAL_DEG, rising=True)

    @cached_property
    def _moon_events(self) -> list[tuple[float, bool]]:
        def above(times: Floats) -> Floats:
            moon = track(self.engine, "moon", times)
            radius = np.degrees(np.arcsin(MOON_RADIUS_KM / moon.distance_km))
            return np.asarray(moon.altitude_deg + radius + HORIZON_REFRACTION_DEG)

        return crossings(above, self.start_unix_s, self.end_unix_s)

    @cached_property
    def moonrise(self) -> float | None:
        """When the Moon's upper limb first rises between the two noons."""
        return next((t for t, up in self._moon_events if up), None)

    @cached_property
    def moonset(self) -> float | None:
        """When the Moon's upper limb first sets between the two noons."""
        return next((t for t, up in self._moon_events if not up), None)

    @cached_property
    def moon_illumination(self) -> float:
        """Lit fraction of the Moon's disc in the middle of the night, 0..1."""
        return float(moon_illumination(self.engine, self.engine.mid_unix_s)[0][0])

    def events(self) -> dict[str, float | None]:
        """All events by name, in the order of an evening and a morning."""
        names = (
            "sunset", "civil_dusk", "nautical_dusk", "astronomical_dusk", "astronomical_dawn",
            "nautical_dawn", "civil_dawn", "sunrise", "moonrise", "moonset",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


@lru_cache(maxsize=64)
def _sun_events(night: Night, altitude_deg: float) -> list[tuple[float, bool]]:
    """When the Sun passes an altitude during a night; kept, since dusk and dawn both ask."""
    return crossings(
        lambda t: night.sun_altitude_deg(t) - altitude_deg, night.start_unix_s, night.end_unix_s
    )


def spans_where(
    curve: Callable[[Floats], Floats], start_s: float, end_s: float, step_s: float = _STEP_S
) -> list[tuple[float, float]]:
    """Spans (start, end) in Unix seconds where a smooth vectorised function is not negative."""
    events = crossings(curve, start_s, end_s, step_s)
    inside = bool(curve(np.array([start_s]))[0] >= 0.0)
    spans, opened = [], start_s
    for time_s, upwards in events:
        if upwards and not inside:
            opened, inside = time_s, True
        elif not upwards and inside:
            spans.append((opened, time_s))
            inside = False
    if inside:
        spans.append((opened, end_s))
    return [span for span in spans if span[1] > span[0]]
