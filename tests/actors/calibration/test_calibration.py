"""What calibrations a night needs, and how masters are made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.io import fits

from actors.calibration.masters import MasterError, combine_darks, combine_flats
from actors.calibration.needs import LightTaken, frames_needed
from actors.calibration.settings import CalibrationSettings

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = CalibrationSettings(darks_per_exposure=2, flats_per_filter=3, flat_exposure_s=5.0)


def light(camera: str, filter_name: str, exposure_s: float) -> LightTaken:
    return LightTaken(camera=camera, filter_name=filter_name, exposure_s=exposure_s)


def test_darks_match_exposures_and_flats_match_filters() -> None:
    """Each exposure time of each camera is darkened, each filter is flattened, darks come first."""
    frames = frames_needed(
        [
            light("vis", "r", 60),
            light("vis", "r", 60),
            light("vis", "g", 60),
            light("nir", "J", 30),
        ],
        SETTINGS,
    )
    darks = [f for f in frames if f.kind == "dark"]
    flats = [f for f in frames if f.kind == "flat"]
    assert {(f.camera, f.exposure_s) for f in darks} == {
        ("vis", 60),
        ("nir", 30),
        ("vis", 5.0),
        ("nir", 5.0),
    }
    assert len(darks) == 4 * 2
    assert {(f.camera, f.filter_name) for f in flats} == {("vis", "r"), ("vis", "g"), ("nir", "J")}
    assert len(flats) == 3 * 3
    assert frames.index(flats[0]) == len(darks)


def test_a_night_without_frames_needs_no_calibrations() -> None:
    """Nothing taken, nothing needed."""
    assert frames_needed([], SETTINGS) == ()


def frame(path: Path, data: np.ndarray, **cards: object) -> Path:
    header = fits.Header()
    header.update({"INSTRUME": "vis", "EXPTIME": 5.0, "FILTER": "r", **cards})
    fits.PrimaryHDU(data.astype(np.uint16), header).writeto(path)
    return path


def test_master_dark_is_the_median_and_drops_a_cosmic_ray(tmp_path: Path) -> None:
    """One hit pixel in one frame does not reach the master."""
    paths = []
    for k in range(3):
        data = np.full((8, 8), 100 + k)
        if k == 1:
            data[3, 4] = 60000
        paths.append(frame(tmp_path / f"d{k}.fits", data))
    master = combine_darks(paths, tmp_path / "masters" / "dark.fits")
    with fits.open(master) as hdus:
        hdus.verify("exception")
        assert hdus[0].data[3, 4] == 102
        assert np.median(hdus[0].data) == 101
        assert hdus[0].header["NCOMBINE"] == 3
    assert not list(master.parent.glob("*.tmp"))


def test_master_flat_is_free_of_the_lamps_brightness(tmp_path: Path) -> None:
    """Lamps drift; the shape of the response does not."""
    response = np.ones((8, 8))
    response[:, :4] = 0.8
    dark = combine_darks([frame(tmp_path / "d.fits", np.full((8, 8), 50))], tmp_path / "md.fits")
    paths = [
        frame(tmp_path / f"f{k}.fits", 50 + level * response)
        for k, level in enumerate((10000, 12000, 9000))
    ]
    flat = fits.getdata(combine_flats(paths, dark, tmp_path / "mf.fits"))
    assert flat[0, 0] / flat[0, 7] == pytest.approx(0.8, abs=1e-3)
    assert np.median(flat) == pytest.approx(1.0, abs=0.15)


def test_frames_that_do_not_match_are_refused_by_name(tmp_path: Path) -> None:
    """Another exposure time, or a lamp that was off, is no calibration."""
    first = frame(tmp_path / "a.fits", np.full((8, 8), 100))
    second = frame(tmp_path / "b.fits", np.full((8, 8), 100), EXPTIME=6.0)
    with pytest.raises(MasterError, match=r"b\.fits: EXPTIME"):
        combine_darks([first, second], tmp_path / "m.fits")
    with pytest.raises(MasterError, match="lamp was off"):
        combine_flats([frame(tmp_path / "c.fits", np.zeros((8, 8)))], None, tmp_path / "m.fits")
    assert not (tmp_path / "m.fits").exists()
