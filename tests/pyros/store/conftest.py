"""Stores on real SQLite files and in memory, and a few things to put into them."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from pyros.domain.request import Request, RequestKind
from pyros.domain.sequence import Album, Plan, Sequence
from pyros.domain.target import Target
from pyros.store import JournalLine, Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

NIGHT = "2026-11-23"
START_UTC = datetime(2026, 11, 23, 18, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture(scope="session")
def empty_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of an empty store, migrated once for all tests."""
    directory = tmp_path_factory.mktemp("empty")

    async def make() -> None:
        async with Store(directory):
            pass

    asyncio.run(make())
    return directory


@pytest.fixture(params=["file", "memory"])
def data_dir(request: pytest.FixtureRequest, tmp_path: Path, empty_files: Path) -> Path | None:
    """Where the store keeps its files; None for memory."""
    if request.param == "memory":
        return None
    return Path(shutil.copytree(empty_files, tmp_path / "data"))


@pytest_asyncio.fixture
async def store(data_dir: Path | None) -> AsyncIterator[Store]:
    """An open, empty store."""
    async with Store(data_dir) as opened:
        yield opened


@pytest_asyncio.fixture
async def file_store(tmp_path: Path, empty_files: Path) -> AsyncIterator[Store]:
    """An open, empty store in files."""
    shutil.copytree(empty_files, tmp_path / "data")
    async with Store(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def at() -> Callable[[float], datetime]:
    """Instants by seconds after the start of the night."""
    return lambda seconds: START_UTC + timedelta(seconds=seconds)


@pytest.fixture
def line() -> Callable[..., JournalLine]:
    """Journal lines that differ in what a test names."""

    def make(text: str = "opened", **changes: object) -> JournalLine:
        fields: dict[str, object] = {
            "kind": "transition",
            "subject": "/devices/tel1/dome",
            "text": text,
            "time_utc": START_UTC,
            "data": {},
        }
        return JournalLine(**(fields | changes))  # type: ignore[arg-type]  # checked by the test

    return make


@pytest.fixture
def request_of() -> Callable[..., Request]:
    """Requests with as many sequences as asked."""

    def make(request_id: str = "agn-1", *, sequences: int = 2, programme: str = "agn") -> Request:
        return Request(
            request_id=request_id,
            programme_id=programme,
            kind=RequestKind.ROUTINE,
            name=request_id.upper(),
            sequences=tuple(
                Sequence(
                    sequence_id=f"{request_id}-s{number}",
                    request_id=request_id,
                    programme_id=programme,
                    name=f"field {number}",
                    target=Target(name="NGC 7469", ra_deg=345.8151, dec_deg=8.874),
                    albums=(
                        Album(
                            channel="cam-vis",
                            plans=(
                                Plan(filter_name="g", exposure_s=90.0, count=2),
                                Plan(filter_name="r", exposure_s=60.0, count=3, dither_arcsec=5.0),
                            ),
                        ),
                        Album(
                            channel="cam-nir",
                            plans=(Plan(filter_name="J", exposure_s=120.0, count=1),),
                        ),
                    ),
                )
                for number in range(1, sequences + 1)
            ),
        )

    return make
