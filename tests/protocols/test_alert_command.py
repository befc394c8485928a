"""`pyros alert` prints what each packet is, and what a recorded day would have led to."""

from __future__ import annotations

import argparse
import asyncio
import json
import tarfile
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocols.alert_command import add_parser, run
from protocols.mqtt.link import AiomqttLink
from protocols.mqtt.server import serve_broker
from protocols.notice_parser import parse_notice
from pyros.domain.alert.gate import Observability

if TYPE_CHECKING:
    import pytest

DATA = Path(__file__).parents[1] / "data" / "alerts"
KEYS = [
    *("stream", "packet_type", "event_id", "role", "test", "retraction", "time_utc"),
    *("ra_deg", "dec_deg", "error_deg", "containment", "class", "cites"),
]


def command(*words: str, sky: Any = None) -> int:
    """Run the command as the application does."""
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(dest="command"))
    return run(parser.parse_args(["alert", *words]), sky=sky)


def test_parse_prints_one_json_line_for_each_file_in_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Good and bad files each give their line, and any bad one gives status 1."""
    names = ["svom/sb26050402_eclairs_312.xml", "malformed/empty.xml", "absent.xml"]
    status = command("parse", *(str(DATA / name) for name in names), "--json")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert status == 1
    assert [line["file"] for line in lines] == [str(DATA / name) for name in names]
    good, empty, absent = lines
    assert list(good) == ["file", "ok", "notice", "actionable", "reasons"]
    assert list(good["notice"]) == KEYS
    assert good["notice"]["time_utc"] == "2026-05-04T09:31:19.587000Z"
    assert good["actionable"] is True
    assert empty == {
        "file": str(DATA / "malformed/empty.xml"),
        "ok": False,
        "error": "packet is empty; an alert is XML or JSON",
    }
    assert absent["ok"] is False


def test_parse_ends_with_0_when_all_are_alerts(capsys: pytest.CaptureFixture[str]) -> None:
    """An alert that does not act is an alert all the same."""
    files = [DATA / "svom/sb26020402_grm_285.xml", DATA / "einstein_probe/alert_249.json"]
    assert command("parse", *map(str, files)) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "does not act: no position" in first
    assert "acts: " in second


def test_replay_prints_what_a_real_day_would_have_led_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """2023-11-04: the burst that Swift and Fermi saw is one event, observed 14 s after its T0."""
    day = DATA / "replay" / "2023-11-04.tar.gz"
    assert command("replay", str(day), "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    first = rows[0]
    assert (first["action"], first["strategy"]) == ("observe", "grb-localised")
    assert first["stream"] == "swift-bat 97"
    assert "odds" in first["why"][0]
    streams = {row["stream"].split()[0] for row in rows if row["event"] == first["event"]}
    assert {"swift-bat", "fermi-gbm", "swift-xrt"} <= streams
    assert {row["action"] for row in rows} == {"observe", "update"}
    assert command("replay", str(day)) == 0
    assert "873 packets" in capsys.readouterr().out.splitlines()[-1]


def test_replay_asks_the_sky_at_the_time_of_each_notice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a sky that shows nothing, nothing is observed, and the reason says so."""
    with tarfile.open(DATA / "replay" / "2023-11-04.tar.gz") as archive:
        for member in archive.getmembers():
            if "BAT_GRB_Pos" in member.name or "GBM_Flt" in member.name:
                archive.extract(member, tmp_path, filter="data")
    asked = []

    def sky(notice: Any, now_utc: Any) -> Observability:
        asked.append((notice.stream, now_utc.day))
        return Observability(now=False, text="it is day")

    assert command("replay", str(tmp_path), "--json", "--all", sky=sky) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["action"] for row in rows} == {"none"}
    assert any("it is day" in row["why"] for row in rows)
    assert ("swift-bat", 4) in asked


def test_command_says_what_is_wrong_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder without packets and a receiver that is not there are no tracebacks."""
    assert command("replay", str(tmp_path)) == 2
    assert "no packet in it" in capsys.readouterr().err
    assert command("replay", str(tmp_path / "absent")) == 2
    packet = str(DATA / "svom/sb26050402_mxt_50.xml")
    assert command("send", packet, "--port", "1") == 1
    assert "not sent" in capsys.readouterr().out


def test_send_makes_a_recorded_burst_young_and_posts_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The address gets today's burst with the token; a refusal is told with its reason."""
    got: list[tuple[bytes, str | None]] = []

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((raw, self.headers["Authorization"]))
            self.send_response(202 if self.headers["Authorization"] else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Desk)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/api/alerts"
    packet = str(DATA / "svom/sb26050402_mxt_50.xml")
    young = ("--t0", "2026-11-23T01:02:03Z", "--ra", "120.5", "--dec", "20", "--serial", "4")
    assert command("send", packet, "--url", url, "--token", "t", *young) == 0
    assert command("send", packet, "--url", url) == 1
    assert command("send", packet, "--url", "ftp://x") == 2
    server.shutdown()
    server.server_close()
    assert "refused: 401" in capsys.readouterr().out
    assert got[0][1] == "Bearer t"
    notice = parse_notice(got[0][0], source="http", received_utc=datetime(2026, 11, 23, tzinfo=UTC))
    assert notice.t0_utc == datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
    assert notice.ra_deg == 120.5


def test_replay_with_a_site_judges_visibility_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A northern site defers or refuses what a southern one sees; half a site is no site."""
    folder = str(DATA / "svom")
    told: dict[str, list[str]] = {}
    for name, latitude in (("north", "85"), ("south", "-30")):
        words = ("--latitude", latitude, "--longitude", "20", "--json", "--all")
        assert command("replay", folder, *words) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        told[name] = [reason for line in lines for reason in line["why"]]
    assert any("altitude" in reason and "Sun" in reason for reason in told["north"])
    assert told["north"] != told["south"]
    assert command("replay", folder, "--latitude", "10") == 2
    assert "give both" in capsys.readouterr().err


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
    words = ("send", str(packet), "--mqtt", f"127.0.0.1:{port[0]}", "--site", "here")
    assert command(*words) == 0
    assert done.wait(20.0)
    thread.join()
    assert heard == [packet.read_bytes()]
    assert command("send", str(packet), "--mqtt", "nowhere") == 2
    assert "HOST:PORT" in capsys.readouterr().err
