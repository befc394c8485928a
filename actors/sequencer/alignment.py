"""Pure check that light can reach the detector: dome open, slit before the telescope, on target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.device.readings import good_flag, good_text
from actors.dome.slit import sees_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.dome.settings import DomeSettings
    from pyros.domain.device import Reading


def light_blocked(
    dome: Mapping[str, Reading], telescope: Mapping[str, Reading], settings: DomeSettings
) -> str | None:
    """Why no light would fall on the detector now, or None when the way is free.

    Args:
        dome: Readings of the dome.
        telescope: Readings of the telescope.
        settings: Geometry of dome and slit.
    """
    shutter = good_text(dome, "shutter")
    if shutter != "open":
        return f"the dome is {shutter or 'in an unknown state'}"
    cover = good_text(telescope, "cover")
    if cover != "open":
        return f"the mirror cover is {cover or 'in an unknown state'}"
    if good_flag(telescope, "slewing") is not False:
        return "the telescope is slewing, or does not say"
    looks_out = sees_out(dome, telescope, settings)
    if looks_out is None:
        return "slit or telescope azimuth is unknown"
    return None if looks_out else "the telescope does not look through the slit yet"
