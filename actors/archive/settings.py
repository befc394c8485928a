"""Settings of the archive: what the instruments are, and how frames are kept."""

from __future__ import annotations

import msgspec


class DetectorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a header says of a camera; what the camera writes itself comes before it."""

    detector: str = ""
    """Name of the chip."""
    pixel_um: float | None = None
    """Size of an unbinned pixel, micrometres."""
    pixel_scale_arcsec: float | None = None
    """Sky per unbinned pixel, arcseconds; without it frames have no world coordinates."""
    position_angle_deg: float = 0.0
    """Of the detector's y axis, from north through east, degrees."""
    mirrored: bool = False
    """East to the right at position angle 0 (an odd number of mirrors)."""
    gain_e_adu: float | None = None
    """Electrons per count."""
    read_noise_e: float | None = None
    """Electrons, RMS."""
    saturation_adu: float | None = None
    """Counts above which the detector is not linear."""


class OpticsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a header says of a telescope."""

    name: str
    """TELESCOP."""
    aperture_mm: float | None = None
    """Diameter of the mirror, millimetres."""
    focal_length_mm: float | None = None
    """Effective focal length, millimetres."""
    cameras: dict[str, DetectorSettings] = {}
    """By camera id."""


class ArchiveSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How frames are archived."""

    origin: str = "PyROS"
    """ORIGIN: the organisation that runs the observatory."""
    telescopes: dict[str, OpticsSettings] = {}
    """By telescope id (unit)."""
    preview_px: int = 512
    """Longest side of a preview, pixels."""
    durable: bool = True
    """Wait until a frame is on the disk before its spool file goes; false for simulated nights."""
    retry_s: tuple[float, ...] = (5.0, 15.0, 60.0)
    """Wall seconds before the next try when a frame cannot be written; the last one repeats."""
    scan_s: float = 600.0
    """Observatory seconds between searches of the spool for frames that nobody announced."""
    deadline_s: float = 120.0
    """Wall seconds that one frame may take."""
