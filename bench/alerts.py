"""Figures of the alert front end: parsing, the decision about a notice, VTP hop, sky map to tiles.

Prints one JSON line for each figure. 1,000 packets are recorded ones restamped (time, ids,
position).
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import numpy as np
from lxml import etree

from protocols.alert_rules import load_rules
from protocols.notice_parser import parse_notice
from protocols.notice_restamp import restamp
from protocols.vtp.author import send_voevent
from protocols.vtp.receiver import Reception, VtpReceiver
from pyros.clock import LoopClock
from pyros.domain.alert.book import AlertBook, receive
from pyros.domain.alert.notice import NoticeError
from pyros.domain.alert.sky_density import density_from_uniq
from pyros.domain.alert.strategy import TilingRule
from pyros.domain.alert.tiling import choose_tiles, fields_near

DATA = Path(__file__).parents[1] / "tests" / "data" / "alerts"
START_UTC = datetime(2026, 11, 23, 18, tzinfo=UTC)
PACKETS = 1_000


def report(figure: str, values_s: list[float], target_ms: float | None, peer: str = "") -> None:
    """Print median and 99th percentile of some durations."""
    ordered = sorted(values_s)
    for name, share in (("p50", 0.50), ("p99", 0.99)):
        value = ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3
        line = {"figure": f"{figure} {name}", "value": round(value, 4), "unit": "ms"}
        if name == "p99" and target_ms is not None:
            line["target"] = target_ms
        if peer:
            line["peer"] = peer
        print(json.dumps(line))


def packets() -> list[bytes]:
    """A thousand young packets of all the recorded kinds."""
    rng = Random(1)  # noqa: S311 - a bench's positions
    recorded = [
        path.read_bytes()
        for path in sorted(DATA.glob("*/*.*"))
        if path.suffix in {".xml", ".json"} and path.parent.name not in {"malformed", "traps"}
    ]
    made: list[bytes] = []
    serial = 0
    while len(made) < PACKETS:
        raw = recorded[serial % len(recorded)]
        serial += 1
        try:
            made.append(
                restamp(
                    raw,
                    time_utc=START_UTC + timedelta(seconds=120 * serial),
                    ra_deg=round(rng.uniform(0, 360), 4),
                    dec_deg=round(math.degrees(math.asin(rng.uniform(-1, 1))), 4),
                    serial=serial,
                )
            )
        except NoticeError:
            continue
    return made


def bench_parsing(raws: list[bytes]) -> None:
    """Parse each packet; beside it lxml alone, and voevent-parse with time, position and params."""
    took: list[float] = []
    busy: list[float] = []
    for raw in raws:
        begin, begin_cpu = time.perf_counter(), time.thread_time()
        parse_notice(raw, source="bench", received_utc=START_UTC)
        busy.append(time.thread_time() - begin_cpu)
        took.append(time.perf_counter() - begin)
    report("alert parse", took, 1.0)
    report("alert parse, processor time", busy, 1.0)
    xml = [raw for raw in raws if raw.lstrip().startswith(b"<")]
    took = []
    for raw in xml:
        begin = time.perf_counter()
        etree.fromstring(raw)
        took.append(time.perf_counter() - begin)
    report("xml parse", took, None, "lxml, no checks")
    try:
        import voeventparse  # noqa: PLC0415 - only on Python 3.11
    except ImportError:
        return
    took = []
    for raw in xml:
        begin = time.perf_counter()
        event = voeventparse.loads(raw, check_version=False)
        try:
            voeventparse.get_event_time_as_utc(event)
            voeventparse.get_event_position(event)
        except (AttributeError, ValueError):
            pass  # no position or no time: it raises
        voeventparse.get_toplevel_params(event)
        took.append(time.perf_counter() - begin)
    report("alert parse", took, None, "voevent-parse with time, position, params")


def bench_deciding(raws: list[bytes]) -> None:
    """Gate, association, strategy: the whole decision about each notice."""
    rules, book, took = load_rules(), AlertBook(), []
    for raw in raws:
        notice = parse_notice(raw, source="file", received_utc=START_UTC)
        now_utc = (notice.t0_utc or START_UTC) + timedelta(seconds=20)
        begin = time.perf_counter()
        book, _ = receive(book, notice, now_utc, rules)
        took.append(time.perf_counter() - begin)
    report("alert decision", took, 10.0)


async def bench_vtp(raws: list[bytes]) -> None:
    """Author to receiver's callback, parsed, over loopback TCP, a connection for each event."""
    took: list[float] = []
    begin = 0.0

    async def arrived(raw: bytes, _peer: str) -> Reception:
        parse_notice(raw, source="bench", received_utc=START_UTC)
        took.append(time.perf_counter() - begin)
        return Reception(accepted=True)

    clock = LoopClock(asyncio.get_running_loop(), epoch_unix_s=START_UTC.timestamp())
    server = VtpReceiver(port=0, local_ivo="ivo://bench/here", on_event=arrived, clock=clock)
    await server.start()
    for raw in [raw for raw in raws if raw.lstrip().startswith(b"<")][:200]:
        begin = time.perf_counter()
        await send_voevent(raw, host="127.0.0.1", port=server.port)
    await server.stop()
    report("vtp author to parsed notice", took, None, "Comet hop alone: median 2.5 ms, p95 6.8 ms")


def bench_tiling() -> None:
    """A sky map of 20,000 cells to twenty fields of 1.9 deg, among as many as the handler asks."""
    rng = np.random.default_rng(1)
    order, cells = 6, np.sort(rng.choice(12 * 4**6, 20_000, replace=False))
    density_per_sr = rng.pareto(1.0, cells.size)
    took: list[float] = []
    for _ in range(5):
        begin = time.perf_counter()
        density = density_from_uniq(4 * 4**order + cells, density_per_sr)
        grid = fields_near(density, 1.9, 1.9, count=80)
        choose_tiles(
            density, grid, TilingRule(max_tiles=20, contour=0.9, min_tile_probability=1e-5)
        )
        took.append(time.perf_counter() - begin)
    report("sky map to 20 tiles", took, 1000.0)


def bench_lvk() -> None:
    """An LVK alert of two megabytes."""
    body = base64.b64encode(b"SIMPLE  =" + b"\x00" * 1_500_000).decode()
    raw = json.dumps(
        {
            "alert_type": "PRELIMINARY",
            "superevent_id": "S261123a",
            "time_created": "2026-11-23T18:00:00Z",
            "event": {"time": "2026-11-23T17:59:00Z", "far": 1e-9, "skymap": body},
        }
    ).encode()
    took: list[float] = []
    for _ in range(50):
        begin = time.perf_counter()
        parse_notice(raw, source="bench", received_utc=START_UTC)
        took.append(time.perf_counter() - begin)
    report("lvk alert of 2 MB parse", took, None, "json.loads alone: 1.8-3.8 ms")


def main() -> None:
    """Print all figures."""
    raws = packets()
    bench_parsing(raws)
    bench_deciding(raws)
    asyncio.run(bench_vtp(raws))
    bench_lvk()
    bench_tiling()


if __name__ == "__main__":
    main()
