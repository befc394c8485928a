"""Sky maps and error circles become fields that hold what they say, each counted once."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from astropy.coordinates import Latitude, Longitude
from astropy.io import fits
from astropy.table import QTable
from astropy.units import steradian
from mocpy import MOC

from protocols.lvk import sky_map_fits
from protocols.sky_map import read_sky_map
from pyros.domain.alert.healpix import nested_centres
from pyros.domain.alert.localisation import GBM_CALIBRATION, Place, StreamCalibration
from pyros.domain.alert.notice import NoticeError
from pyros.domain.alert.sky_density import (
    SkyDensity,
    TilingError,
    density_from_place,
    density_from_uniq,
)
from pyros.domain.alert.strategy import TilingRule
from pyros.domain.alert.tiling import FieldGrid, Tile, choose_tiles, fields_near, order_tiles


def multi_order_map(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A map of mixed orders: base cells, some of them split several times."""
    rng = np.random.default_rng(seed)
    cells = [(0, i) for i in range(12)]
    for _ in range(400):
        order, cell = cells.pop(int(rng.integers(len(cells))))
        if order >= 8:
            cells.append((order, cell))
        else:
            cells += [(order + 1, 4 * cell + k) for k in range(4)]
    uniq = np.array([4 * 4**order + cell for order, cell in cells])
    area_sr = np.array([4 * math.pi / (12 * 4**order) for order, _ in cells])
    weight = rng.dirichlet(np.full(len(cells), 0.3))
    return uniq, weight / area_sr


def wide_fields(density: SkyDensity) -> FieldGrid:
    """Fields of 14 degrees wherever there is probability."""
    return fields_near(density, 14.0, 14.0, count=400)


def fits_bytes(uniq: np.ndarray, density: np.ndarray) -> bytes:
    """A sky map's FITS file."""
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column(name="UNIQ", format="K", array=uniq),
            fits.Column(name="PROBDENSITY", format="D", array=density),
        ]
    )
    table.header["DISTMEAN"] = 140.0
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(stream)
    return stream.getvalue()


@pytest.mark.parametrize("order", [0, 1, 3, 12, 24, 29])
def test_cell_centres_lie_in_their_cells(order: int) -> None:
    """The library finds each centre in the cell it was computed for."""
    rng = np.random.default_rng(order)
    cell = rng.integers(0, 12 * 4**order, 60)
    ra_deg, dec_deg = nested_centres(np.full(60, order), cell)
    for i in range(60):
        lon, lat = Longitude([ra_deg[i]], "deg"), Latitude([dec_deg[i]], "deg")
        assert int(MOC.from_lonlat(lon, lat, max_norder=order).flatten()[0]) == cell[i]


def test_density_agrees_with_mocpy_field_by_field() -> None:
    """The cumulative sums give what mocpy integrates over the same map and fields."""
    uniq, density_per_sr = multi_order_map()
    density = density_from_uniq(uniq, density_per_sr)
    grid = wide_fields(density)
    ours = grid.probabilities(density)
    table = QTable({"UNIQ": uniq, "PROBDENSITY": density_per_sr / steradian})
    for index in range(0, len(grid), 20):
        moc = MOC.from_depth29_ranges(10, grid.field(index).astype(np.uint64))
        theirs = moc.probability_in_multiordermap(table)
        assert ours[index] == pytest.approx(theirs, abs=1e-12)


def test_enough_fields_leave_next_to_nothing_out() -> None:
    """With fields for the whole sky all but a thousandth of the probability can be covered."""
    density = density_from_uniq(*multi_order_map())
    grid = wide_fields(density)
    rule = TilingRule(max_tiles=len(grid), contour=1.0, min_tile_probability=0.0)
    tiles = choose_tiles(density, grid, rule)
    assert sum(tile.probability for tile in tiles) == pytest.approx(1.0, abs=1e-3)
    assert float(np.sum(grid.probabilities(density))) > 1.0  # they overlap


def test_tiles_are_the_best_each_time_and_never_counted_twice() -> None:
    """Greedy by what each adds, checked against the plain quadratic algorithm."""
    density = density_from_uniq(*multi_order_map(5))
    grid = wide_fields(density)
    rule = TilingRule(max_tiles=12, contour=0.95, min_tile_probability=0.001)
    tiles = choose_tiles(density, grid, rule)
    covered = np.zeros((0, 2), dtype=np.uint64)
    for tile in tiles:
        best = max(_adds(density, grid.field(index), covered) for index in range(len(grid)))
        chosen = grid.field(tile.index)
        assert tile.probability == pytest.approx(best, abs=1e-12)
        assert _adds(density, chosen, covered) == pytest.approx(best)
        mine = MOC.from_depth29_ranges(10, chosen.astype(np.uint64))
        covered = (
            mine.union(MOC.from_depth29_ranges(10, covered)) if len(covered) else mine
        ).to_depth29_ranges
    assert [t.probability for t in tiles] == sorted((t.probability for t in tiles), reverse=True)


