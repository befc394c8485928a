"""Logging shared by all parts: one line per event, stamped with the observatory's time.

Thin on purpose: the standard library's logging, a formatter that puts observatory time and place
in front, and loggers bound to an actor's path. What matters is journalled; logs are for developers.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from datetime import datetime

ROOT = "pyros"


class BoundLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger that prefixes each text with where it comes from (an actor's path)."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Put the bound place in front of the text."""
        where = self.extra.get("where", "") if self.extra else ""
        return f"{where}: {msg}" if where else msg, kwargs


def bound_logger(where: str) -> BoundLogger:
    """A logger for one actor or part, named under `pyros` and prefixed with `where`."""
    return BoundLogger(logging.getLogger(ROOT), {"where": where})


class _Formatter(logging.Formatter):
    def __init__(self, now: Callable[[], datetime] | None) -> None:
        super().__init__("%(message)s")
        self._now = now

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        stamp = f"{self._now():%Y-%m-%dT%H:%M:%SZ} " if self._now is not None else ""
        return f"{stamp}{record.levelname:<7} {text}"


def configure_logging(
    *,
    level: int = logging.INFO,
    now: Callable[[], datetime] | None = None,
    stream: TextIO | None = None,
) -> None:
    """Send PyROS's log to a stream, stamped with the observatory's time.

    Args:
        level: Lowest level shown.
        now: Clock to stamp with; no stamp when None.
        stream: Where to write; standard error when None.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Formatter(now))
    root = logging.getLogger(ROOT)
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    root.propagate = False
