"""A span of time sampled once: the site's axes, the Sun and the Moon that all targets share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pyros.sky.bodies import BodyTrack, moon_illumination, track
from pyros.sky.brightness import moon_source, twilight_nl
from pyros.sky.engine import Axes, SkyEngine
from pyros.sky.twilight import spans_where

if TYPE_CHECKING:
    from pyros.sky.site import Site

Floats = NDArray[np.float64]
Span = tuple[float, float]

SYNODIC_MONTH_D = 29.530589


@dataclass(frozen=True, eq=False)
class SkyGrid:
    """Times from `start_unix_s` to `end_unix_s` at equal steps of at most `step_s`.

    Args:
        engine: The sky; its middle should be the span's.
        start_unix_s: First time.
        end_unix_s: Last time, after the first.
        step_s: Longest step; constraints that fail for less than a step may go unseen.
    """

    engine: SkyEngine
    start_unix_s: float
    end_unix_s: float
    step_s: float = 60.0

    @classmethod
    def over(
        cls, site: Site, start_unix_s: float, end_unix_s: float, *, step_s: float = 60.0
    ) -> SkyGrid:
        """A grid with an engine around its middle.

        Raises:
            ValueError: When the end is not after the start, or they are more than 15 days apart.
        """
        span_s = end_unix_s - start_unix_s
        if not 0.0 < span_s <= 15.0 * 86400.0:
            raise ValueError(f"span of {span_s:g} s: give an end up to 15 days after the start")
        half_s = max(span_s / 2.0, 3600.0)
        engine = SkyEngine(site, (start_unix_s + end_unix_s) / 2.0, half_span_s=half_s)
        return cls(engine, start_unix_s, end_unix_s, step_s)

    @cached_property
    def unix_s(self) -> Floats:
        """The times, shape (n_times,)."""
        count = max(2, int(np.ceil((self.end_unix_s - self.start_unix_s) / self.step_s)) + 1)
        return np.linspace(self.start_unix_s, self.end_unix_s, count)

    @cached_property
    def axes(self) -> Axes:
        """The site's axes at the times."""
        return self.engine.axes(self.unix_s)

    @cached_property
    def sun(self) -> BodyTrack:
        """The Sun at the times."""
        return track(self.engine, "sun", self.unix_s)

    @cached_property
    def moon(self) -> BodyTrack:
        """The Moon at the times."""
        return track(self.engine, "moon", self.unix_s)

    @cached_property
    def moon_phase(self) -> tuple[Floats, Floats]:
        """(lit fraction, phase in degrees) of the Moon at the times."""
        return moon_illumination(self.engine, self.unix_s)

    @cached_property
    def days_from_full_moon(self) -> Floats:
        """Time from the nearest full Moon, by phase, in days."""
        from_full_deg = np.abs(180.0 - self.moon_phase[1])
        return np.asarray(from_full_deg / 360.0 * SYNODIC_MONTH_D)

    @cached_property
    def moonlight(self) -> Floats:
        """`brightness.moon_source` at the times."""
        phase_angle = np.degrees(np.arccos(np.clip(2.0 * self.moon_phase[0] - 1.0, -1.0, 1.0)))
        return moon_source(self.moon.altitude_deg, phase_angle)

    @cached_property
    def twilight(self) -> Floats:
        """`brightness.twilight_nl` at the times."""
        return twilight_nl(self.sun.altitude_deg)

    @cached_property
    def _dark_spans(self) -> dict[float, list[Span]]:
        return {}

    def dark_spans(self, sun_below_deg: float) -> list[Span]:
        """Spans with the Sun's centre below an altitude, to a hundredth of a second."""
        if sun_below_deg not in self._dark_spans:
            self._dark_spans[sun_below_deg] = spans_where(
                lambda t: sun_below_deg - track(self.engine, "sun", t).altitude_deg,
                self.start_unix_s,
                self.end_unix_s,
            )
        return self._dark_spans[sun_below_deg]
