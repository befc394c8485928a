"""Weather trends: one point per station and step, kept in rings for the plots."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.web_gateway.changes import Json

QUANTITIES = (
    "temperature_deg_C",
    "humidity_pct",
    "dew_point_deg_C",
    "pressure_hPa",
    "wind_m_s",
    "gust_m_s",
    "wind_from_deg",
    "rain",
    "cloud_fraction",
    "sky_temperature_deg_C",
    "seeing_arcsec",
)
"""What is drawn as a trend, in the order of the columns (names of the device table)."""
NAN = float("nan")


class TrendRing:
    """The newest points of every station: columns of numbers, NaN where there was no good value.

    Args:
        length: Points kept per station.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._times = array("d")
        self._columns: dict[str, dict[str, array[float]]] = {}

    def __len__(self) -> int:
        """Points kept."""
        return len(self._times)

    @property
    def stations(self) -> list[str]:
        """Stations heard of, in order of appearance."""
        return list(self._columns)

    def add(self, unix_s: float, values: dict[str, dict[str, float]]) -> None:
        """Add one point.

        Args:
            unix_s: Its time.
            values: Per station, per quantity; what is missing is NaN.
        """
        for station in values:
            if station not in self._columns:
                blank = array("d", [NAN]) * len(self._times)
                self._columns[station] = {name: array("d", blank) for name in QUANTITIES}
        self._times.append(unix_s)
        for station, columns in self._columns.items():
            given = values.get(station, {})
            for name, column in columns.items():
                column.append(given.get(name, NAN))
        if len(self._times) > self._length + self._length // 8:
            self._trim()

    def _trim(self) -> None:
        """Forget the oldest; not at every point, since that moves all the others."""
        extra = len(self._times) - self._length
        del self._times[:extra]
        for columns in self._columns.values():
            for column in columns.values():
                del column[:extra]

    def table(self, *, since_unix_s: float, points: int, quantities: Iterable[str]) -> Json:
        """The trends as columns: every n-th point, so that no more than `points` are told.

        Gusts, rain and wind keep the worst of what is skipped, the others the latest.

        Args:
            since_unix_s: Nothing older than this.
            points: Most points per column, at least 2.
            quantities: Which of `QUANTITIES`.
        """
        first = next((i for i, t in enumerate(self._times) if t >= since_unix_s), len(self._times))
        count = len(self._times) - first
        step = max(1, -(-count // points))
        ends = list(range(first + step, len(self._times) + 1, step))
        if count % step:
            ends.append(len(self._times))
        starts = [first, *ends[:-1]]
        spans = list(zip(starts, ends, strict=False))
        chosen = [name for name in QUANTITIES if name in set(quantities)]
        return {
            "time_unix_s": [self._times[end - 1] for end in ends],
            "stations": {
                station: {
                    name: [_told(name, columns[name][start:end]) for start, end in spans]
                    for name in chosen
                }
                for station, columns in self._columns.items()
            },
        }


_WORST = frozenset({"gust_m_s", "wind_m_s", "rain", "humidity_pct", "cloud_fraction"})


def _told(name: str, span: array[float]) -> float | None:
    """One number for a span of points; None when there is no good one."""
    good = [value for value in span if value == value]  # noqa: PLR0124 - NaN differs from itself
    if not good:
        return None
    return round(max(good) if name in _WORST else good[-1], 4)


def sample(stations: dict[str, Json]) -> dict[str, dict[str, float]]:
    """The good values of the station cells, as `TrendRing.add` takes them."""
    return {name: _good_values(cell) for name, cell in stations.items()}


def _good_values(cell: Json) -> dict[str, float]:
    found = cell.get("readings") if isinstance(cell, dict) else None
    values: dict[str, float] = {}
    for name, reading in found.items() if isinstance(found, dict) else ():
        if name not in QUANTITIES or not isinstance(reading, dict) or reading.get("q") != "good":
            continue
        value = reading.get("v")
        if isinstance(value, bool | int | float):
            values[name] = float(value)
    return values
