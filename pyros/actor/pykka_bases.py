"""pykka's classes as bases of ours, with the one thing hidden from type checkers that cannot hold.

Ours *are* pykka's actors, references and proxies at run time. But pykka declares the hooks as plain
functions (`def on_start(self) -> None`) and `ask` as blocking; ours are awaited, and a checker
would report that in every subclass anyone writes. So checkers see plain bases here, and the run
time sees
pykka's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pykka

A = TypeVar("A")
"""The actor class of a reference: ours, or a plain `pykka.ThreadingActor`."""

if TYPE_CHECKING:

    class PykkaActor:
        """`pykka.Actor`, without its blocking signatures."""

        def _handle_receive(self, message: Any) -> Any: ...

    class PykkaRef(Generic[A]):
        """`pykka.ActorRef`, without its blocking signatures."""

    class PykkaProxy(Generic[A]):
        """`pykka.ActorProxy`, without its blocking setter."""
else:
    PykkaActor = pykka.Actor
    PykkaRef = pykka.ActorRef
    PykkaProxy = pykka.ActorProxy
