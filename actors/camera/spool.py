"""Frames in the spool: their sum, and finding one whose word was lost. Runs in a worker thread.

The file stays the producer's until the archive has it: nothing here writes, renames or deletes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolFile:
    """A file as it lies there."""

    path: str
    bytes: int
    sha256: str


def measure(path: str) -> SpoolFile | str:
    """Size and sum of a file, or why it cannot be read."""
    digest, size = hashlib.sha256(), 0
    try:
        with Path(path).open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        return f"spool file {path} cannot be read: {error.strerror}"
    return SpoolFile(path=path, bytes=size, sha256=digest.hexdigest())


def check(path: str, *, sha256: str, size: int) -> str:
    """What is wrong with a frame's file; empty when it is what its word says.

    Args:
        path: The file.
        sha256: Sum it must have, hexadecimal.
        size: Bytes it must have.
    """
    found = measure(path)
    if isinstance(found, str):
        return found
    if found.bytes != size:
        return f"spool file {path} has {found.bytes} bytes instead of {size}"
    if found.sha256 != sha256.lower():
        return f"spool file {path} has the sum {found.sha256[:12]}.. instead of {sha256[:12]}.."
    return ""


def find(spool: str, exposure_id: str) -> SpoolFile | None:
    """The complete frame of an exposure by its id in the name; None when there is none.

    A file still being written (`.tmp`) is no frame.
    """
    if not spool:
        return None
    names = sorted(
        path
        for path in Path(spool).glob(f"**/*{exposure_id}*")
        if path.is_file() and path.suffix in {".fits", ".fit", ".fz"}
    )
    for path in names:
        found = measure(str(path.resolve()))
        if isinstance(found, SpoolFile):
            return found
    return None
