"""From an alert packet on MQTT to the slew command on MQTT, on the running simulated observatory.

A broker, the simulated devices and control run as they do in `make run`, each a process of its own,
in the dark and in real time. This process publishes young alerts, one after the other, and times
the slew command that each leads to, on its own clock; the observatory meanwhile exposes, archives
frames and plans. Another process adds property messages up to `TELEMETRY_PER_S`. Prints one JSON
line for each figure.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from actors.alert_handler.templates import place_in_view
from protocols.mqtt.link import AiomqttLink
from protocols.mqtt.message import MqttMessage
from protocols.notice_restamp import restamp
from protocols.payloads import CommandPayload, PropertyPayload, decode, encode
from protocols.topics import SiteTopics
from pyros.actor.loops import run_dilated
from pyros.app.control import ControlOptions, run_control
from pyros.app.settings import load_settings
from pyros.app.site_processes import Epoch, SiteProcesses, free_port
from pyros.clock import datetime_from_unix
from pyros.sky import Night, noon_unix_s

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data" / "alerts"
NIGHT = "2026-11-23"
TARGET_MS = 50.0
TELEMETRY_PER_S = 2_000
SWIFT = "swift/BAT_GRB_Pos_1194500-314.xml"
OPEN_WITHIN_S = 400.0
SLEW_WITHIN_S = 5.0


def main() -> int:
    """Run all of it, or one of its parts in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=200)
    parser.add_argument("--telemetry", type=float, default=TELEMETRY_PER_S)
    parser.add_argument("--part", choices=("control", "load"), help=argparse.SUPPRESS)
    parser.add_argument("--config", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--mqtt", help=argparse.SUPPRESS)
    parser.add_argument("--epoch", type=float, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part == "control":
        return control(options)
    if options.part == "load":
        asyncio.run(load(options))
        return 0
    with tempfile.TemporaryDirectory(prefix="pyros-bench-") as scratch:
        return bench(options, Path(scratch))


def bench(options: argparse.Namespace, scratch: Path) -> int:
    """Start the site, measure, end the site."""
    config = configuration(scratch)
    settings = load_settings(config)
    span = Night.at(settings.site.sky_site(), noon_unix_s(settings.site.sky_site(), NIGHT) + 3600.0)
    dark = span.span(-12.0)
    if dark is None:
        raise SystemExit(f"{NIGHT} has no darkness at this site")
    epoch = Epoch(unix_s=dark[0] + 1800.0, monotonic_s=time.monotonic(), speed=1.0)
    data = scratch / "data"
    data.mkdir()
    processes = SiteProcesses(directory=data, epoch=epoch)
    children: list[subprocess.Popen[bytes]] = []
    try:
        url = f"mqtt://127.0.0.1:{processes.broker()}"
        processes.metal(config, mqtt_url=url)
        common = [
            *(sys.executable, __file__, "--config", str(config), "--data", str(data)),
            *("--mqtt", url, "--epoch", str(epoch.unix_s), str(epoch.monotonic_s)),
            *("--telemetry", str(options.telemetry)),
        ]
        children.append(subprocess.Popen([*common, "--part", "control"], cwd=ROOT))
        gun = Gun(config, url, epoch, data / "telemetry.txt")
        found = asyncio.run(gun.run(options.alerts, lambda: children.append(loader(common))))
    finally:
        for child in reversed(children):
            child.send_signal(signal.SIGKILL)
            child.wait()
        processes.stop()
    for line in found:
        print(json.dumps(line), flush=True)
    return 0


def loader(common: list[str]) -> subprocess.Popen[bytes]:
    """The process that adds telemetry."""
    return subprocess.Popen([*common, "--part", "load"], cwd=ROOT)


def configuration(scratch: Path) -> Path:
    """The simulated observatory's configuration, with short hold-offs and no cap on triggers."""
    config = scratch / "config"
    shutil.copytree(ROOT / "config", config)
    rules = config / "alerts.toml"
    text = rules.read_text()
    rules.write_text(
        text.replace(
            "[gate.sources.mqtt]\n", "[gate.sources.mqtt]\nmax_triggers_per_hour = 100000\n"
        )
    )
    path = config / "simulated" / "observatory.toml"
    text = path.read_text()
    text = re.sub(r"hold_off_s = \d+\.0", "hold_off_s = 5.0", text)
    text = re.sub(r"(\[web\]\nport = )\d+", rf"\g<1>{free_port()}", text)
    text = re.sub(r"(vtp_receiver\]\s+port = )\d+", r"\g<1>0", text)
    path.write_text(text)
    return path


def control(options: argparse.Namespace) -> int:
    """The control process, as `pyros run` has it, on the epoch given."""
    settings = load_settings(options.config)
    run = ControlOptions(
        settings=settings,
        config=options.config,
        data_dir=options.data,
        mqtt_url=options.mqtt,
        boot_id=str(os.getpid()),
        say=lambda _text: None,
    )
    return run_dilated(
        lambda: run_control(run),
        speed=1.0,
        epoch_unix_s=options.epoch[0],
        epoch_monotonic_s=options.epoch[1],
    )


async def load(options: argparse.Namespace) -> None:
    """Publish property messages at an even rate until killed."""
    topics = SiteTopics(load_settings(options.config).site.id)
    link = AiomqttLink(*address(options.mqtt), client_id="load")
    await link.connect()
    props = [
        (topics.device("site", "plc").prop("ups_charge_pct"), "%", 100.0),
        (topics.device("t1", "focuser").prop("temperature_deg_C"), "deg_C", 9.0),
        (topics.device("t1", "cam-vis").prop("temperature_deg_C"), "deg_C", -100.0),
        (topics.device("t1", "cam-nir").prop("temperature_deg_C"), "deg_C", -173.0),
    ]
    sent, told, began_s = 0, 0, time.monotonic()
    while True:
        due = int((time.monotonic() - began_s) * options.telemetry)
        for _ in range(due - sent):
            topic, unit, value = props[sent % len(props)]
            now_utc = datetime_from_unix(options.epoch[0] + time.monotonic() - options.epoch[1])
            payload = PropertyPayload(
                v=value + 0.001 * (sent % 7), u=unit, t=now_utc, q="good", seq=sent
            )
            await link.publish(MqttMessage(topic=topic, payload=encode(payload)))
            sent += 1
        if sent >= told + 1_000:
            told = sent
            rate = sent / (time.monotonic() - began_s)
            (options.data / "telemetry.txt").write_text(f"{rate:.0f}")
        await asyncio.sleep(0.005)


def address(url: str) -> tuple[str, int]:
    """Host and port of an MQTT address."""
    host, _, port = url.removeprefix("mqtt://").partition(":")
    return host, int(port)


class Gun:
    """Publishes alerts and times the slew commands."""

    def __init__(self, config: Path, url: str, epoch: Epoch, sent: Path) -> None:
        self._settings = load_settings(config)
        self._site = self._settings.site.sky_site()
        self._topics = SiteTopics(self._settings.site.id)
        self._link = AiomqttLink(*address(url), client_id="gun")
        self._epoch = epoch
        self._slews: asyncio.Queue[tuple[float, float]] = asyncio.Queue()
        self._rng = Random(2)  # noqa: S311 - places of a bench
        self._sent = sent

    def _unix_s(self) -> float:
        return self._epoch.unix_s + time.monotonic() - self._epoch.monotonic_s

    async def run(self, count: int, on_open: object) -> list[dict[str, object]]:
        """Wait for the dome, then measure; the figures."""
        await self._link.connect()
        await self._link.subscribe(self._topics.device("t1", "telescope").command("slew"), qos=1)
        reader = asyncio.ensure_future(self._read())
        print("waiting until the observatory observes", file=sys.stderr)
        async with asyncio.timeout(OPEN_WITHIN_S):
            await self._slews.get()
        await asyncio.sleep(5.0)
        on_open()  # type: ignore[operator]
        await asyncio.sleep(2.0)
        latencies_ms = [one async for one in self._shots(count)]
        rate = float(self._sent.read_text())
        stages = self._stages()
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        figures = list(percentiles("alert packet to slew command", latencies_ms, TARGET_MS))
        for stage, values in stages.items():
            figures += percentiles(f"alert trace: received to {stage}", values, None)
        figures.append(
            {"figure": "telemetry beside alerts", "value": round(rate), "unit": "messages/s"}
        )
        return figures

    async def _read(self) -> None:
        async for message in self._link.messages():
            if message.topic.endswith("/cmd/slew"):
                args = decode(message.topic, message.payload, CommandPayload).args
                self._slews.put_nowait((time.monotonic(), float(args["dec_deg"])))  # type: ignore[arg-type]

    async def _shots(self, count: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
        raw, made, missed = (DATA / SWIFT).read_bytes(), 0, 0
        while made < count and missed < count:
            place = place_in_view(self._site, self._unix_s(), self._rng)
            place = (round(place[0], 4), round(place[1], 4))
            young = restamp(
                raw,
                time_utc=datetime_from_unix(self._unix_s() - 20.0 - 700.0 * self._rng.random()),
                ra_deg=place[0],
                dec_deg=place[1],
                serial=1000 + made + missed,
            )
            message = MqttMessage(topic=self._topics.alert_in(), payload=young, qos=1)
            sent_s = time.monotonic()
            await self._link.publish(message)
            try:
                yield 1000.0 * (await self._slew_to(place[1]) - sent_s)
                made += 1
            except TimeoutError:
                missed += 1
            await asyncio.sleep(0.3)
            await asyncio.to_thread(self._abort)
            await asyncio.sleep(1.2)
        print(f"{made} slews, {missed} bursts that had to wait", file=sys.stderr)

    async def _slew_to(self, dec_deg: float) -> float:
        async with asyncio.timeout(SLEW_WITHIN_S):
            while True:
                at_s, to_dec_deg = await self._slews.get()
                if abs(to_dec_deg - dec_deg) < 1e-3:
                    return at_s

    def _api(self, path: str, body: object | None = None) -> object:
        web = self._settings.web
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://{web.host}:{web.port}/api/1/{path}",
            data=raw,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return json.load(answer)

    def _abort(self) -> None:
        with contextlib.suppress(urllib.error.HTTPError):
            self._api("commands/abort", {"who": "bench", "why": "next alert"})

    def _stages(self) -> dict[str, list[float]]:
        """Milliseconds of each stage as PyROS itself traced them."""
        found: dict[str, list[float]] = {}
        for alert in self._api("alerts"):  # type: ignore[attr-defined]
            for stage, after_ms in alert.get("stages", {}).items():
                if stage in {"stored", "parsed", "judged", "planned", "slew-command"}:
                    found.setdefault(stage, []).append(float(after_ms))
        return found


def percentiles(
    figure: str, values_ms: list[float], target_ms: float | None
) -> Iterator[dict[str, object]]:
    """Median and 99th percentile as figures."""
    ordered = sorted(values_ms)
    for name, share in (("p50", 0.50), ("p99", 0.99)):
        if ordered:
            value = ordered[min(len(ordered) - 1, int(share * len(ordered)))]
            line: dict[str, object] = {
                "figure": f"{figure} {name} of {len(ordered)}",
                "value": round(value, 2),
                "unit": "ms",
            }
            if target_ms is not None and name == "p99":
                line["target"] = target_ms
            yield line


if __name__ == "__main__":
    sys.exit(main())
