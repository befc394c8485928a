"""Kinematics of one axis: where it stands at any instant of a move, by formula instead of by ticks.

A move accelerates, runs at its highest rate and brakes (a trapezoid, or a triangle when it is
short). Every simulated motion is made of these: mount axes, slit, shutter, cover, focuser, filter
wheel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How fast an axis moves, in its own units (degrees, micrometres, slots, fractions).

    Attributes:
        max_per_s: Highest rate, units per second, above 0.
        acceleration_per_s2: Units per second squared; infinite starts and stops at once.
    """

    max_per_s: float
    acceleration_per_s2: float = math.inf

    def slowed(self, factor: float) -> Rates:
        """The same axis when everything takes `factor` times as long."""
        return Rates(
            max_per_s=self.max_per_s / factor,
            acceleration_per_s2=self.acceleration_per_s2 / factor**2,
        )

    def duration_s(self, distance: float) -> float:
        """Seconds from rest to rest over a distance (its sign does not matter)."""
        distance = abs(distance)
        ramp_s = self.max_per_s / self.acceleration_per_s2
        if distance >= self.max_per_s * ramp_s:
            return distance / self.max_per_s + ramp_s
        return 2.0 * math.sqrt(distance / self.acceleration_per_s2)

    def travelled(self, elapsed_s: float, distance: float) -> float:
        """How much of a distance (>= 0) is covered after some seconds."""
        total_s = self.duration_s(distance)
        if elapsed_s <= 0.0:
            return 0.0
        if elapsed_s >= total_s:
            return distance
        if math.isinf(self.acceleration_per_s2):
            return self.max_per_s * elapsed_s
        if elapsed_s > total_s / 2.0:
            return distance - self.travelled(total_s - elapsed_s, distance)
        ramp_s = min(self.max_per_s / self.acceleration_per_s2, total_s / 2.0)
        ramped_s = min(elapsed_s, ramp_s)
        return self.acceleration_per_s2 * ramped_s**2 / 2.0 + self.acceleration_per_s2 * ramp_s * (
            elapsed_s - ramped_s
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Travel:
    """One axis on its way from rest to rest.

    Attributes:
        start_unix_s: When it began.
        start: Where it began.
        end: Where it will stop.
        rates: How fast.
    """

    start_unix_s: float
    start: float
    end: float
    rates: Rates

    @classmethod
    def resting(cls, position: float, rates: Rates) -> Travel:
        """An axis that has always stood here."""
        return cls(start_unix_s=-math.inf, start=position, end=position, rates=rates)

    @property
    def end_unix_s(self) -> float:
        """When it stops."""
        return self.start_unix_s + self.rates.duration_s(self.end - self.start)

    def moving(self, unix_s: float) -> bool:
        """Whether it is on its way."""
        return self.start != self.end and unix_s < self.end_unix_s

    def position(self, unix_s: float) -> float:
        """Where it is."""
        if self.start == self.end:
            return self.end
        distance = self.end - self.start
        covered = self.rates.travelled(unix_s - self.start_unix_s, abs(distance))
        if covered >= abs(distance):
            return self.end
        return self.start + math.copysign(covered, distance)

    def towards(self, end: float, unix_s: float, rates: Rates | None = None) -> Travel:
        """A new move from where it is now (it stops dead first: inertia is in the ramp)."""
        return Travel(
            start_unix_s=unix_s,
            start=self.position(unix_s),
            end=end,
            rates=self.rates if rates is None else rates,
        )

    def stopped(self, unix_s: float) -> Travel:
        """Standing where it is now."""
        return Travel.resting(self.position(unix_s), self.rates)


def shortest_turn_deg(start_deg: float, end_deg: float) -> float:
    """The signed angle from one azimuth to another, -180..180 degrees."""
    return (end_deg - start_deg + 180.0) % 360.0 - 180.0
