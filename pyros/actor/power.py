"""The power cut: every actor of a system lost at once, as by kill -9, in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyros.actor.loops.virtual import VirtualLoop

if TYPE_CHECKING:
    from pyros.actor.system import ActorSystem


def cut_power(system: ActorSystem) -> None:
    """Freeze all tasks of a system and forget its actors: nothing runs, nothing is told.

    Raises:
        RuntimeError: Outside virtual time, where tasks cannot be frozen.
    """
    loop = system.loop
    if not isinstance(loop, VirtualLoop):
        raise RuntimeError(  # noqa: TRY004 - the loop is right, its place is not
            "power_cut() needs the virtual loop; elsewhere kill the process"
        )
    loop.cut_power(system)
    system.deadlines.close()
    for cell in system.addresses.everyone():
        cell.lose_power()
        system.addresses.move_out(cell)
