"""An archive on real directories and a real store, and a camera that leaves frames in its spool."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import pytest_asyncio
from astropy.io import fits

from actors.archive.actor import ArchiveActor
from actors.archive.frame_job import Archive
from actors.archive.messages import FrameArchived, SequenceDirectoryClosed
from actors.archive.settings import ArchiveSettings, DetectorSettings, OpticsSettings
from actors.camera.messages import ExposureContext, ExposureStarted, FrameKind, FrameSpooled
from actors.device.messages import DeviceStatus
from actors.journal.messages import JournalEntry
from pyros.actor import Actor, ActorRef, ActorSystem, ChildSpec, Message
from pyros.domain.device import DeviceKind, DeviceState, Reading
from pyros.sky import Site
from pyros.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

SITE = Site(latitude_deg=43.93, longitude_deg=5.71, height_m=650.0, name="demo")
START_UTC = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def starry(shape: tuple[int, int] = (96, 128), *, fwhm_px: float = 3.0) -> np.ndarray:
    """A sky of 500 counts with noise and five round stars."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[: shape[0], : shape[1]]
    sky = np.full(shape, 500.0)
    for row, column in ((20, 20), (30, 90), (60, 50), (70, 110), (45, 30)):
        distance2 = (y - row) ** 2 + (x - column) ** 2
        sky += 8000.0 * np.exp(-2.772588722 * distance2 / fwhm_px**2)
    return rng.poisson(sky).astype(np.uint16)


@dataclass
class Camera:
    """Leaves frames in a spool as a camera's process does, with what is announced of them."""

    spool: Path
    count: int = 0
    announced: list[FrameSpooled] = field(default_factory=list)

    def context(self, **changes: Any) -> ExposureContext:
        """What an exposure of a routine sequence is for."""
        fields = {
            "night": "2026-11-23",
            "request_id": "agn-1",
            "sequence_id": "agn-1-s1",
            "programme_id": "agn",
            "observer": "Ana",
            "object_name": "NGC 7469",
            "ra_deg": 345.8151,
            "dec_deg": 8.874,
            "filter_name": "g",
            "image_index": self.count,
            "image_count": 6,
        }
        return ExposureContext(**(fields | changes))

    def expose(
        self,
        *,
        kind: FrameKind = "light",
        exposure_s: float = 30.0,
        pixels: np.ndarray | None = None,
        name: str | None = None,
        cards: dict[str, Any] | None = None,
        **context: Any,
    ) -> FrameSpooled:
        """Write a frame into the spool; what its camera actor would publish."""
        self.count += 1
        exposure_id = f"tel1-cam-vis-b1-{self.count}"
        start = START_UTC + timedelta(seconds=60.0 * self.count)
        file = io.BytesIO()
        header = fits.Header({"GAIN": 1.5, "EXPTIME": exposure_s} | (cards or {}))
        fits.PrimaryHDU(starry() if pixels is None else pixels, header).writeto(file)
        self.spool.mkdir(parents=True, exist_ok=True)
        path = self.spool / (name or f"{exposure_id}.fits")
        path.write_bytes(file.getvalue())
        frame = FrameSpooled(
            unit="tel1",
            camera="cam-vis",
            exposure_id=exposure_id,
            path=str(path),
            sha256=hashlib.sha256(file.getvalue()).hexdigest(),
            kind=kind,
            start_utc=start,
            end_utc=start + timedelta(seconds=exposure_s),
            exposure_s=exposure_s,
            aborted=False,
            context=self.context(**context),
        )
        self.announced.append(frame)
        return frame

    @staticmethod
    def started(frame: FrameSpooled) -> ExposureStarted:
        """What was published when the frame's shutter opened."""
        return ExposureStarted(
            unit=frame.unit,
            camera=frame.camera,
            exposure_id=frame.exposure_id,
            exposure_s=frame.exposure_s,
            start_utc=frame.start_utc,
            context=frame.context,
        )

    @staticmethod
    def status(
        kind: DeviceKind, device: str, *, unit: str = "tel1", **values: float
    ) -> DeviceStatus:
        """A device's status with good readings."""
        return DeviceStatus(
            unit=unit,
            device=device,
            kind=kind,
            state=DeviceState.READY,
            reason="",
            since_utc=START_UTC,
            readings={
                name: Reading(value=value, unit="", time_utc=START_UTC)
                for name, value in values.items()
            },
            blocking=False,
            simulated=True,
            running_command=None,
            time_utc=START_UTC,
        )


class Witness(Actor):
    """Keeps what the archive says."""

    def __init__(self, heard: list[Message]) -> None:
        super().__init__()
        self._heard = heard

    async def on_start(self) -> None:
        self.subscribe(FrameArchived, SequenceDirectoryClosed, JournalEntry)

    async def on_receive(self, message: Message) -> Any:
        self._heard.append(message)


@pytest.fixture
def camera(tmp_path: Path) -> Camera:
    """A camera with an empty spool."""
    return Camera(tmp_path / "spool")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The data directory."""
    return tmp_path / "data"


@pytest.fixture
def archive_of(data_dir: Path) -> Callable[..., Archive]:
    """The archive's constants with the settings that a test names."""

    def make(**settings: Any) -> Archive:
        return Archive(
            data_dir=data_dir,
            site=SITE,
            settings=ArchiveSettings(
                **{
                    "durable": False,
                    "telescopes": {
                        "tel1": OpticsSettings(
                            name="Demo 1.3 m",
                            aperture_mm=1300.0,
                            focal_length_mm=8124.0,
                            cameras={
                                "cam-vis": DetectorSettings(
                                    detector="demo 128x96",
                                    pixel_scale_arcsec=0.76,
                                    gain_e_adu=99.0,
                                    saturation_adu=60_000.0,
                                )
                            },
                        )
                    },
                }
                | settings
            ),
            software="PyROS test",
        )

    return make


@pytest_asyncio.fixture
async def store(data_dir: Path) -> AsyncIterator[Store]:
    """An open store."""
    async with Store(data_dir) as opened:
        yield opened


@pytest_asyncio.fixture
async def heard(system: ActorSystem) -> list[Message]:
    """Everything that was published about frames."""
    messages: list[Message] = []
    await system.spawn(ChildSpec(name="witness", factory=lambda: Witness(messages)))
    return messages


@pytest.fixture
def archive(
    system: ActorSystem, store: Store, camera: Camera, archive_of: Callable[..., Archive]
) -> Callable[..., Any]:
    """Spawns the archive with the settings that a test names."""

    async def spawn(name: str = "archive", **settings: Any) -> ActorRef[ArchiveActor]:
        constants = archive_of(**settings)
        return await system.spawn(
            ChildSpec(
                name=name,
                factory=lambda: ArchiveActor(
                    archive=constants, spool_dir=camera.spool, store=store
                ),
            )
        )

    return spawn


@pytest.fixture(name="starry")
def _starry() -> Callable[..., np.ndarray]:
    """Pictures of five stars."""
    return starry
