"""Passbands: how bright stars and sky are through a filter, and what the filter does to the focus.

AB magnitudes. Stars come as V and B-V; the colour terms of g and r are those of Jester et al. 2005
(AJ 130, 873, table 1), the redder ones follow the main sequence linearly, which is true enough for
a simulated field and nothing else.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Passband(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One filter as built into one telescope and camera."""

    name: str
    """As the wheel names it."""
    zero_point_mag: float
    """AB magnitude of a star above the atmosphere that gives one electron per second."""
    wavelength_nm: float
    """Effective wavelength, nm: seeing shrinks as its power -0.2."""
    extinction_mag: float
    """Clear-sky extinction per air mass."""
    colour_offset_mag: float = 0.0
    """AB magnitude minus V of a star with B-V = 0."""
    colour_slope: float = 0.0
    """Change of (AB magnitude minus V) per magnitude of B-V."""
    dark_sky_mag: float = 21.5
    """AB magnitude per square arcsecond of the moonless zenith."""
    scattered_mag: float = 0.0
    """AB minus V of scattered sun- and moonlight (twilight, Moon)."""
    thermal_e_s_arcsec2: float = 0.0
    """Electrons per second and square arcsecond from the warm telescope at 10 deg_C."""
    thickness_um: float = 0.0
    """Shift of the focus against no filter, micrometres of the focuser."""
    lamp_e_s_arcsec2: float = 800.0
    """Electrons per second and square arcsecond from the flat-field lamp's screen."""

    def magnitudes(self, v_mag: Floats, bv_mag: Floats) -> Floats:
        """AB magnitudes above the atmosphere of stars of V and B-V, shape (n,)."""
        return v_mag + self.colour_offset_mag + self.colour_slope * bv_mag

    def electrons_per_s(self, mag: Floats | float) -> Floats:
        """Electrons per second from AB magnitudes above the atmosphere."""
        return np.asarray(10.0 ** (-0.4 * (np.asarray(mag) - self.zero_point_mag)))


PASSBANDS: Final[dict[str, Passband]] = {
    band.name: band
    for band in (
        Passband(
            name="g", zero_point_mag=24.9, wavelength_nm=477.0, extinction_mag=0.18,
            colour_offset_mag=-0.12, colour_slope=0.60, dark_sky_mag=22.0, scattered_mag=-0.1,
            thickness_um=0.0,
        ),
        Passband(
            name="r", zero_point_mag=24.8, wavelength_nm=623.0, extinction_mag=0.10,
            colour_offset_mag=0.11, colour_slope=-0.42, dark_sky_mag=21.1, scattered_mag=0.0,
            thickness_um=20.0,
        ),
        Passband(
            name="i", zero_point_mag=24.4, wavelength_nm=762.0, extinction_mag=0.06,
            colour_offset_mag=0.31, colour_slope=-0.85, dark_sky_mag=20.2, scattered_mag=0.2,
            thickness_um=35.0,
        ),
        Passband(
            name="z", zero_point_mag=23.7, wavelength_nm=913.0, extinction_mag=0.05,
            colour_offset_mag=0.45, colour_slope=-1.10, dark_sky_mag=19.2, scattered_mag=0.4,
            thickness_um=55.0,
        ),
        Passband(
            name="J", zero_point_mag=23.5, wavelength_nm=1250.0, extinction_mag=0.08,
            colour_offset_mag=0.88, colour_slope=-1.75, dark_sky_mag=17.2, scattered_mag=1.0,
            thermal_e_s_arcsec2=2.0, thickness_um=0.0,
        ),
        Passband(
            name="H", zero_point_mag=23.3, wavelength_nm=1635.0, extinction_mag=0.06,
            colour_offset_mag=1.36, colour_slope=-2.20, dark_sky_mag=15.6, scattered_mag=1.5,
            thermal_e_s_arcsec2=60.0, thickness_um=30.0,
        ),
    )
}  # fmt: skip
"""The filters of the simulated 1.3 m telescope (area 1.2 m2, throughput 0.3 to 0.5)."""
