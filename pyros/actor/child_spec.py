"""Specifications: what a supervisor needs to know of a child, and a supervisor of itself.

They are values: checked when written, kept by the supervisor, used again for each incarnation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from pyros.actor.backoff import Backoff
from pyros.actor.errors import BadSpecError
from pyros.actor.mailbox import DEFAULT_LANES, LaneSpec, lanes_with

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyros.actor.message import Lane
    from pyros.actor.supervisor import Supervisor

A_co = TypeVar("A_co", covariant=True)


class Restart(Enum):
    """When a child is restarted (rule S2)."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"


class Strategy(Enum):
    """Which children are restarted when one fails (rule S1)."""

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"


class Directive(Enum):
    """What a decider makes of an exception (rule S5)."""

    RESTART = "restart"
    RESUME = "resume"
    STOP = "stop"
    ESCALATE = "escalate"


PERMANENT: Final = Restart.PERMANENT
TRANSIENT: Final = Restart.TRANSIENT
TEMPORARY: Final = Restart.TEMPORARY
ONE_FOR_ONE: Final = Strategy.ONE_FOR_ONE
ONE_FOR_ALL: Final = Strategy.ONE_FOR_ALL
REST_FOR_ONE: Final = Strategy.REST_FOR_ONE


def restart_always(_error: BaseException) -> Directive:
    """The default decider: every crash leads to a restart (within the budget)."""
    return Directive.RESTART


@dataclass(frozen=True, kw_only=True)
class Supervision:
    """How an actor supervises its children (rules S1-S5, S8).

    Attributes:
        strategy: Which children are restarted when one fails.
        max_restarts: Restarts allowed within the window, all children together.
        window_s: The window, seconds.
        backoff: Delays before restarts.
        decider: What to make of an exception.
        auto_shutdown: Whether it shuts down when any or all significant children have ended.
    """

    strategy: Strategy = Strategy.ONE_FOR_ONE
    max_restarts: int = 3
    window_s: float = 60.0
    backoff: Backoff = field(default_factory=Backoff)
    decider: Callable[[BaseException], Directive] = restart_always
    auto_shutdown: Literal["never", "any", "all"] = "never"

    def __post_init__(self) -> None:
        """Refuse budgets that cannot be spent."""
        if self.max_restarts < 0 or not self.window_s > 0:
            raise BadSpecError(
                f"restart budget {self.max_restarts} in {self.window_s} s: need max_restarts >= 0 "
                "and window_s > 0"
            )
        if not isinstance(self.strategy, Strategy):
            raise BadSpecError(f"strategy {self.strategy!r} is not a Strategy")
        if self.auto_shutdown not in ("never", "any", "all"):
            raise BadSpecError(f"auto_shutdown {self.auto_shutdown!r}: use never, any or all")


@dataclass(frozen=True, kw_only=True)
class ChildSpec(Generic[A_co]):
    """What a supervisor needs to start a child again and again.

    Attributes:
        name: Last part of its path; unique among its siblings, without a slash.
        factory: Makes a fresh instance for each incarnation.
        restart: When it is restarted (rule S2).
        start: `await` for `on_start` and fail with it, or retry in the `background` (rule L2).
        stop_timeout_s: Seconds it may take to stop before it is cancelled; 0 kills (rule S6).
        significant: Whether its end counts for the supervisor's `auto_shutdown` (rule S8).
        lanes: Bounds of lanes that differ from the default (rules M2, M3).
        on_crash: Whether queued messages are kept over a restart or dropped (rule L5).
        backoff: Its own delays; the supervisor's when None.
    """

    name: str
    factory: Callable[[], A_co]
    restart: Restart = Restart.PERMANENT
    start: Literal["await", "background"] = "await"
    stop_timeout_s: float = 5.0
    significant: bool = False
    lanes: Mapping[Lane, LaneSpec] = field(default_factory=dict)
    on_crash: Literal["keep", "drop"] = "keep"
    backoff: Backoff | None = None

    def __post_init__(self) -> None:
        """Refuse what would only fail at night."""
        where = f"child {self.name!r}"
        if not self.name or "/" in self.name or self.name != self.name.strip():
            raise BadSpecError(f"{where}: a name is one part of a path, not empty and without '/'")
        if not callable(self.factory):
            raise BadSpecError(
                f"{where}: factory {self.factory!r} is not callable; give the class or a function "
                "that makes a new instance"
            )
        if not isinstance(self.restart, Restart):
            raise BadSpecError(f"{where}: restart {self.restart!r} is not a Restart")
        if self.start not in ("await", "background"):
            raise BadSpecError(f"{where}: start {self.start!r}: use 'await' or 'background'")
        if self.on_crash not in ("keep", "drop"):
            raise BadSpecError(f"{where}: on_crash {self.on_crash!r}: use 'keep' or 'drop'")
        if not self.stop_timeout_s >= 0:
            raise BadSpecError(f"{where}: stop_timeout_s {self.stop_timeout_s} must be at least 0")
        if self.significant and self.restart is Restart.PERMANENT:
            raise BadSpecError(f"{where}: a permanent child cannot be significant (rule S8)")
        lanes_with(self.lanes)

    def lane_specs(self) -> tuple[LaneSpec, ...]:
        """The four lane bounds of its mailbox."""
        return lanes_with(self.lanes) if self.lanes else DEFAULT_LANES


def _supervisor() -> Supervisor:
    from pyros.actor.supervisor import Supervisor  # noqa: PLC0415 - specs come before actors

    return Supervisor()


@dataclass(frozen=True, kw_only=True)
class SupervisorSpec(ChildSpec["Supervisor"]):
    """A child that only supervises its own children, started in order and stopped in reverse.

    Attributes:
        children: Specifications of its static children.
        strategy, max_restarts, window_s, backoff_policy, decider, auto_shutdown: See `Supervision`.
    """

    factory: Callable[[], Supervisor] = _supervisor
    children: tuple[ChildSpec[Any], ...] = ()
    stop_timeout_s: float = math.inf
    strategy: Strategy = Strategy.ONE_FOR_ONE
    max_restarts: int = 3
    window_s: float = 60.0
    backoff: Backoff | None = field(default_factory=Backoff)
    decider: Callable[[BaseException], Directive] = restart_always
    auto_shutdown: Literal["never", "any", "all"] = "never"

    def __post_init__(self) -> None:
        """Refuse wrong values here, and names used twice."""
        super().__post_init__()
        self.supervision()
        names: set[str] = set()
        for child in self.children:
            if not isinstance(child, ChildSpec):
                raise BadSpecError(f"supervisor {self.name!r}: child {child!r} is not a ChildSpec")
            if child.name in names:
                raise BadSpecError(f"supervisor {self.name!r}: two children named {child.name!r}")
            if child.significant and self.auto_shutdown == "never":
                raise BadSpecError(
                    f"supervisor {self.name!r}: child {child.name!r} is significant, but "
                    "auto_shutdown is 'never'; set it to 'any' or 'all'"
                )
            names.add(child.name)

    def supervision(self) -> Supervision:
        """How it supervises."""
        return Supervision(
            strategy=self.strategy,
            max_restarts=self.max_restarts,
            window_s=self.window_s,
            backoff=self.backoff or Backoff(),
            decider=self.decider,
            auto_shutdown=self.auto_shutdown,
        )
