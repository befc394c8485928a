"""Where the focus is: through which filter, at which temperature. Pure.

A filter is a plane plate in a converging beam and moves the focus away by t (1 - 1/n), its
equivalent thickness here; on a change of filter the focuser follows by the difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.focuser.settings import FocuserSettings


def best_position_um(
    filter_name: str, *, temperature_deg_c: float | None, settings: FocuserSettings
) -> float:
    """Position of best focus, um, kept within the focuser's range.

    Args:
        filter_name: Filter in the beam; one without an entry counts as no glass.
        temperature_deg_c: Temperature of the tube; None (unknown) leaves compensation out.
        settings: Best focus, thicknesses, compensation, range.
    """
    thickness = settings.equivalent_thickness_um
    position_um = settings.best_um
    position_um += thickness.get(filter_name, 0.0)
    position_um -= thickness.get(settings.reference_filter, 0.0)
    compensation = settings.temperature
    if compensation is not None and temperature_deg_c is not None:
        warmer_deg_c = temperature_deg_c - compensation.reference_deg_C
        position_um += compensation.slope_um_per_deg_C * warmer_deg_c
    return min(settings.max_um, max(settings.min_um, position_um))
