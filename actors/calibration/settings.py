"""Settings of the calibrations."""

from __future__ import annotations

import msgspec


class CalibrationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many calibration frames are taken at the end of a night."""

    darks_per_exposure: int = 3
    """Darks for each camera and exposure time used during the night."""
    flats_per_filter: int = 3
    """Dome flats for each camera and filter used during the night."""
    flat_exposure_s: float = 5.0
    """Exposure of a dome flat, seconds."""
    frame_margin_s: float = 90.0
    """Seconds beyond the exposure after which a frame that did not come is given up."""
    archive_wait_s: float = 60.0
    """Seconds to wait for the last frames to be on disk before masters are made."""
