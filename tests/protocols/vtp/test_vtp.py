"""VTP's four roles on loopback sockets: what they say to each other, and what they refuse."""

from __future__ import annotations

import asyncio
import itertools
import random
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.vtp.admission import AdmissionPolicy
from protocols.vtp.author import send_voevent
from protocols.vtp.broadcaster import VtpBroadcaster
from protocols.vtp.filters import EventFilter, parse_filter, passes
from protocols.vtp.framing import MAX_FRAME_BYTES, VtpError, VtpTiming
from protocols.vtp.receiver import Reception, VtpReceiver
from protocols.vtp.subscriber import SubscriberState, VtpSubscriber
from protocols.vtp.transport import EventFrame, Role, Transport, decode
from pyros.clock import LoopClock
from pyros.domain.alert.notice import NoticeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

DATA = Path(__file__).parents[2] / "data" / "alerts"
BURST = (DATA / "svom/sb26050402_mxt_50.xml").read_bytes()
OTHER = (DATA / "swift/BAT_GRB_Pos_1194500-314.xml").read_bytes()
IVO = "ivo://org.pyros.test/here"
QUICK = VtpTiming(
    frame_s=0.2, submit_s=0.3, iamalive_s=0.1, silence_s=0.5, backoff_base_s=0.02, write_s=0.5
)


def clock() -> LoopClock:
    """A clock on the running loop."""
    return LoopClock(asyncio.get_running_loop(), epoch_unix_s=1_780_000_000.0)


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, at most five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - any condition
            await asyncio.sleep(0.005)


@asynccontextmanager
async def receiver(
    answer: Callable[[bytes, str], Awaitable[Reception]], **options: object
) -> AsyncIterator[VtpReceiver]:
    """A started receiver."""
    server = VtpReceiver(port=0, local_ivo=IVO, on_event=answer, clock=clock(), **options)  # type: ignore[arg-type]  # options of the class
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def link(
    timing: VtpTiming, filters: tuple[str, ...] = ()
) -> AsyncIterator[tuple[VtpBroadcaster, list[bytes], list[SubscriberState]]]:
    """A broadcaster with one subscriber: the broadcaster, what arrived, and the link's states."""
    broker = VtpBroadcaster(port=0, local_ivo=IVO, clock=clock(), timing=timing)
    await broker.start()
    arrived: list[bytes] = []
    states: list[SubscriberState] = []

    async def store(raw: bytes, _peer: str) -> None:
        arrived.append(raw)

    async def watch(state: SubscriberState) -> None:
        states.append(state)

    subscriber = VtpSubscriber(
        host="127.0.0.1",
        port=broker.port,
        local_ivo=IVO,
        on_event=store,
        clock=clock(),
        rng=random.Random(1),  # noqa: S311 - spreads reconnections
        timing=timing,
        filters=filters,
        on_state=watch,
    )
    task = asyncio.create_task(subscriber.run())
    try:
        yield broker, arrived, states
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await broker.stop()


async def accept(_raw: bytes, _peer: str) -> Reception:
    """Take everything."""
    return Reception(accepted=True)


@pytest.mark.asyncio
async def test_author_gets_ack_after_the_event_is_stored_and_nak_with_the_reason() -> None:
    """The receiver answers what the callback decided."""
    stored: list[bytes] = []

    async def once(raw: bytes, _peer: str) -> Reception:
        if raw in stored:
            return Reception(accepted=False, reason="seen before")
        stored.append(raw)
        return Reception(accepted=True)

    async with receiver(once) as server:
        first = await send_voevent(BURST, host="127.0.0.1", port=server.port)
        again = await send_voevent(BURST, host="127.0.0.1", port=server.port)
    assert (first, again) == ((True, ""), (False, "seen before"))
    assert stored == [BURST]


@pytest.mark.asyncio
async def test_receiver_naks_what_is_no_safe_event() -> None:
    """Entity tricks are handed over for keeping and nak'ed; transport messages go nowhere."""
    kept: list[bytes] = []

    async def keep(raw: bytes, _peer: str) -> Reception:
        kept.append(raw)
        return Reception(accepted=False)

    async with receiver(keep) as server:
        for name in ("xxe_file.xml", "billion_laughs.xml", "utf16_doctype.xml"):
            raw = (DATA / "malformed" / name).read_bytes()
            accepted, reason = await send_voevent(raw, host="127.0.0.1", port=server.port)
            assert not accepted
            assert "XML" in reason
            assert kept[-1] == raw
        alive = Transport(role=Role.IAMALIVE, origin=IVO).encode(datetime(2026, 1, 1, tzinfo=UTC))
        assert not (await send_voevent(alive, host="127.0.0.1", port=server.port))[0]
        assert len(kept) == 3