def _adds(density: SkyDensity, ranges: np.ndarray, covered: np.ndarray) -> float:
    """What a field adds to what is covered, by mocpy's set operations."""
    moc = MOC.from_depth29_ranges(10, ranges.astype(np.uint64))
    if len(covered):
        # mocpy 0.21's own difference() is empty for two sets that do not meet.
        moc = moc.intersection(MOC.from_depth29_ranges(10, covered).complement())
    left = moc.to_depth29_ranges.astype(np.int64)
    return float(np.sum(density.below(left[:, 1]) - density.below(left[:, 0])))


def test_tiles_respect_the_rule_and_what_can_be_seen() -> None:
    """No more than allowed, none too poor, none below the horizon."""
    density = density_from_uniq(*multi_order_map())
    grid = wide_fields(density)
    some = choose_tiles(density, grid, TilingRule(max_tiles=5), lambda _ra, dec: dec > 0)
    assert len(some) == 5
    assert all(tile.dec_deg > 0 for tile in some)
    rich = choose_tiles(density, grid, TilingRule(max_tiles=500, min_tile_probability=0.02))
    assert all(tile.probability >= 0.02 for tile in rich)
    assert choose_tiles(density, grid, TilingRule(max_tiles=0)) == ()


@pytest.mark.parametrize(
    "place",
    [
        Place(ra_deg=120.0, dec_deg=40.0, sigma_deg=3.0, calibration=GBM_CALIBRATION),
        Place(ra_deg=0.1, dec_deg=89.0, sigma_deg=2.0, calibration=StreamCalibration()),
        Place(ra_deg=10.0, dec_deg=0.0, sigma_deg=0.0003, calibration=StreamCalibration()),
    ],
)
def test_density_of_a_circle_has_its_area_and_centre(place: Place) -> None:
    """The 90 % area is that of the 90 % radius, and the peak is where the position is."""
    density = density_from_place(place)
    assert density.before[-1] == pytest.approx(1.0)
    expected_deg2 = math.pi * place.r90_deg() ** 2
    assert density.credible_area_deg2(0.9) == pytest.approx(expected_deg2, rel=0.05)
    _, dec_deg = density.peak_deg()
    assert abs(dec_deg - place.dec_deg) < 0.2 * place.r90_deg()


def test_order_takes_what_sets_first_and_leaves_out_what_has_set() -> None:
    """A poor tile that is about to set goes before a rich one; one that is down is not visited."""
    tiles = [
        Tile(ra_deg=float(i), dec_deg=0.0, probability=p, index=i)
        for i, p in enumerate((0.5, 0.2, 0.1))
    ]
    sets = {0: 10_000.0, 1: 150.0, 2: 50.0}
    ordered = order_tiles(
        tiles,
        sets_s=lambda tile: sets[tile.index],
        rises_s=lambda _tile: 0.0,
        visit_s=100.0,
        slew_deg_per_s=10.0,
        start_deg=(0.0, 0.0),
    )
    assert [tile.index for tile, _ in ordered] == [1, 0]
    assert ordered[1][1] == pytest.approx(ordered[0][1] + 100.0 + 0.1)


def test_order_waits_for_what_rises() -> None:
    """A tile that is not up is begun when it rises."""
    tile = Tile(ra_deg=0.0, dec_deg=0.0, probability=0.5, index=0)
    ordered = order_tiles(
        [tile],
        sets_s=lambda _tile: 5000.0,
        rises_s=lambda _tile: 300.0,
        visit_s=60.0,
        slew_deg_per_s=10.0,
        start_deg=(0.0, 0.0),
    )
    assert ordered == ((tile, 300.0),)


def test_sky_map_of_an_lvk_alert_is_read_back() -> None:
    """FITS in base64 in JSON: the cells come out as they went in."""
    import base64  # noqa: PLC0415 - this test only

    uniq, density = multi_order_map()
    encoded = base64.b64encode(fits_bytes(uniq, density)).decode()
    raw = f'{{"event":{{"skymap":"{encoded}"}},"external_coinc":null}}'.encode()
    table = read_sky_map(sky_map_fits(raw))
    assert np.array_equal(table.uniq, uniq)
    assert np.allclose(table.density_per_sr, density)
    assert table.distance_mpc == 140.0


@pytest.mark.parametrize("cut", [10, 2879, 2880, 5000, 6000])
def test_sky_map_that_is_broken_is_refused(cut: int) -> None:
    """Truncated files, other tables and no base64 are one clear refusal."""
    raw = fits_bytes(*multi_order_map())
    with pytest.raises(NoticeError):
        read_sky_map(raw[:cut])
    for packet in (
        b"{}",
        b"[]",
        b"x",
        b'{"event":{"skymap":"###"}}',
        b'{"event":{"skymap":"AAAA"}}',
    ):
        with pytest.raises(NoticeError):
            sky_map_fits(packet)


@pytest.mark.parametrize(
    ("uniq", "density"),
    [
        ([3], [1.0]),
        ([4, 4], [1.0, 1.0]),
        ([4], [float("nan")]),
        ([4], [-1.0]),
        ([4], [0.0]),
        ([], []),
        ([4 * 4**30], [1.0]),
    ],
)
def test_density_of_nonsense_is_refused(uniq: list[int], density: list[float]) -> None:
    """No cell, overlapping cells, NaN, negative and no probability at all."""
    with pytest.raises(TilingError):
        density_from_uniq(np.array(uniq, dtype=np.int64), np.array(density))
