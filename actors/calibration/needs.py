"""Pure rules of calibration: what a night's frames need, and in which order it is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.calibration.settings import CalibrationSettings


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class LightTaken:
    """What a light frame was taken with: its calibrations must match."""

    camera: str
    filter_name: str
    exposure_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationFrame:
    """One frame to take."""

    kind: Literal["dark", "flat"]
    camera: str
    filter_name: str
    exposure_s: float
    index: int
    count: int


def frames_needed(
    lights: Iterable[LightTaken], settings: CalibrationSettings
) -> tuple[CalibrationFrame, ...]:
    """Darks first (closed and dark), then flats filter by filter; sorted, so repeatable."""
    unique = sorted(set(lights))
    darks = sorted({(light.camera, light.exposure_s) for light in unique})
    flats = sorted({(light.camera, light.filter_name) for light in unique})
    flat_darks = sorted({camera for camera, _ in flats})
    return (
        *(
            frame
            for camera, exposure_s in darks
            for frame in _repeat("dark", camera, "dark", exposure_s, settings.darks_per_exposure)
        ),
        *(
            frame
            for camera in flat_darks
            for frame in _repeat(
                "dark", camera, "dark", settings.flat_exposure_s, settings.darks_per_exposure
            )
            if (camera, settings.flat_exposure_s) not in darks
        ),
        *(
            frame
            for camera, filter_name in flats
            for frame in _repeat(
                "flat", camera, filter_name, settings.flat_exposure_s, settings.flats_per_filter
            )
        ),
    )


def _repeat(
    kind: Literal["dark", "flat"], camera: str, filter_name: str, exposure_s: float, count: int
) -> tuple[CalibrationFrame, ...]:
    return tuple(
        CalibrationFrame(
            kind=kind,
            camera=camera,
            filter_name=filter_name,
            exposure_s=exposure_s,
            index=index,
            count=count,
        )
        for index in range(1, count + 1)
    )
