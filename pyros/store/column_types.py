"""Column types that mean the same on SQLite and PostgreSQL: instants in UTC, and JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import DateTime, Text
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    item = getattr(value, "item", None)
    if callable(item):  # numpy's scalars
        return item()
    raise TypeError(f"{value!r} ({type(value).__name__}) is no JSON value; give numbers or text")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain, order="sorted")


def canonical_json(value: object) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes, NaN becomes null.

    Dataclasses, mappings, enums, datetimes and numpy scalars are taken for what they hold.

    Raises:
        TypeError: When something in it is no JSON value.
    """
    return _ENCODER.encode(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant with microseconds; naive datetimes are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware UTC for PostgreSQL, the same digits without zone for SQLite."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError(f"time {value.isoformat()} has no zone; give an aware UTC datetime")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy passes it
    ) -> datetime | None:
        """Aware UTC again."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    """A JSON value kept as text with sorted keys."""

    impl = Text
    cache_ok = True

    def process_bind_param(
        self,
        value: Any,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy passes it
    ) -> str | None:
        """Canonical JSON text; None stays NULL."""
        return None if value is None else canonical_json(value).decode()

    def process_result_value(
        self,
        value: str | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy passes it
    ) -> Any:
        """Plain lists, dicts, numbers and text."""
        return None if value is None else msgspec.json.decode(value)
