"""The event bus of a system: who published says nothing, who subscribed to the type is told.

Delivery is a tell on the event's own lane. A subscription belongs to the reference: it outlives
restarts and ends when the actor stops for good. Subscribers are told in the order in which they
subscribed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyros.actor.message import Message
    from pyros.actor.ref import ActorRef


class EventBus:
    """Typed publish and subscribe: a subscription to a class includes its subclasses."""

    def __init__(self) -> None:
        self._subscribers: dict[type[Any], dict[ActorRef[Any], Callable[[Any], bool] | None]] = {}

    def subscribe(
        self,
        ref: ActorRef[Any],
        *event_types: type[Message],
        only: Callable[[Any], bool] | None = None,
    ) -> None:
        """Have events of these types told to `ref`, each once however often it subscribes.

        Args:
            ref: Who is told.
            event_types: Of what.
            only: Of these events only those it is true for; a later subscription to the same type
                replaces it. It runs in the publisher and must not depend on anything that changes.
        """
        for event_type in event_types:
            self._subscribers.setdefault(event_type, {})[ref] = only

    def unsubscribe(self, ref: ActorRef[Any], *event_types: type[Message]) -> None:
        """End subscriptions; all of the reference's when no type is given."""
        for event_type in event_types or tuple(self._subscribers):
            subscribers = self._subscribers.get(event_type)
            if subscribers is not None:
                subscribers.pop(ref, None)
                if not subscribers:
                    del self._subscribers[event_type]

    def publish(self, event: Message) -> None:
        """Tell an event to everyone who subscribed to its type or a base of it."""
        if not self._subscribers:
            return
        told: dict[ActorRef[Any], None] = {}
        for base in type(event).__mro__:
            subscribers = self._subscribers.get(base)
            if subscribers:
                for ref, only in subscribers.items():
                    if only is None or only(event):
                        told[ref] = None
        for ref in told:
            ref.tell(event)

    def wanted(self, event_type: type[Message]) -> bool:
        """Whether anybody is told events of this type."""
        return bool(self._subscribers) and any(
            base in self._subscribers for base in event_type.__mro__
        )

    def subscribers(self, event_type: type[Message]) -> list[ActorRef[Any]]:
        """Who is told events of exactly this type."""
        return list(self._subscribers.get(event_type, ()))