@pytest.mark.asyncio
async def test_receiver_holds_nothing_for_an_announced_giant_and_drops_the_slow() -> None:
    """Five hostile bytes cost a connection, not the memory; a byte now and then buys no time."""
    async with receiver(accept, timing=QUICK) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(struct.pack(">I", 1_500_000_000) + b"x")
        assert await reader.read() == b""
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(struct.pack(">I", 50_000))
        started_s = asyncio.get_running_loop().time()
        with pytest.raises(ConnectionError):  # noqa: PT012 - one of many writes fails
            for _ in range(1000):
                writer.write(b"<")
                await writer.drain()
                await asyncio.sleep(0.01)
        assert asyncio.get_running_loop().time() - started_s < 5
        writer.close()
        assert (await send_voevent(BURST, host="127.0.0.1", port=server.port))[0]


@pytest.mark.asyncio
async def test_receiver_limits_connections_of_one_address() -> None:
    """The fifth connection of an address is cut, and one that leaves makes room."""
    async with receiver(accept, admission=AdmissionPolicy(per_address=4)) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(4)]
        await asyncio.sleep(0.05)
        with pytest.raises(VtpError):
            await send_voevent(BURST, host="127.0.0.1", port=server.port)
        held[0][1].close()
        await asyncio.sleep(0.05)
        assert (await send_voevent(BURST, host="127.0.0.1", port=server.port))[0]
        for _, writer in held:
            writer.close()


@pytest.mark.asyncio
async def test_receiver_admits_listed_networks_only() -> None:
    """An address outside of the list gets no byte."""
    only = AdmissionPolicy(networks=("10.0.0.0/8",))
    async with receiver(accept, admission=only) as server:
        with pytest.raises(VtpError):
            await send_voevent(BURST, host="127.0.0.1", port=server.port)


@pytest.mark.asyncio
async def test_subscriber_gets_events_and_keeps_the_link_alive() -> None:
    """Events arrive as they were sent, and signs of life are answered for many periods."""
    async with link(QUICK) as (broker, arrived, states):
        await eventually(lambda: broker.subscribers == 1)
        for raw in (BURST, OTHER):
            assert broker.publish(raw) == 1
        await eventually(lambda: len(arrived) == 2)
        await asyncio.sleep(QUICK.iamalive_s * 6)
        assert broker.subscribers == 1
    assert arrived == [BURST, OTHER]
    assert states[0].connected


@pytest.mark.asyncio
async def test_subscriber_gets_only_what_its_filter_asks() -> None:
    """The broker applies a filter of the grammar."""
    wanted = '//Param[@name="Packet_Type" and @value="209"]'
    async with link(QUICK, (wanted,)) as (broker, arrived, _):
        await eventually(lambda: broker.subscribers == 1)
        await asyncio.sleep(0.05)
        broker.publish(OTHER)
        broker.publish(BURST)
        await eventually(lambda: len(arrived) == 1)
    assert arrived == [BURST]


@pytest.mark.asyncio
async def test_subscriber_comes_back_with_growing_waits() -> None:
    """A broker that refuses is tried again, ever less often, and found when it is there."""
    probe = VtpBroadcaster(port=0, local_ivo=IVO, clock=clock())
    await probe.start()
    port = probe.port
    await probe.stop()
    states: list[SubscriberState] = []

    async def store(_raw: bytes, _peer: str) -> None: ...

    async def watch(state: SubscriberState) -> None:
        states.append(state)

    subscriber = VtpSubscriber(
        host="127.0.0.1",
        port=port,
        local_ivo=IVO,
        on_event=store,
        clock=clock(),
        rng=random.Random(2),  # noqa: S311 - spreads reconnections
        timing=replace(QUICK, backoff_factor=2.0),
        on_state=watch,
    )
    task = asyncio.create_task(subscriber.run())
    await eventually(lambda: len(states) >= 3)
    waits = [state.retry_in_s for state in states[:3]]
    assert all(b > a for a, b in itertools.pairwise(waits))  # type: ignore[operator]  # down
    broker = VtpBroadcaster(port=port, local_ivo=IVO, clock=clock(), timing=QUICK)
    await broker.start()
    await eventually(lambda: states[-1].connected)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await broker.stop()


@pytest.mark.asyncio
async def test_broadcaster_drops_who_does_not_answer_and_serves_the_others() -> None:
    """A mute subscriber is dropped after a missed sign of life; the good one misses nothing."""
    async with link(QUICK) as (broker, arrived, _):
        await eventually(lambda: broker.subscribers == 1)
        _, mute = await asyncio.open_connection("127.0.0.1", broker.port)
        await eventually(lambda: broker.subscribers == 2)
        await eventually(lambda: broker.subscribers == 1)
        broker.publish(BURST)
        await eventually(lambda: arrived == [BURST])
        mute.close()


