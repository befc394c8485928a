"""Two archived frames with their previews, for tests that need no observatory."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from pyros.store.frames import FrameRecord
from tests.browser import staged_night

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.stage import Stage

PREVIEW = "preview.png"


async def archive(stage: Stage, data_dir: Path) -> None:
    """Put a preview into the data directory and two frames that use it into the index."""
    draw_preview(data_dir / PREVIEW)
    for camera in ("cam-vis", "cam-nir"):
        event = staged_night.frame(stage.services.clock.now(), camera, preview=PREVIEW)
        spooled = event.frame
        context = asdict(spooled.context)
        for name in ("observer", "image_index", "image_count", "plan_index"):
            del context[name]
        record = FrameRecord(
            exposure_id=spooled.exposure_id,
            unit=spooled.unit,
            camera=camera,
            kind=spooled.kind,
            start_utc=spooled.start_utc,
            exposure_s=spooled.exposure_s,
            aborted=False,
            path=event.path,
            bytes=event.bytes,
            sha256=spooled.sha256,
            preview_png=PREVIEW,
            stars=event.stars,
            fwhm_arcsec=event.fwhm_arcsec,
            background_adu=event.background_adu,
            archived_utc=spooled.end_utc,
            **context,
        )
        await stage.services.store.frames.put(record)


def draw_preview(path: Path, *, size: int = 256, seed: int = 3) -> None:
    """A field of stars on noise."""
    rng = np.random.default_rng(seed)
    field = rng.normal(38.0, 5.0, (size, size))
    y, x = np.mgrid[:size, :size]
    for _ in range(90):
        x0, y0 = rng.uniform(0, size, 2)
        near = (slice(max(0, int(y0) - 9), int(y0) + 9), slice(max(0, int(x0) - 9), int(x0) + 9))
        peak = 10 ** rng.uniform(1.2, 3.0)
        field[near] += peak * np.exp(-((y[near] - y0) ** 2 + (x[near] - x0) ** 2) / 5.0)
    Image.fromarray(np.clip(field, 0, 255).astype("uint8")).save(path)
