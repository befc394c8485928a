"""The index of archived frames: where each lies, what it shows, and how good it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from pyros.store.schema import frame

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from pyros.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRecord:
    """One archived frame.

    Attributes:
        exposure_id: Id it was asked under; unique.
        night: Night label.
        unit: Telescope id.
        camera: Camera id.
        kind: light, dark, bias or flat.
        request_id: Request, None for calibrations.
        sequence_id: Sequence, None for calibrations.
        programme_id: Programme charged, None for calibrations.
        alert_id: Alert event, None for routine work.
        object_name: Target.
        filter_name: Filter in the beam.
        ra_deg: ICRS, None for calibrations.
        dec_deg: ICRS, None for calibrations.
        start_utc: Shutter open.
        exposure_s: Seconds open.
        aborted: Whether it was cut short.
        path: Path relative to the data directory.
        bytes: Size of the file.
        sha256: Sum of the archived file.
        preview_png: Path of the preview relative to the data directory.
        stars: Stars detected, None when not measured.
        fwhm_arcsec: Median width of stars, None when not measured.
        background_adu: Median of the frame.
        archived_utc: When it was complete on disk.
    """

    exposure_id: str
    night: str
    unit: str
    camera: str
    kind: str
    request_id: str | None
    sequence_id: str | None
    programme_id: str | None
    alert_id: str | None
    object_name: str
    filter_name: str
    ra_deg: float | None
    dec_deg: float | None
    start_utc: datetime
    exposure_s: float
    aborted: bool
    path: str
    bytes: int
    sha256: str
    preview_png: str
    stars: int | None
    fwhm_arcsec: float | None
    background_adu: float
    archived_utc: datetime


class FrameRows:
    """The frame index of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, record: FrameRecord) -> None:
        """Add a frame; one of the same exposure id is replaced (an archive that starts again)."""
        row = asdict(record)

        def work(connection: Connection) -> None:
            connection.execute(delete(frame).where(frame.c.exposure_id == record.exposure_id))
            connection.execute(insert(frame), row)

        await self._database.write(work)

    async def get(self, exposure_id: str) -> FrameRecord | None:
        """One frame by its exposure id."""
        found = await self._load(select(frame).where(frame.c.exposure_id == exposure_id))
        return found[0] if found else None

    async def of_night(self, night: str, *, kind: str | None = None) -> list[FrameRecord]:
        """Frames of a night in the order taken."""
        query = select(frame).where(frame.c.night == night)
        if kind is not None:
            query = query.where(frame.c.kind == kind)
        return await self._load(query.order_by(frame.c.start_utc, frame.c.frame_id))

    async def of_sequence(self, sequence_id: str) -> list[FrameRecord]:
        """Frames of a sequence in the order taken."""
        query = select(frame).where(frame.c.sequence_id == sequence_id)
        return await self._load(query.order_by(frame.c.start_utc, frame.c.frame_id))

    async def of_request(self, request_id: str) -> list[FrameRecord]:
        """Frames of a request in the order taken."""
        query = select(frame).where(frame.c.request_id == request_id)
        return await self._load(query.order_by(frame.c.start_utc, frame.c.frame_id))

    async def recent(self, *, limit: int = 50) -> list[FrameRecord]:
        """The newest frames, newest first."""
        return await self._load(select(frame).order_by(frame.c.frame_id.desc()).limit(limit))

    async def count(self, night: str | None = None) -> int:
        """How many frames there are, of one night or of all."""
        query = select(func.count()).select_from(frame)
        if night is not None:
            query = query.where(frame.c.night == night)
        return await self._database.read(lambda c: int(c.execute(query).scalar_one()))

    async def move_directory(self, old: str, new: str) -> int:
        """Rewrite the paths of frames below a directory that was renamed; how many there were."""

        def work(connection: Connection) -> int:
            prefix = old.rstrip("/") + "/"
            rows = connection.execute(
                select(frame.c.frame_id, frame.c.path).where(
                    frame.c.path.startswith(prefix, autoescape=True)
                )
            ).all()
            for frame_id, path in rows:
                connection.execute(
                    frame.update()
                    .where(frame.c.frame_id == frame_id)
                    .values(path=new.rstrip("/") + "/" + path[len(prefix) :])
                )
            return len(rows)

        return await self._database.write(work)

    async def _load(self, query: Select[tuple[object, ...]]) -> list[FrameRecord]:
        def work(connection: Connection) -> list[FrameRecord]:
            rows = connection.execute(query).mappings()
            return [
                FrameRecord(**{name: value for name, value in row.items() if name != "frame_id"})
                for row in rows
            ]

        return await self._database.read(work)
