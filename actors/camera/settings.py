"""What may be set about a camera: its setpoint, its spool, its filter channel's habits."""

from __future__ import annotations

from actors.device.settings import DeviceSettings


class CameraSettings(DeviceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a camera."""

    blocking: bool = False
    """A lost camera is noted; observing goes on with those that are left."""

    setpoint_deg_C: float | None = None  # noqa: N815 - the unit is written so everywhere
    """Temperature it is cooled to whenever it comes up, degrees Celsius; left alone if not set."""

    readout_s: float = 60.0
    """Observatory seconds from the end of an exposure in which its frame must be in the spool."""

    spool: str = ""
    """Directory the camera's process writes frames to, searched when word of a frame is lost.
    Empty: a frame without word is lost."""

    read_s: float = 60.0
    """Seconds the check of one frame's sum may take."""

    max_exposure_s: float = 3600.0
    """Longest exposure that is accepted, seconds."""

    def __post_init__(self) -> None:
        """Refuse times that are not positive.

        Raises:
            ValueError: With the field, its value and what it must be.
        """
        DeviceSettings.__post_init__(self)
        for name in ("readout_s", "read_s", "max_exposure_s"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} = {value}: give a positive number of seconds")
