"""Sky maps of every layout say the same sky; what is no map is refused in one line."""

from __future__ import annotations

import gzip
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import sky_map
from protocols.sky_map import read_sky_map
from pyros.domain.alert.healpix import nested_centres, ring_index
from pyros.domain.alert.localisation import separation_deg
from pyros.domain.alert.notice import NoticeError
from pyros.domain.alert.sky_density import density_from_uniq
from tests.protocols.maps import flat_map, multi_order_map

WHERE = (123.0, -34.0, 4.0)


@pytest.mark.parametrize(
    "raw",
    [
        multi_order_map(*WHERE),
        flat_map(*WHERE),
        flat_map(*WHERE, ordering="RING", column="PROB", per_row=1024),
        gzip.compress(flat_map(*WHERE, column="PROBDENSITY")),
    ],
    ids=["multi-order", "nested", "ring", "gzip"],
)
def test_every_layout_gives_the_same_region(raw: bytes) -> None:
    """Peak and 90 % area are those of the spot, whatever the columns and the order of cells."""
    table = read_sky_map(raw)
    density = density_from_uniq(table.uniq, table.density_per_sr)
    assert separation_deg(*density.peak_deg(), *WHERE[:2]) < 0.7
    expected_deg2 = np.pi * (WHERE[2] * 2.146) ** 2
    assert density.credible_area_deg2(0.9) == pytest.approx(expected_deg2, rel=0.05)
    assert np.sum(table.density_per_sr) * 4 * np.pi / table.uniq.size == pytest.approx(1.0)


def test_fine_flat_maps_are_kept_coarser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells finer than the kept order are added up, and the region stays where it was."""
    monkeypatch.setattr(sky_map, "KEPT_ORDER", 5)
    table = read_sky_map(flat_map(*WHERE, order=7))
    assert table.uniq.size == 12 * 4**5
    density = density_from_uniq(table.uniq, table.density_per_sr)
    assert separation_deg(*density.peak_deg(), *WHERE[:2]) < 1.4


@given(st.integers(0, 7))
def test_ring_order_is_the_order_of_declination_then_right_ascension(order: int) -> None:
    """Each ring index once, from north to south, and eastwards within a ring (Gorski 2005)."""
    cell = np.arange(12 * 4**order, dtype=np.int64)
    ring = ring_index(order, cell)
    assert sorted(ring.tolist()) == cell.tolist()
    ra_deg, dec_deg = nested_centres(np.full(cell.shape, order), cell)
    by_ring = np.argsort(ring)
    dec, ra = np.round(dec_deg[by_ring], 9), ra_deg[by_ring]
    assert np.all(np.diff(dec) <= 0)
    assert np.all(np.diff(ra)[np.diff(dec) == 0] > 0)


def test_what_is_no_map_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong columns, wrong sizes, unknown ordering, negative cells, cut or bombing files."""
    with pytest.raises(NoticeError, match="COUNTS; UNIQ and PROBDENSITY are needed"):
        read_sky_map(flat_map(*WHERE, column="COUNTS"))
    with pytest.raises(NoticeError, match="ORDERING 'SPIRAL'"):
        read_sky_map(flat_map(*WHERE, ordering="SPIRAL"))
    good = gzip.compress(flat_map(*WHERE))
    with pytest.raises(NoticeError, match="cut short"):
        read_sky_map(good[: len(good) // 2])
    with pytest.raises(NoticeError, match="cannot be decompressed"):
        read_sky_map(good[:2] + b"\xff" * 50)
    monkeypatch.setattr(sky_map, "MAX_UNPACKED_BYTES", 1_000_000)
    bomb = zlib.compressobj(wbits=31)
    with pytest.raises(NoticeError, match="larger than 1000000 bytes"):
        read_sky_map(bomb.compress(bytes(50_000_000)) + bomb.flush())
