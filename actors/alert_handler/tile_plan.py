"""From an error region to fields in order: what of it is seen, which fields, and when each.

Everything here takes milliseconds to a second and runs in the handler's own thread, never in the
loop; it is pure, so a test calls it as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from actors.alert_handler.observability import sky_of_two_days
from protocols.lvk import sky_map_fits
from protocols.map_notice import is_map_packet, map_fits
from protocols.sky_map import read_sky_map
from pyros.clock import datetime_from_unix
from pyros.domain.alert.gate import Observability
from pyros.domain.alert.sky_density import SkyDensity, density_from_place, density_from_uniq
from pyros.domain.alert.tiling import FieldGrid, Tile, choose_tiles, fields_near, order_tiles
from pyros.sky.windows import Constraints, windows_of_places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyros.domain.alert.localisation import Place
    from pyros.domain.alert.strategy import TilingRule
    from pyros.sky.site import Site

_DAY_S = 86_400.0
_CANDIDATES_PER_TILE = 4
_SAMPLES = 400
_SEEN_SHARE = 0.05
"""Share of a region's probability that must be up for it to count as observable."""
_RIGHT_AWAY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What holds for every field: horizon, Sun, and how long somebody looks.

    Attributes:
        site: The observatory.
        now_unix_s: The instant planned for.
        min_altitude_deg: Lowest altitude of an exposure.
        max_sun_altitude_deg: Highest Sun.
        reach_s: Nothing is begun later than this after now.
    """

    site: Site
    now_unix_s: float
    min_altitude_deg: float
    max_sun_altitude_deg: float
    reach_s: float = _DAY_S

    def spans(
        self, ra_deg: np.ndarray, dec_deg: np.ndarray, exposure_s: float
    ) -> list[list[tuple[float, float]]]:
        """Windows of many places, in seconds from now."""
        grid = sky_of_two_days(self.site, self.now_unix_s)
        limits = Constraints(
            min_altitude_deg=self.min_altitude_deg,
            max_sun_altitude_deg=self.max_sun_altitude_deg,
            min_moon_separation_deg=None,
            min_sky_mag=None,
            user_spans=((self.now_unix_s, self.now_unix_s + min(self.reach_s, _DAY_S)),),
        )
        places = grid.engine.places(ra_deg, dec_deg)
        found = windows_of_places(grid, places, limits, exposure_s=exposure_s)
        return [
            [(low - self.now_unix_s, high - self.now_unix_s) for low, high in each]
            for each in found
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFacts:
    """What the decision about a sky map needs to know of it.

    Attributes:
        density: The map.
        area_deg2: Area of its 90 % region.
        peak_deg: Right ascension and declination of the densest cell.
        seen: Whether enough of it is up, now or when.
    """

    density: SkyDensity
    area_deg2: float
    peak_deg: tuple[float, float]
    seen: Observability


def read_map(raw: bytes, limits: Limits) -> MapFacts:
    """The sky map inside a packet, or fetched and put into one.

    Raises:
        NoticeError: When there is none, or it cannot be read.
        TilingError: When its cells make no sense.
    """
    table = read_sky_map(map_fits(raw) if is_map_packet(raw) else sky_map_fits(raw))
    density = density_from_uniq(table.uniq, table.density_per_sr)
    return MapFacts(
        density=density,
        area_deg2=density.credible_area_deg2(0.9),
        peak_deg=density.peak_deg(),
        seen=region_seen(density, limits),
    )


def region_seen(density: SkyDensity, limits: Limits) -> Observability:
    """How much of a region is up: sampled over its densest part, weighted by probability."""
    area_deg2 = density.credible_area_deg2(0.9)
    ra_deg, dec_deg = density.densest(area_deg2, max((area_deg2 / _SAMPLES) ** 0.5, 0.01), 20_000)
    step = max(1, len(ra_deg) // _SAMPLES)
    ra_deg, dec_deg = ra_deg[::step], dec_deg[::step]
    starts_s = np.array(
        [each[0][0] if each else np.inf for each in limits.spans(ra_deg, dec_deg, 60.0)]
    )
    # The densest come first and hold more than the last; ranks stand for their weight well enough.
    weight = np.linspace(2.0, 1.0, len(starts_s))
    weight /= weight.sum()
    now_share = float(weight[starts_s <= _RIGHT_AWAY_S].sum())
    ever_share = float(weight[np.isfinite(starts_s)].sum())
    text = f"{100 * now_share:.0f} % of a region of {area_deg2:.1f} deg2 is up now"
    if now_share >= _SEEN_SHARE:
        return Observability(now=True, text=text)
    if ever_share < _SEEN_SHARE:
        return Observability(now=False, text=f"{text}, {100 * ever_share:.0f} % within a day")
    order = np.argsort(starts_s, kind="stable")
    enough = int(np.searchsorted(np.cumsum(weight[order]), _SEEN_SHARE))
    start_utc = datetime_from_unix(limits.now_unix_s + float(starts_s[order[enough]]))
    return Observability(
        now=False,
        text=f"{text}; {100 * _SEEN_SHARE:.0f} % from {start_utc:%d %H:%M} UTC",
        next_start_utc=start_utc,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TileQuestion:
    """What is to be covered, and with what.

    Attributes:
        region: A sky map's density, or a calibrated position.
        rule: How many fields, down to which probability.
        field_deg: Width and height of a field.
        limits: Horizon, Sun and time.
        visit_s: Seconds on each field.
        slew_deg_per_s: Speed between fields.
        start_deg: Where the telescope points now, right ascension and declination.
    """

    region: SkyDensity | Place
    rule: TilingRule
    field_deg: tuple[float, float]
    limits: Limits
    visit_s: float
    slew_deg_per_s: float
    start_deg: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTile:
    """One field and the second from now at which it is begun."""

    ra_deg: float
    dec_deg: float
    probability: float
    begin_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TilePlan:
    """Fields in the order of observation, and what they come to in one sentence."""

    tiles: tuple[PlannedTile, ...]
    text: str


def plan_tiles(question: TileQuestion) -> TilePlan:
    """The fields of a region: chosen by what each adds, ordered by probability, rise, set, slew."""
    region, rule = question.region, question.rule
    density = region if isinstance(region, SkyDensity) else density_from_place(region)
    width_deg, height_deg = question.field_deg
    grid = fields_near(
        density, width_deg, height_deg, count=_CANDIDATES_PER_TILE * max(rule.max_tiles, 10)
    )
    spans = _first_spans(grid, question)
    usable = {(float(grid.ra_deg[i]), float(grid.dec_deg[i])) for i in spans}
    chosen = choose_tiles(density, grid, rule, usable=lambda ra, dec: (ra, dec) in usable)
    ordered = order_tiles(
        chosen,
        rises_s=lambda tile: max(spans[tile.index][0], 0.0),
        sets_s=lambda tile: spans[tile.index][1],
        visit_s=question.visit_s,
        slew_deg_per_s=question.slew_deg_per_s,
        start_deg=question.start_deg,
    )
    return TilePlan(
        tiles=tuple(_planned(tile, begin_s) for tile, begin_s in ordered),
        text=_sentence(chosen, tuple(tile for tile, _ in ordered), density, grid, question, spans),
    )


def _planned(tile: Tile, begin_s: float) -> PlannedTile:
    return PlannedTile(
        ra_deg=tile.ra_deg, dec_deg=tile.dec_deg, probability=tile.probability, begin_s=begin_s
    )


def _first_spans(grid: FieldGrid, question: TileQuestion) -> dict[int, tuple[float, float]]:
    """The first window of each field that has one, in seconds from now, by its index."""
    each = question.limits.spans(grid.ra_deg, grid.dec_deg, question.visit_s)
    return {index: found[0] for index, found in enumerate(each) if found}


def _sentence(
    chosen: tuple[Tile, ...],
    ordered: tuple[Tile, ...],
    density: SkyDensity,
    grid: FieldGrid,
    question: TileQuestion,
    spans: Mapping[int, tuple[float, float]],
) -> str:
    area_deg2 = density.credible_area_deg2(0.9)
    up, candidates = len(spans), len(grid)
    hours = min(question.limits.reach_s, _DAY_S) / 3600.0
    if not chosen:
        best = 100 * max((float(p) for p in grid.probabilities(density)[list(spans)]), default=0.0)
        return (
            f"no field is worth it: of {candidates} candidates in a region of {area_deg2:.3g} deg2 "
            f"{up} come up within {hours:.1f} h, and the best of them holds {best:.2g} % "
            f"(at least {100 * question.rule.min_tile_probability:.2g} % is asked)"
        )
    share = 100 * sum(tile.probability for tile in ordered)
    dropped = len(chosen) - len(ordered)
    set_first = f", {dropped} more would set before their turn" if dropped else ""
    return (
        f"{len(ordered)} fields hold {share:.3g} % of a region of {area_deg2:.3g} deg2 "
        f"({up} of {candidates} candidate fields come up within {hours:.1f} h{set_first})"
    )
