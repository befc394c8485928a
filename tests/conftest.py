"""What every test leaves as it found it: the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from pyros.log import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def log_left_as_found() -> Iterator[None]:
    """Undo what a command run in this process did to the log; it would hide others' lines."""
    root = logging.getLogger(ROOT)
    handlers, level, propagate = list(root.handlers), root.level, root.propagate
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    root.propagate = propagate
