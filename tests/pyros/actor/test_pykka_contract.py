"""The private and public names of pykka 4.5 that the kernel rests on: one test per name.

A new pykka that changes one of them fails here, with the name, and not at night.
"""

import inspect
from importlib.metadata import version

import pykka
from pykka import _envelope, _introspection, messages

from pyros.actor import Actor, ActorRef
from pyros.actor.envelope import AskEnvelope, Envelope
from pyros.actor.future import ReplyFuture
from pyros.actor.proxy import Proxy


class Sample(pykka.ThreadingActor):
    """A stock actor."""

    use_daemon_thread = True
    field = 3

    def method(self, number: int) -> int:
        return number + 1


def test_version_is_the_one_we_read():
    """Pykka 4.5 or a later 4: the version whose source was read."""
    major, minor = (int(part) for part in version("pykka").split(".")[:2])
    assert (4, 5) <= (major, minor) < (5, 0)


def test_ours_are_pykkas():
    """Actors, references, proxies, futures and envelopes are pykka's at run time."""
    assert issubclass(Actor, pykka.Actor)
    assert issubclass(ActorRef, pykka.ActorRef)
    assert issubclass(Proxy, pykka.ActorProxy)
    assert issubclass(ReplyFuture, pykka.Future)
    assert issubclass(Envelope, _envelope.Envelope)


def test_create_actor_inbox():
    """`_create_actor_inbox` is the hook that makes an inbox with put, get and empty."""
    inbox = Sample._create_actor_inbox()
    inbox.put(_envelope.Envelope("message"))
    assert not inbox.empty()
    assert inbox.get().message == "message"


def test_create_future():
    """`_create_future` is the hook that makes a future with get, set and set_exception."""
    future = Sample._create_future()
    future.set(3)
    assert future.get(timeout=1.0) == 3


def test_start_actor_loop():
    """`_start_actor_loop` is the hook that runs an actor; it takes nothing."""
    assert list(inspect.signature(pykka.Actor._start_actor_loop).parameters) == ["self"]


def test_actor_ref():
    """`_actor_ref` is what the property `actor_ref` reads."""
    actor = Sample()
    assert actor._actor_ref is actor.actor_ref
    assert isinstance(actor.actor_ref, pykka.ActorRef)


def test_actor_weakref():
    """`_actor_weakref` is how a proxy reaches the instance."""
    actor = Sample()
    assert actor.actor_ref._actor_weakref() is actor


def test_handle_receive():
    """`_handle_receive` serves proxy calls, reads and writes of attributes, and messages."""
    actor = Sample()
    assert actor._handle_receive(messages.ProxyCall(("method",), (1,), {})) == 2
    assert actor._handle_receive(messages.ProxyGetAttr(("field",))) == 3
    actor._handle_receive(messages.ProxySetAttr(("field",), 4))
    assert actor.field == 4


def test_actor_stop():
    """`messages._ActorStop` is what pykka's stop() sends."""
    actor = Sample()
    actor.stop()
    assert isinstance(actor.actor_inbox.get().message, messages._ActorStop)


def test_envelope():
    """`_envelope.Envelope(message, reply_to)` is what an inbox carries."""
    envelope = _envelope.Envelope("message", reply_to=None)
    assert (envelope.message, envelope.reply_to) == ("message", None)
    assert _envelope.Envelope.__slots__ == ["message", "reply_to"]
    assert Envelope("m", None, 0.0, 1, 2).reply_to is None
    assert AskEnvelope("m", None, 0.0, 1, 2, "future", 3.0, ()).reply_to == "future"


def test_get_hook():
    """`_get_hook` tells a future made by map, filter, join or reduce."""
    future = pykka.ThreadingFuture()
    assert future._get_hook is None
    assert future.map(str)._get_hook is not None


def test_pykka_traversable():
    """`_pykka_traversable` marks what a proxy steps into."""

    class Part:
        """A part of an actor."""

    assert pykka.traversable(Part())._pykka_traversable is True


def test_callable_proxy():
    """`CallableProxy` asks its reference without blocking, and tells it when deferred."""
    sent = []

    class Reference:
        def ask(self, message, *, block):
            sent.append(("ask", message, block))

        def tell(self, message):
            sent.append(("tell", message))

    proxy = pykka.CallableProxy(actor_ref=Reference(), attr_path=("method",))
    proxy(1, by=2)
    proxy.defer(3)
    assert sent == [
        ("ask", messages.ProxyCall(("method",), (1,), {"by": 2}), False),
        ("tell", messages.ProxyCall(("method",), (3,), {})),
    ]


def test_registry():
    """`ActorRegistry.register` and `unregister` take references, and are global."""
    actor = Sample()
    pykka.ActorRegistry.register(actor.actor_ref)
    assert pykka.ActorRegistry.get_by_class(Sample) == [actor.actor_ref]
    pykka.ActorRegistry.unregister(actor.actor_ref)
    assert pykka.ActorRegistry.get_by_class(Sample) == []


def test_get_attr_directly():
    """`_introspection.get_attr_directly` follows a path of names (used by `_handle_receive`)."""
    assert _introspection.get_attr_directly(Sample(), ("field",)) == 3
