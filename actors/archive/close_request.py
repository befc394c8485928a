"""Takes `_active` from the directory of a finished request. Blocks; runs in a worker thread."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from actors.archive import layout

if TYPE_CHECKING:
    from pathlib import Path


def close_directories(data_dir: Path, request_id: str) -> list[tuple[str, str]]:
    """Rename what is active of a request; (old, new) paths relative to the data directory.

    A finished directory that exists already (the request was opened again) takes in the rest.

    Raises:
        OSError: When it cannot be renamed now.
    """
    renamed: list[tuple[str, str]] = []
    for alert in (False, True):
        finished = layout.request_directory(request_id, alert=alert)
        under_way = layout.active(finished)
        source, target = data_dir / under_way, data_dir / finished
        if not source.is_dir():
            continue
        if target.exists():
            _merge(source, target)
        else:
            source.rename(target)
        renamed.append((str(under_way), str(finished)))
    return renamed


def _merge(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
    shutil.rmtree(source)
