"""The true weather of a simulated site: smooth, seasonless, and the same for the same seed.

Every quantity is a mean, a daily wave, slow waves with seeded phases, and up to two bad spells a
night (cloud, rain, wind, damp). It is a function of time, without state: any process and any step
sees the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from typing import Final, Literal

import msgspec

DAY_S: Final = 86400.0
_PERIODS_S: Final = (41_000.0, 17_300.0, 7_900.0, 3_700.0, 1_700.0)
_WEIGHTS: Final = (0.60, 0.45, 0.40, 0.35, 0.25)
"""Relative strength of the slow waves; their squares sum to 0.9."""
_EDGE_S: Final = 1200.0
"""A spell comes and goes within this time."""

SpellKind = Literal["cloud", "rain", "wind", "damp"]
_KINDS: Final[tuple[SpellKind, ...]] = ("cloud", "rain", "wind", "damp")
_KIND_ODDS: Final = (4, 3, 2, 2)


class ClimateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What weather is usual at the site."""

    temperature_deg_C: float = 11.0  # noqa: N815 - the unit is written degC
    """Mean air temperature."""
    daily_swing_K: float = 5.0  # noqa: N815 - the unit is K
    """Half the difference between the warmest and the coldest hour."""
    humidity_pct: float = 42.0
    """Mean relative humidity of a clear night."""
    pressure_hPa: float = 731.0  # noqa: N815 - the unit is hPa
    """Mean pressure at the site's height."""
    wind_m_s: float = 4.0
    """Mean wind of a calm night."""
    cloud_fraction: float = 0.04
    """Mean sky cover of a clear night."""
    seeing_arcsec: float = 1.1
    """Median seeing at 500 nm in the zenith."""
    spells_per_night: tuple[float, float, float] = (0.55, 0.30, 0.15)
    """Probabilities of no, one and two bad spells in a night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The weather at one instant."""

    temperature_deg_C: float  # noqa: N815 - the unit is written degC
    humidity_pct: float
    pressure_hPa: float  # noqa: N815 - the unit is hPa
    wind_m_s: float
    gust_m_s: float
    wind_from_deg: float
    rain_mm_h: float
    cloud_fraction: float
    seeing_arcsec: float

    @property
    def dew_point_deg_C(self) -> float:  # noqa: N802 - the unit is written degC
        """Magnus formula over water (WMO 2008: 17.62, 243.12 K)."""
        share = max(self.humidity_pct, 1.0) / 100.0
        t = self.temperature_deg_C
        gamma = math.log(share) + 17.62 * t / (243.12 + t)
        return 243.12 * gamma / (17.62 - gamma)

    @property
    def sky_temperature_deg_C(self) -> float:  # noqa: N802 - the unit is written degC
        """What an infrared thermometer sees: 32 K below the air when clear, 4 K when overcast."""
        return self.temperature_deg_C - 32.0 + 28.0 * self.cloud_fraction

    @property
    def cloud_extinction_mag(self) -> float:
        """Mean loss of starlight: none below a tenth of cover, 3 mag when overcast, 8 in rain."""
        cover = max(0.0, self.cloud_fraction - 0.1) / 0.9
        return 3.0 * math.pow(cover, 1.5) + (5.0 if self.rain_mm_h > 0.0 else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """One stretch of bad weather, fully there between `start` and `end`."""

    kind: SpellKind
    start_unix_s: float
    end_unix_s: float
    strength: float

    def presence(self, unix_s: float, edge_s: float = _EDGE_S) -> float:
        """0 away from it, 1 inside, a smooth step over `edge_s` before and after."""
        outside_s = max(self.start_unix_s - unix_s, unix_s - self.end_unix_s, 0.0)
        x = max(0.0, 1.0 - outside_s / edge_s)
        return x * x * (3.0 - 2.0 * x)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Weather prescribed by a scenario for a while; None leaves a quantity to the seed."""

    start_unix_s: float
    end_unix_s: float
    temperature_deg_C: float | None = None  # noqa: N815 - the unit is written degC
    humidity_pct: float | None = None
    wind_m_s: float | None = None
    rain_mm_h: float | None = None
    cloud_fraction: float | None = None
    seeing_arcsec: float | None = None


class WeatherTruth:
    """The weather as a function of time.

    Args:
        climate: What is usual.
        seed: Of everything that varies.
        local_offset_s: Local time minus UTC; nights are counted from local noon.
        overrides: Prescribed stretches; later ones win.
    """

    def __init__(
        self,
        climate: ClimateSettings,
        *,
        seed: int,
        local_offset_s: float = 0.0,
        overrides: tuple[Override, ...] = (),
    ) -> None:
        self.climate = climate
        self.overrides = overrides
        self._seed = seed
        self._noon_offset_s = local_offset_s - DAY_S / 2.0
        self._phases = {
            name: _phases(seed, name)
            for name in ("temperature", "humidity", "wind", "seeing", "cloud")
        }
        self._latest: tuple[float, Weather] | None = None

    def at(self, unix_s: float) -> Weather:
        """The weather at an instant."""
        if self._latest is not None and self._latest[0] == unix_s:
            return self._latest[1]
        weather = self._from_seed(unix_s)
        for override in self.overrides:
            if override.start_unix_s <= unix_s < override.end_unix_s:
                weather = _prescribed(weather, override)
        self._latest = (unix_s, weather)
        return weather

    def prescribe(self, override: Override) -> None:
        """Add a prescribed stretch."""
        self.overrides = (*self.overrides, override)
        self._latest = None

    def spells(self, unix_s: float) -> tuple[Spell, ...]:
        """The bad spells of the night (noon to noon, local) that holds an instant."""
        night = int((unix_s + self._noon_offset_s) // DAY_S)
        return _spells(self._seed, night, self.climate.spells_per_night, self._noon_offset_s)

    def _from_seed(self, unix_s: float) -> Weather:
        climate = self.climate
        cover = rain = storm = damp = 0.0
        for spell in self.spells(unix_s):
            presence, wet = spell.presence(unix_s) * spell.strength, spell.kind == "rain"
            cover += presence if spell.kind in ("cloud", "rain") else 0.0
            storm += presence if spell.kind == "wind" else 0.3 * presence * wet
            damp += presence if spell.kind in ("damp", "rain") else 0.2 * presence
            if wet and spell.start_unix_s <= unix_s < spell.end_unix_s:
                rain += 3.0 * spell.strength
        wave = self._wave
        local_day = (unix_s + self._noon_offset_s) / DAY_S % 1.0  # 0 at local noon
        daily = math.cos(math.tau * (local_day - 0.1))  # warmest at 14:24
        dry = climate.humidity_pct * (1.0 + 0.2 * wave("humidity", unix_s)) - 8.0 * daily
        dry = min(95.0, max(5.0, dry))
        damp = min(1.0, damp)
        wind = max(0.2, climate.wind_m_s * (1.0 + 0.45 * wave("wind", unix_s)) + 16.0 * storm)
        return Weather(
            temperature_deg_C=climate.temperature_deg_C
            + climate.daily_swing_K * daily
            + 1.2 * wave("temperature", unix_s)
            - 2.0 * cover,
            humidity_pct=dry * (1.0 - damp) + 97.0 * damp,
            pressure_hPa=climate.pressure_hPa + 2.0 * wave("temperature", unix_s / 4.0),
            wind_m_s=wind,
            gust_m_s=wind * (1.35 + 0.1 * wave("wind", unix_s * 3.0)),
            wind_from_deg=(250.0 + 40.0 * wave("wind", unix_s / 2.0)) % 360.0,
            rain_mm_h=rain,
            cloud_fraction=min(
                1.0, max(0.0, climate.cloud_fraction * (1.0 + wave("cloud", unix_s))) + cover
            ),
            seeing_arcsec=climate.seeing_arcsec
            * math.exp(0.22 * wave("seeing", unix_s))
            * (1.0 + 0.6 * storm),
        )

    def _wave(self, name: str, unix_s: float) -> float:
        """A slow random wave of about unit rms."""
        return 1.4 * sum(
            weight * math.sin(math.tau * unix_s / period_s + phase)
            for weight, period_s, phase in zip(
                _WEIGHTS, _PERIODS_S, self._phases[name], strict=True
            )
        )


def _phases(seed: int, name: str) -> tuple[float, ...]:
    rng = Random(f"{seed}/weather/{name}")  # noqa: S311 - physics, not secrets
    return tuple(rng.uniform(0.0, math.tau) for _ in _PERIODS_S)


@lru_cache(maxsize=64)
def _spells(
    seed: int, night: int, odds: tuple[float, float, float], noon_offset_s: float
) -> tuple[Spell, ...]:
    rng = Random(f"{seed}/weather/night/{night}")  # noqa: S311 - physics, not secrets
    noon_s = night * DAY_S - noon_offset_s
    number = rng.choices((0, 1, 2), weights=odds)[0]
    spells = []
    for _ in range(number):
        kind = rng.choices(_KINDS, weights=_KIND_ODDS)[0]
        start_s = noon_s + rng.uniform(6.0, 17.0) * 3600.0
        length_s = rng.uniform(0.4, 1.8) * 3600.0
        spells.append(
            Spell(
                kind=kind,
                start_unix_s=start_s,
                end_unix_s=start_s + length_s,
                strength=rng.uniform(0.85, 1.0),
            )
        )
    return tuple(spells)


def _prescribed(weather: Weather, override: Override) -> Weather:
    changes = {
        name: value
        for name in (
            "temperature_deg_C",
            "humidity_pct",
            "wind_m_s",
            "rain_mm_h",
            "cloud_fraction",
            "seeing_arcsec",
        )
        if (value := getattr(override, name)) is not None
    }
    if "wind_m_s" in changes:
        changes["gust_m_s"] = 1.35 * changes["wind_m_s"]
    return replace(weather, **changes)
