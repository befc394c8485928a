"""The three loops: real time, dilated time (x N, for demonstrations), virtual time (jumps if idle).

Every loop has `.speed` (loop seconds per wall second) and `.clock()`, which builds the
observatory's clock for it. `run_real`, `run_dilated` and `run_virtual` run a main coroutine to its
end on a new
loop.
"""

from pyros.actor.loops.dilated import DilatedLoop, run_dilated
from pyros.actor.loops.real import RealLoop, clock_for, run_real, speed_of
from pyros.actor.loops.virtual import (
    VirtualDeadlockError,
    VirtualLoop,
    hold,
    run_virtual,
    virtual_time,
)

__all__ = [
    "DilatedLoop",
    "RealLoop",
    "VirtualDeadlockError",
    "VirtualLoop",
    "clock_for",
    "hold",
    "run_dilated",
    "run_real",
    "run_virtual",
    "speed_of",
    "virtual_time",
]
