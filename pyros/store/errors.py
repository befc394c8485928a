"""The store's errors: each says in one line which file, what happened, and what to do about it."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import exc

from pyros.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator


class StoreUnavailableError(TransientError):
    """It cannot be reached or written now (disk full, locked, gone): retry with back-off."""


class StoreDamagedError(PermanentError):
    """The file is no database of ours, or it was made by a newer PyROS."""


class StoreConflictError(PermanentError):
    """The rows are not as the caller believed: existing already, missing, or moved on."""


_REMEDIES = (
    ("disk is full", "free space on its disk"),
    ("no space left", "free space on its disk"),
    ("readonly", "give this user write permission to the file and its directory"),
    ("read-only", "give this user write permission to the file and its directory"),
    ("unable to open", "create its directory and give this user permission to write there"),
    ("permission", "give this user permission to read and write there"),
    ("locked", "stop the other program that holds it open"),
)


def remedy_for(detail: str) -> str:
    """What an operator can do about an operational error, by the words of the driver."""
    lowered = detail.lower()
    for words, remedy in _REMEDIES:
        if words in lowered:
            return remedy
    return "check the disk and the permissions of its directory"


@contextmanager
def translated(where: str, action: str) -> Iterator[None]:
    """Turn what the drivers raise into the store's errors, one line each.

    Args:
        where: The database as people know it (its path, or its address without password).
        action: What was being done, e.g. `writing`.

    Raises:
        StoreConflictError: On violated constraints.
        StoreDamagedError: When the file is not a database.
        StoreUnavailableError: When it cannot be reached or written.
        TypeError: When a value does not fit its column (the caller's error, as it was raised).
    """
    try:
        yield
    except (exc.IntegrityError, sqlite3.IntegrityError) as error:
        detail = _first_line(error)
        raise StoreConflictError(f"{where}: {action}: {detail}") from error
    except (exc.OperationalError, sqlite3.OperationalError, OSError, exc.InterfaceError) as error:
        detail = _first_line(error)
        raise StoreUnavailableError(f"{where}: {action}: {detail}; {remedy_for(detail)}") from error
    except (exc.DatabaseError, sqlite3.DatabaseError) as error:
        raise StoreDamagedError(
            f"{where}: {action}: {_first_line(error)}; move the file away or restore a copy"
        ) from error
    except exc.StatementError as error:
        if isinstance(error.orig, TypeError | ValueError):
            raise error.orig from error
        raise


def _first_line(error: BaseException) -> str:
    cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig else error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]
