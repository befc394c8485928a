"""Proxies: an actor's methods and attributes as awaitables, pykka's way.

pykka's proxy keeps the instance alive and inspects it again for each unknown name (traps T8, T10);
this one resolves through the reference, so it works over restarts, and inspects the class once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Concatenate, Generic, NoReturn, ParamSpec, TypeVar, cast

import pykka
from pykka import messages as pykka_messages

from pyros.actor.errors import BadActorError, DeadActorError
from pyros.actor.pykka_bases import A, PykkaProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pykka.typing import Method

    from pyros.actor.ref import ActorRef


P = ParamSpec("P")
T = TypeVar("T")


class Proxy(PykkaProxy[A], Generic[A]):
    """A proxy for the actor behind a reference.

    Calling a method sends at once and returns a future to await; reading an attribute too.

    Args:
        actor_ref: The reference.
        attr_path: Names from the actor to the traversable object it stands for.
    """

    actor_ref: ActorRef[A]
    _attr_path: tuple[str, ...]
    _members: dict[str, Any]

    def __init__(self, actor_ref: ActorRef[A], attr_path: tuple[str, ...] = ()) -> None:
        object.__setattr__(self, "actor_ref", actor_ref)
        object.__setattr__(self, "_attr_path", attr_path)
        object.__setattr__(self, "_members", {})

    def __getattr__(self, name: str) -> Any:
        """A callable for a method, a proxy for a traversable object, else a future of the value."""
        if name.startswith("_"):
            raise AttributeError(f"{self!r} exposes no private attribute {name!r}")
        member = self._members.get(name)
        if member is None:
            member = self._member(name)
            if member is None:
                message = pykka_messages.ProxyGetAttr(attr_path=(*self._attr_path, name))
                return self.actor_ref.ask(message, block=False)
            self._members[name] = member
        return member

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        """Refused: setting would have to block (trap P1).

        Raises:
            BadActorError: Always.
        """
        raise BadActorError(
            f"proxy.{name} = ... cannot wait for the actor; use await ref.set({name!r}, value)"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Proxy):
            return NotImplemented
        return self.actor_ref is other.actor_ref and self._attr_path == other._attr_path

    def __hash__(self) -> int:
        return hash((self.actor_ref.path, self._attr_path))

    def __repr__(self) -> str:
        return f"<Proxy {'.'.join((self.actor_ref.path, *self._attr_path))}>"

    def __dir__(self) -> list[str]:
        owner = self._owner()
        return sorted(name for name in dir(owner) if not name.startswith("_"))

    def _owner(self) -> Any:
        owner: Any = self.actor_ref.actor_class
        for name in self._attr_path:
            owner = getattr(owner, name, None)
        return owner

    def _member(self, name: str) -> Any:
        found = _static(self._owner(), name)
        path = (*self._attr_path, name)
        if getattr(found, "_pykka_traversable", False) or getattr(
            found, "pykka_traversable", False
        ):
            return Proxy(self.actor_ref, path)
        if isinstance(found, (staticmethod, classmethod)) or callable(found):
            return pykka.CallableProxy(actor_ref=cast("Any", self.actor_ref), attr_path=path)
        if found is None and not self.actor_ref.is_alive():
            raise DeadActorError(f"{self.actor_ref} is not alive; {name!r} cannot be read")
        return None


def awaited_method(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Method[P, pykka.Future[T]]:
    """Type an `async def` method on a proxy class, as `pykka.typing.proxy_method` does a plain one.

    class DomeProxy(Proxy[Dome]):
        open = awaited_method(Dome.open)
        is_open = pykka.typing.proxy_field(Dome.is_open)

    dome = cast("DomeProxy", ref.proxy())
    """
    return cast("Method[P, pykka.Future[T]]", method)


def _static(owner: Any, name: str) -> Any:
    """An attribute as the class has it, without running descriptors."""
    classes = owner.__mro__ if isinstance(owner, type) else (*type(owner).__mro__,)
    for cls in classes:
        if name in cls.__dict__:
            return cls.__dict__[name]
    return None if isinstance(owner, type) else getattr(owner, name, None)