@pytest.mark.asyncio
async def test_broadcaster_drops_who_never_acknowledges() -> None:
    """Ten events without an ack are enough."""
    broker = VtpBroadcaster(port=0, local_ivo=IVO, clock=clock())
    await broker.start()
    _, deaf = await asyncio.open_connection("127.0.0.1", broker.port)
    await eventually(lambda: broker.subscribers == 1)
    assert [broker.publish(BURST) for _ in range(11)] == [1] * 10 + [0]
    await eventually(lambda: broker.subscribers == 0)
    deaf.close()
    await broker.stop()


@pytest.mark.asyncio
async def test_broadcaster_drops_on_nak_and_on_a_filter_outside_the_grammar() -> None:
    """A refusal and an XPath that would be evaluated both end the connection."""
    broker = VtpBroadcaster(port=0, local_ivo=IVO, clock=clock())
    await broker.start()
    bomb = "count(//*[count(//*[count(//*) > 0]) > 0]) > 0"
    for role, filters in ((Role.NAK, ()), (Role.AUTHENTICATE, (bomb,))):
        reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
        message = Transport(role=role, origin=IVO, response=IVO, filters=filters)
        raw = message.encode(datetime(2026, 1, 1, tzinfo=UTC))
        writer.write(struct.pack(">I", len(raw)) + raw)
        async with asyncio.timeout(5):
            await reader.read(-1)
        writer.close()
    await eventually(lambda: broker.subscribers == 0)
    await broker.stop()


@pytest.mark.parametrize(
    "namespace",
    [
        "http://www.telescope-networks.org/xml/Transport/v1.1",
        "http://telescope-networks.org/schema/Transport/v1.1",
        "http://www.telescope-networks.org/xml/Transport/v1.0",
    ],
)
def test_transport_reads_every_namespace_in_use(namespace: str) -> None:
    """Three namespaces are seen in the wild; each is understood."""
    raw = (
        f'<trn:Transport xmlns:trn="{namespace}" role="iamalive" version="1.0">'
        "<Origin>ivo://x/y</Origin><TimeStamp>2026-01-01T00:00:00Z</TimeStamp></trn:Transport>"
    )
    assert decode(raw.encode()) == Transport(role=Role.IAMALIVE, origin="ivo://x/y")


def test_transport_reads_back_what_it_writes_and_refuses_the_rest() -> None:
    """Messages survive encoding; an event is an event; anything else is refused."""
    message = Transport(role=Role.NAK, origin="ivo://a", response="ivo://b", result="why < not")
    assert decode(message.encode(datetime(2026, 1, 1, tzinfo=UTC))) == message
    assert isinstance(decode(BURST), EventFrame)
    with pytest.raises(NoticeError, match="neither"):
        decode(b'<Transport role="shutdown"/>')
    assert MAX_FRAME_BYTES == 99_999


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '//Param[@name="Packet_Type" and @value="61"]',
            EventFilter(param="Packet_Type", value="61"),
        ),
        ("//Param[@name='TrigID']", EventFilter(param="TrigID")),
        ('/*[@role="observation"]', EventFilter(role="observation")),
        (
            '/*[local-name()="VOEvent" and @role="test"]',
            EventFilter(role="test"),
        ),
        ('starts-with(/*/@ivorn, "ivo://org.svom")', EventFilter(ivorn_prefix="ivo://org.svom")),
        ("//*", None),
        ("document('file:///etc/passwd')", None),
        ("//Param[@name=" + '"x"' * 200 + "]", None),
    ],
)
def test_filters_know_the_grammar_only(text: str, expected: EventFilter | None) -> None:
    """What subscribers ask is understood; XPath at large is not evaluated."""
    assert parse_filter(text) == expected


def test_filters_match_any_of_several() -> None:
    """Filters are alternatives."""
    filters = [EventFilter(role="test"), EventFilter(ivorn_prefix="ivo://org.svom")]
    assert passes(BURST, filters)
    assert not passes(OTHER, filters)
    assert passes(OTHER, [])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400), st.text(max_size=80))
def test_frames_and_filters_survive_anything(noise: bytes, at: int, text: str) -> None:
    """Whatever a peer puts into a frame or asks as a filter is understood or refused."""
    alive = Transport(role=Role.IAMALIVE, origin=IVO).encode(datetime(2026, 1, 1, tzinfo=UTC))
    for raw in (noise, alive[:at] + noise + alive[at:], alive[:at]):
        with suppress(NoticeError):
            decode(raw)
    parse_filter(text)
