"""The address book of a system: which cell belongs to a path, whether an actor lives there or not.

pykka's registry is a global list that is searched from the front (trap T11); this is a dictionary
per system. An address that nobody holds and where nobody lives is forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from pyros.actor.cell import Cell
from pyros.actor.errors import BadSpecError

if TYPE_CHECKING:
    from pyros.actor.child_spec import ChildSpec
    from pyros.actor.system import ActorSystem


class AddressBook:
    """Paths to cells.

    Args:
        system: The system whose actors these are.
    """

    def __init__(self, system: ActorSystem) -> None:
        self._system = system
        self._lived_in: dict[str, Cell] = {}
        self._vacant: WeakValueDictionary[str, Cell] = WeakValueDictionary()
        self._incarnations: dict[str, int] = {}

    def cell(self, path: str) -> Cell:
        """The cell of a path, made if it is new.

        Raises:
            BadSpecError: When it is no absolute path.
        """
        cell = self._lived_in.get(path) or self._vacant.get(path)
        if cell is None:
            if not path.startswith("/") or (path != "/" and path.endswith("/")) or "//" in path:
                raise BadSpecError(f"{path!r} is no actor's path; write /parent/child")
            cell = self._vacant[path] = Cell(self._system, path)
        return cell

    def find(self, path: str) -> Cell | None:
        """The cell of a path where an actor lives; None elsewhere."""
        return self._lived_in.get(path)

    def move_in(self, path: str, spec: ChildSpec[Any], parent: Cell | None) -> Cell:
        """The cell of a path for a new actor."""
        cell = self.cell(path)
        cell.adopt(spec, parent)
        self._lived_in[path] = cell
        self._vacant.pop(path, None)
        return cell

    def move_out(self, cell: Cell) -> None:
        """The actor is gone for good: the address is free, but stays known to who holds it."""
        if self._lived_in.get(cell.path) is cell:
            del self._lived_in[cell.path]
            self._vacant[cell.path] = cell

    def next_incarnation(self, path: str) -> int:
        """The number of the incarnation that starts now at a path."""
        number = self._incarnations.get(path, 0) + 1
        self._incarnations[path] = number
        return number

    def everyone(self) -> list[Cell]:
        """The cells of all living actors."""
        return list(self._lived_in.values())
