"""A real Comet in each of its roles: as author's peer, as broker, as subscriber."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from protocols.notice_restamp import restamp
from protocols.vtp.author import send_voevent
from protocols.vtp.broadcaster import VtpBroadcaster
from protocols.vtp.receiver import Reception, VtpReceiver
from protocols.vtp.subscriber import VtpSubscriber
from pyros.clock import LoopClock, datetime_from_unix

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("comet", reason="Comet is installed by make test")
pytestmark = [pytest.mark.peer, pytest.mark.asyncio]

DATA = Path(__file__).parents[2] / "data" / "alerts"
IVO = "ivo://org.pyros.test/here"
BIN = Path(sys.executable).parent
# Comet's command line cannot bind loopback; this service file makes it.
TAC = """
import functools, os, shlex
from twisted.application.service import Application
from twisted.application.internet import TCPServer
import comet.service.broker as b
b.TCPServer = functools.partial(TCPServer, interface="127.0.0.1")
opt = b.Options(); opt.parseOptions(shlex.split(os.environ["COMET_ARGS"]))
application = Application("comet"); b.makeService(opt).setServiceParent(application)
"""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def burst(serial: int) -> bytes:
    """A burst that Comet has not seen."""
    raw = (DATA / "svom/sb26050402_mxt_50.xml").read_bytes()
    return restamp(raw, time_utc=datetime_from_unix(1_780_000_000.0 + serial), serial=serial)


@contextmanager
def comet(folder: Path, arguments: str) -> Iterator[None]:
    """A running Comet."""
    (folder / "comet.tac").write_text(TAC)
    environment = {
        **os.environ,
        "COMET_ARGS": f"--local-ivo=ivo://org.comet.test/broker {arguments}",
    }
    with (folder / "comet.log").open("w") as log:
        process = subprocess.Popen(
            [str(BIN / "twistd"), "-n", "--pidfile=", "-y", "comet.tac"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=10)


async def reachable(port: int) -> None:
    """Wait until somebody listens."""
    async with asyncio.timeout(15):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def test_comet_broker_takes_our_event_and_brings_it_to_our_subscriber(tmp_path: Path) -> None:
    """Author -> Comet -> subscriber, unchanged; a duplicate gets Comet's nak."""
    inlet, outlet = free_port(), free_port()
    arguments = (
        f"--receive --receive-port={inlet} --broadcast --broadcast-port={outlet} "
        f"--broadcast-test-interval=0 --eventdb={tmp_path}"
    )
    clock = LoopClock(asyncio.get_running_loop(), epoch_unix_s=1_780_000_000.0)
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def store(raw: bytes, _peer: str) -> None:
        await arrived.put(raw)

    with comet(tmp_path, arguments):
        await reachable(inlet)
        await reachable(outlet)
        subscriber = VtpSubscriber(
            host="127.0.0.1",
            port=outlet,
            local_ivo=IVO,
            on_event=store,
            clock=clock,
            rng=random.Random(0),  # noqa: S311 - spreads reconnections
            filters=('//Param[@name="Packet_Type" and @value="209"]',),
        )
        task = asyncio.create_task(subscriber.run())
        await asyncio.sleep(0.3)
        for serial in (1, 2):
            raw = burst(serial)
            assert await send_voevent(raw, host="127.0.0.1", port=inlet) == (True, "")
            async with asyncio.timeout(10):
                assert await arrived.get() == raw
        accepted, _ = await send_voevent(burst(1), host="127.0.0.1", port=inlet)
        assert not accepted
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_comet_author_gets_our_receivers_answers(tmp_path: Path) -> None:
    """comet-sendvo ends with 0 on our ack and with 1 on our nak."""
    program = BIN / "comet-sendvo"
    assert shutil.which(str(program))
    answers = iter([Reception(accepted=True), Reception(accepted=False, reason="seen before")])
    clock = LoopClock(asyncio.get_running_loop(), epoch_unix_s=1_780_000_000.0)

    async def answer(_raw: bytes, _peer: str) -> Reception:
        return next(answers)

    server = VtpReceiver(port=0, local_ivo=IVO, on_event=answer, clock=clock)
    await server.start()
    (tmp_path / "burst.xml").write_bytes(burst(3))
    codes = []
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(program),
            *("-h", "127.0.0.1", "-p", str(server.port), "-f", str(tmp_path / "burst.xml")),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        codes.append(await process.wait())
    await server.stop()
    assert codes == [0, 1]


async def test_comet_subscriber_gets_events_from_our_broadcaster(tmp_path: Path) -> None:
    """Comet connects, authenticates, saves our event and acknowledges it."""
    clock = LoopClock(asyncio.get_running_loop(), epoch_unix_s=1_780_000_000.0)
    broker = VtpBroadcaster(port=0, local_ivo=IVO, clock=clock)
    await broker.start()
    saved = tmp_path / "saved"
    saved.mkdir()
    arguments = (
        f"--remote=127.0.0.1:{broker.port} --save-event --save-event-directory={saved} "
        f"--eventdb={tmp_path}"
    )
    with comet(tmp_path, arguments):
        async with asyncio.timeout(15):
            while broker.subscribers == 0:  # noqa: ASYNC110 - another process acts
                await asyncio.sleep(0.05)
        raw = burst(4)
        assert broker.publish(raw) == 1
        async with asyncio.timeout(10):
            while not list(saved.iterdir()):  # noqa: ASYNC110 - another process acts
                await asyncio.sleep(0.05)
        assert [path.read_bytes() for path in saved.iterdir()] == [raw]
    await broker.stop()
