"""What the scheduler tells itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyros.actor import Message

if TYPE_CHECKING:
    from pyros.scheduling.worker import SearchAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Message):
    """Make the plan that the triggers gathered since asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search(Message):
    """Try to better the plan in force, in the background."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched(Message):
    """A background search has an answer."""

    night: str
    answer: SearchAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick(Message):
    """See which sequences are PENDING now, and whether the plan lags behind."""
