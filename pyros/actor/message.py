"""Messages: frozen values whose class says how they travel (lane, interrupt, life, conflation).

Policy is class attributes, not fields, so that a message is only what it says:

    @dataclass(frozen=True, slots=True, kw_only=True)
    class CloseDome(Message):
        lane = Lane.SAFETY
        interrupts = True
        reason: str
"""

from __future__ import annotations

import pickle
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from pykka import messages as pykka_messages

from pyros.actor.errors import BadMessageError

if TYPE_CHECKING:
    from collections.abc import Hashable

R = TypeVar("R")

PROXY_KINDS: Final = (
    pykka_messages.ProxyCall,
    pykka_messages.ProxyGetAttr,
    pykka_messages.ProxySetAttr,
)
"""pykka's messages that a proxy sends; they are served beside the actor's own."""


class Lane(IntEnum):
    """The queues of a mailbox, most urgent first (rule M1)."""

    SYSTEM = 0
    SAFETY = 1
    COMMAND = 2
    TELEMETRY = 3


class Message:
    """Base of every message: a frozen dataclass with keyword-only fields.

    Attributes:
        lane: The queue it waits in (rule M1).
        interrupts: Whether its arrival cancels the handler that is awaiting (rule M4).
        ttl_s: Seconds after which it is worthless and goes to the dead letters (rule M5).
        wire: Whether it may leave the process; then it must pickle and hold no mutable value.
    """

    __slots__ = ()

    lane: ClassVar[Lane] = Lane.COMMAND
    interrupts: ClassVar[bool] = False
    ttl_s: ClassVar[float | None] = None
    wire: ClassVar[bool] = False

    def conflation_key(self) -> Hashable | None:
        """Key under which a newer message replaces a queued one; None to keep all (rule M2)."""
        return None


class Request(Message, Generic[R]):
    """A message with a reply of type `R`: `reply = await ref.ask(request)`."""

    __slots__ = ()


class DeliveryPolicy:
    """What the mailbox needs to know of a message class, looked up once per class."""

    __slots__ = ("conflates", "fast", "interrupts", "lane", "name", "plain", "ttl_s", "wire")

    def __init__(self, kind: type[Any]) -> None:
        self.lane = (
            int(getattr(kind, "lane", Lane.COMMAND)) if _is_ours(kind) else int(Lane.COMMAND)
        )
        self.interrupts = _is_ours(kind) and bool(kind.interrupts)
        self.ttl_s: float | None = kind.ttl_s if _is_ours(kind) else None
        self.wire = _is_ours(kind) and bool(kind.wire)
        self.conflates = _is_ours(kind) and kind.conflation_key is not Message.conflation_key
        self.name = kind.__name__
        self.plain = self.ttl_s is None and not (self.conflates or self.interrupts or self.wire)
        self.fast = self.plain and self.lane == Lane.COMMAND and not issubclass(kind, PROXY_KINDS)


POLICIES: dict[type[Any], DeliveryPolicy] = {}
"""The policies looked up so far (`policy_of` fills it)."""


def policy_of(kind: type[Any]) -> DeliveryPolicy:
    """The delivery policy of a message class.

    Raises:
        BadMessageError: When the class is a mutable `Message`, or a wire message that cannot
            pickle.
    """
    policy = POLICIES.get(kind)
    if policy is None:
        if _is_ours(kind):
            _refuse_mutable(kind)
        policy = POLICIES[kind] = DeliveryPolicy(kind)
    return policy


def check_wire(message: Message) -> bytes:
    """The pickled form of a message that is to leave the process.

    Raises:
        BadMessageError: When a field holds a mutable value or the message does not pickle.
    """
    kind = type(message)
    names: tuple[str, ...] = tuple(getattr(kind, "__dataclass_fields__", ()))
    for name in names:
        value = getattr(message, name)
        try:
            hash(value)
        except TypeError:
            raise BadMessageError(
                f"message {kind.__qualname__}.{name} holds a mutable {type(value).__name__}; "
                "use a tuple, a frozenset or a frozen dataclass"
            ) from None
    try:
        return pickle.dumps(message)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise BadMessageError(
            f"message {kind.__qualname__} does not pickle ({error}); define its class at module "
            "level and keep live objects (locks, sockets, actors) out of its fields"
        ) from error


def _is_ours(kind: type[Any]) -> bool:
    return issubclass(kind, Message)


def _refuse_mutable(kind: type[Any]) -> None:
    params = getattr(kind, "__dataclass_params__", None)
    if issubclass(kind, Enum) or (params is None and not hasattr(kind, "__annotations__")):
        return
    if params is None or not params.frozen or "__dataclass_params__" not in kind.__dict__:
        raise BadMessageError(
            f"message {kind.__qualname__} is mutable; declare it "
            "@dataclass(frozen=True, slots=True, kw_only=True)"
        )
