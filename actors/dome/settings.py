"""What may be set about a dome: its size, its slit, how closely it follows the telescope."""

from __future__ import annotations

import msgspec

from actors.device.settings import DeviceSettings


class SlitGeometry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the telescope stands in the dome, and how wide the slit is."""

    radius_m: float = 3.0
    """Radius of the dome's sphere, metres."""

    slit_width_m: float = 1.8
    """Clear width of the slit, metres."""

    aperture_m: float = 0.6
    """Diameter of the beam, metres."""

    east_m: float = 0.0
    """How far east of the sphere's centre the axes cross, metres."""

    north_m: float = 0.0
    """How far north of the sphere's centre the axes cross, metres."""

    up_m: float = 0.0
    """How far above the sphere's centre the axes cross, metres."""

    def __post_init__(self) -> None:
        """Refuse telescopes that do not fit.

        Raises:
            ValueError: With the fields and their values.
        """
        if not 0 < self.aperture_m < self.slit_width_m < 2 * self.radius_m:
            raise ValueError(
                f"aperture_m = {self.aperture_m}, slit_width_m = {self.slit_width_m}, radius_m = "
                f"{self.radius_m}: need 0 < aperture < slit < 2 radius"
            )
        offset_m = (self.east_m**2 + self.north_m**2 + self.up_m**2) ** 0.5
        if offset_m >= self.radius_m:
            raise ValueError(f"the axes cross {offset_m:g} m off the centre, outside the dome")


class DomeSettings(DeviceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a dome."""

    geometry: SlitGeometry = SlitGeometry()
    """Sphere, slit and telescope."""

    turn_beyond_deg: float = 2.0
    """The dome turns when its slit is farther off in azimuth than this, degrees."""

    consent_s: float = 3.0
    """Wall seconds within which safety must consent to an opening; without answer it stays shut."""
