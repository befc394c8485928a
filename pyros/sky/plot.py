"""Draws a night: altitudes of targets, Moon and Sun, twilights, windows (matplotlib, optional)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyros.clock import datetime_from_unix
from pyros.errors import PermanentError
from pyros.sky.bodies import track

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyros.sky.grid import Span
    from pyros.sky.targets import FixedTarget
    from pyros.sky.twilight import Night

_SHADES = ((-0.8333, "#dfe7f1"), (-6.0, "#b9c7dc"), (-12.0, "#8397b9"), (-18.0, "#4a5f87"))
_LABELLED = 12


def draw_night(
    night: Night,
    targets: Sequence[tuple[str, FixedTarget, Sequence[Span]]],
    path: Path,
    *,
    title: str = "",
) -> None:
    """Draw a night into a PNG file.

    Args:
        night: Which night.
        targets: Name, target, and the spans to be drawn thick (windows, or a plan's exposures).
        path: Where to write.
        title: Above the picture; site and night when empty.

    Raises:
        PermanentError: When matplotlib is missing or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - optional
        from matplotlib.dates import DateFormatter  # noqa: PLC0415 - optional
        from matplotlib.figure import Figure  # noqa: PLC0415 - optional
    except ImportError as error:
        raise PermanentError(
            "--plot needs matplotlib; pip install pyros-observatory[plot]"
        ) from error
    times = np.linspace(night.start_unix_s, night.end_unix_s, 481)
    dates = [datetime_from_unix(float(t)) for t in times]
    time_of_day: Any = DateFormatter("%H:%M")  # type: ignore[no-untyped-call]  # matplotlib's stubs
    figure: Any = Figure(figsize=(11, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for limit, colour in _SHADES:
        for start, end in night.sun_spans(limit):
            axes.axvspan(datetime_from_unix(start), datetime_from_unix(end), color=colour, lw=0)
    moon = track(night.engine, "moon", times).altitude_deg
    label = f"Moon ({night.moon_illumination:.0%})"
    axes.plot(dates, moon, color="#f2d06b", ls="--", lw=1.5, label=label)
    axes.plot(dates, track(night.engine, "sun", times).altitude_deg, color="#d97706", lw=1)
    for name, target, spans in targets:
        altitude = night.engine.altaz(target.ra_deg, target.dec_deg, times)[0][:, 0]
        line = axes.plot(dates, altitude, lw=0.6, alpha=0.6)[0]
        shown = name if len(targets) <= _LABELLED else None
        for start, end in spans:
            inside = np.linspace(start, end, 30)
            height = night.engine.altaz(target.ra_deg, target.dec_deg, inside)[0][:, 0]
            when = [datetime_from_unix(float(t)) for t in inside]
            axes.plot(when, height, lw=3, color=line.get_color(), label=shown)
            shown = None
    axes.set(ylim=(0, 90), ylabel="altitude, degrees", xlabel="UTC")
    axes.set_title(title or f"{night.site.name or 'site'}, night {night.label}")
    visible = [t for t in (night.sunset, night.sunrise) if t is not None]
    if len(visible) == 2:
        margin = 1800.0
        axes.set_xlim(
            datetime_from_unix(visible[0] - margin), datetime_from_unix(visible[1] + margin)
        )
    axes.xaxis.set_major_formatter(time_of_day)
    axes.legend(loc="upper right", fontsize=8)
    try:
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise PermanentError(f"{path}: the picture cannot be written ({error.strerror})") from error
