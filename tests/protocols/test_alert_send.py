"""`pyros alert send`: recorded packets young again, and VOEvents of our own, to real receivers."""

from __future__ import annotations

import argparse
import asyncio
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from protocols.alert_command import add_parser, run
from protocols.mqtt.link import AiomqttLink
from protocols.mqtt.server import serve_broker
from protocols.notice_parser import parse_notice
from protocols.notice_restamp import restamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyros.domain.alert.notice import Notice

DATA = Path(__file__).parents[1] / "data" / "alerts"
TEMPLATES = Path(__file__).parents[2] / "config" / "alert_templates"
NOW_UTC = datetime(2026, 11, 23, tzinfo=UTC)
YOUNG = ("--t0", "2026-11-23T01:02:03Z", "--ra", "120.5", "--dec", "20", "--serial", "4")


def send(*words: str) -> int:
    """Run the command as the application does."""
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(dest="command"))
    return run(parser.parse_args(["alert", "send", *words]))


@dataclass
class Desk:
    """An HTTP address that takes alerts with a token."""

    url: str = ""
    got: list[tuple[bytes, str | None]] = field(default_factory=list)

    def notice(self) -> Notice:
        """The last packet, as it is understood."""
        return parse_notice(self.got[-1][0], source="http", received_utc=NOW_UTC)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Serves while the test runs."""
    desk = Desk()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            desk.got.append((raw, self.headers["Authorization"]))
            self.send_response(202 if self.headers["Authorization"] else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    desk.url = f"http://127.0.0.1:{server.server_port}/api/alerts"
    yield desk
    server.shutdown()
    server.server_close()
    thread.join()


def test_send_makes_a_recorded_burst_young_and_posts_it(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """The address gets today's burst with the token; a refusal is told with its reason."""
    packet = str(DATA / "svom/sb26050402_mxt_50.xml")
    assert send(packet, "--url", desk.url, "--token", "t", *YOUNG) == 0
    assert desk.got[-1][1] == "Bearer t"
    notice = desk.notice()
    assert notice.t0_utc == datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
    assert notice.ra_deg == 120.5
    assert send(packet, "--url", desk.url) == 1
    assert send(packet, "--url", "ftp://x") == 2
    assert "refused: 401" in capsys.readouterr().out


def test_send_writes_a_voevent_of_our_own(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """With an author and no file: a test alert, valid against the schema, that reads back."""
    voeventparse = pytest.importorskip("voeventparse", reason="it installs on Python 3.11 only")
    words = ("--author", "ivo://org.example/pyros", "--error", "0.1", "--cites", "ivo://x/y#z")
    assert send(*words, *YOUNG, "--text", "Drill", "--url", desk.url, "--token", "t") == 0
    ivorn = "ivo://org.example/pyros/alerts#2026-11-23T01:02:03-4"
    assert f"{ivorn}: acknowledged" in capsys.readouterr().out
    assert voeventparse.valid_as_v2_0(voeventparse.loads(desk.got[-1][0]))
    notice = desk.notice()
    assert (notice.ivorn, notice.role, notice.test) == (ivorn, "test", True)
    assert notice.t0_utc == datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
    assert (notice.ra_deg, notice.dec_deg, notice.error_deg) == (120.5, 20.0, 0.1)
    assert [cite.ivorn for cite in notice.cites] == ["ivo://x/y#z"]


def test_own_voevent_without_time_and_place_is_of_now_and_nowhere(desk: Desk) -> None:
    """T0 is when it is written; no position is none, not zero."""
    pytest.importorskip("voeventparse", reason="voevent-parse installs on Python 3.11 only")
    assert send("--author", "org.example/pyros", "--url", desk.url, "--token", "t") == 0
    notice = desk.notice()
    assert notice.t0_utc is not None
    assert notice.notice_utc is not None
    assert abs(notice.t0_utc - notice.notice_utc) < timedelta(seconds=1)
    assert (notice.ra_deg, notice.dec_deg) == (None, None)


@pytest.mark.parametrize("words", [(), ("packet.xml", "--author", "org.example/pyros")])
def test_send_takes_a_file_or_an_author(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither, or both, is told in one line."""
    assert send(*words) == 2
    assert "give a FILE to send, or --author" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.xml")), ids=lambda path: path.stem)
def test_shipped_test_alerts_are_valid_when_made_young(path: Path) -> None:
    """What an admin fires is a VOEvent by the schema's own word."""
    voeventparse = pytest.importorskip("voeventparse", reason="it installs on Python 3.11 only")
    young = restamp(path.read_bytes(), time_utc=NOW_UTC, ra_deg=120.5, dec_deg=20.0, serial=4)
    assert voeventparse.valid_as_v2_0(voeventparse.loads(young))


def test_send_over_mqtt_publishes_the_packet_on_the_sites_topic(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A real broker gets the bytes on `alerts/in`; an address that is none is told."""
    packet = DATA / "svom" / "sb26050402_mxt_50.xml"
    heard: list[bytes] = []
    port, ready, done = [0], threading.Event(), threading.Event()

    async def listen() -> None:
        server = await serve_broker(0)
        link = AiomqttLink("127.0.0.1", server.port, client_id="ear")
        await link.connect()
        await link.subscribe("pyros/1/here/alerts/in", qos=1)
        port[0] = server.port
        ready.set()
        async with asyncio.timeout(20.0):
            async for message in link.messages():
                heard.append(message.payload)
                break
        await link.disconnect()
        await server.stop()
        done.set()

    thread = threading.Thread(target=lambda: asyncio.run(listen()))
    thread.start()
    assert ready.wait(20.0)
    words = (str(packet), "--mqtt", f"127.0.0.1:{port[0]}", "--site", "here")
    assert send(*words) == 0
    assert done.wait(20.0)
    thread.join()
    assert heard == [packet.read_bytes()]
    assert send(str(packet), "--mqtt", "nowhere") == 2
    assert "HOST:PORT" in capsys.readouterr().err
