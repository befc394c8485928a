"""What the pages say of the observatory beside its place: given once by assembly."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.web_gateway.changes import Json


def about_observatory(
    *,
    site_id: str,
    units: Sequence[str],
    min_altitude_deg: float,
    weather_limits: Mapping[str, float],
    alert_kinds: Sequence[str],
    simulated: bool,
) -> dict[str, Json]:
    """The static part of the `site` cell.

    Args:
        site_id: Id of the site in topics.
        units: Ids of its telescopes.
        min_altitude_deg: Lowest altitude a telescope may point to, drawn on the sky plot.
        weather_limits: Value at which each quantity closes, by its name in the device table; drawn
            as a line in its trend.
        alert_kinds: Templates an operator may inject.
        simulated: Whether the devices are simulators.
    """
    return {
        "site_id": site_id,
        "units": list(units),
        "min_altitude_deg": min_altitude_deg,
        "limits": dict(weather_limits),
        "alert_kinds": list(alert_kinds),
        "simulated": simulated,
    }
