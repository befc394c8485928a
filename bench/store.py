"""Figures of storage: commits, telemetry, frames; the bare drivers beside them in the same run.

Prints one JSON line per figure. Files lie in a temporary directory, so the disk below it counts.
"""

from __future__ import annotations

import asyncio
import io
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiosqlite
import numpy as np
from astropy.io import fits

from actors.archive.measure import measure
from actors.archive.preview import write_preview
from protocols.fits import complete_frame, decode_frame
from protocols.fits_header import HeaderCard
from pyros.store import JournalLine, Sample, Store, StoreSettings

NOW_UTC = datetime(2026, 11, 23, 20, tzinfo=UTC)


def say(figure: str, value: float, unit: str, **more: object) -> None:
    """Print one figure."""
    print(json.dumps({"figure": figure, "value": round(value, 4), "unit": unit, **more}))


def line(number: int) -> JournalLine:
    """A line as long as the usual ones."""
    return JournalLine(
        kind="decision",
        subject="/observing/scheduler",
        text=f"sequence agn-ngc7469-{number} placed at 20:14:30, 610 s, priority 82",
        time_utc=NOW_UTC,
        data={"sequence_id": f"agn-{number}", "start_s": 870.0, "value": 12.5},
    )


async def commits(store: Store, count: int) -> list[float]:
    """Milliseconds of single commits of one line."""
    taken = []
    for number in range(count):
        start = time.perf_counter()
        await store.journal.append([line(number)])
        taken.append((time.perf_counter() - start) * 1e3)
    return taken


async def journal_figures(root: Path) -> None:
    """Latency of one commit, and lines per second in batches."""
    async with Store(root / "full") as store:
        taken = sorted(await commits(store, 300))
        say("journal_commit_p50_ms", statistics.median(taken), "ms", synchronous="FULL")
        say("journal_commit_p99_ms", taken[int(0.99 * len(taken))], "ms", synchronous="FULL")
        start = time.perf_counter()
        for batch in range(50):
            await store.journal.append([line(batch * 200 + i) for i in range(200)])
        rate = 10_000 / (time.perf_counter() - start)
        peer = await bare_rate(root / "bare.db", rows=10_000, batch=200)
        say("journal_lines_per_s", rate, "1/s", batch=200, peer_bare_aiosqlite=round(peer))
        start = time.perf_counter()
        await store.journal.digest()
        say("journal_digest_10k_lines_ms", (time.perf_counter() - start) * 1e3, "ms")
        raw, packets = b"x" * 6000, []
        for number in range(200):
            start = time.perf_counter()
            await store.alerts.store_packet(
                raw + bytes([number]), source="vtp", topic=None, received_utc=NOW_UTC
            )
            packets.append((time.perf_counter() - start) * 1e3)
        packets.sort()
        say("alert_packet_committed_p50_ms", statistics.median(packets), "ms")
        say("alert_packet_committed_p99_ms", packets[197], "ms")
    async with Store(None, StoreSettings(synchronous="OFF")) as store:
        taken = await commits(store, 2000)
        say("journal_commit_in_memory_p50_ms", statistics.median(taken), "ms", target=0.5)


async def bare_rate(path: Path, *, rows: int, batch: int) -> float:
    """Rows per second of aiosqlite alone, text rows of the same length, FULL."""
    async with aiosqlite.connect(path) as bare:
        await bare.execute("PRAGMA journal_mode = WAL")
        await bare.execute("PRAGMA synchronous = FULL")
        await bare.execute("CREATE TABLE journal (seq INTEGER PRIMARY KEY, a, b, c, d, e, f)")
        one = ("decision", "info", "/observing/scheduler", "x" * 70, NOW_UTC.isoformat(), "y" * 60)
        start = time.perf_counter()
        for _ in range(rows // batch):
            await bare.executemany(
                "INSERT INTO journal (a, b, c, d, e, f) VALUES (?, ?, ?, ?, ?, ?)", [one] * batch
            )
            await bare.commit()
        return rows / (time.perf_counter() - start)


async def telemetry_figures(root: Path) -> None:
    """Samples per second, and a night's trend."""
    async with Store(root / "telemetry") as store:
        for batch in (100, 500):
            samples = [
                Sample(f"site/meteo-1/x{i % 10}", "m/s", NOW_UTC, float(i)) for i in range(batch)
            ]
            start, count = time.perf_counter(), 0
            while time.perf_counter() - start < 1.0:
                at = NOW_UTC + timedelta(seconds=count)
                moved = [Sample(s.channel, s.unit, at, s.value) for s in samples]
                await store.telemetry.append(moved)
                count += 1
            rate = count * batch / (time.perf_counter() - start)
            say("telemetry_samples_per_s", rate, "1/s", batch=batch)
        night = [
            Sample("tel1/f/t", "deg_C", NOW_UTC + timedelta(seconds=5.0 * i), float(i % 700))
            for i in range(10_000)
        ]
        await store.telemetry.append(night)
        start = time.perf_counter()
        trend = await store.telemetry.trend(
            "tel1/f/t", start_utc=NOW_UTC, end_utc=NOW_UTC + timedelta(hours=14), points=500
        )
        say("trend_of_a_night_ms", (time.perf_counter() - start) * 1e3, "ms", points=len(trend))


def frame_figures(root: Path) -> None:
    """Completing, measuring and picturing a frame; astropy's own writing beside it."""
    cards = [HeaderCard(f"KEY{i}", 1.5 * i, "[deg] a card of ours") for i in range(80)]
    for side in (512, 4096):
        pixels = np.random.default_rng(1).poisson(900, (side, side)).astype(np.uint16)
        stream = io.BytesIO()
        fits.PrimaryHDU(pixels).writeto(stream)
        raw, steps = (
            stream.getvalue(),
            {"complete": [], "measure": [], "preview": [], "astropy": []},
        )
        for _ in range(5):
            start = time.perf_counter()
            frame = decode_frame(raw, "bench")
            complete_frame(frame, cards, root / "a.fits", durable=False)
            steps["complete"].append(time.perf_counter() - start)
            counts = frame.pixels
            start = time.perf_counter()
            measure(counts, saturation_adu=60_000.0)
            steps["measure"].append(time.perf_counter() - start)
            start = time.perf_counter()
            write_preview(counts, root / "a.png", longest_px=512)
            steps["preview"].append(time.perf_counter() - start)
            start = time.perf_counter()
            with fits.open(io.BytesIO(raw)) as hdus:
                hdus[0].header.update({card.keyword: card.value for card in cards})
                hdus.writeto(root / "b.fits", overwrite=True, checksum=True)
            steps["astropy"].append(time.perf_counter() - start)
        median = {name: statistics.median(taken) * 1e3 for name, taken in steps.items()}
        say(
            f"frame_{side}_completed_ms",
            median["complete"],
            "ms",
            peer_astropy_writeto=round(median["astropy"], 2),
        )
        say(f"frame_{side}_measured_ms", median["measure"], "ms")
        say(f"frame_{side}_previewed_ms", median["preview"], "ms")


async def main() -> None:
    """Run everything in a directory that goes away."""
    with tempfile.TemporaryDirectory(prefix="pyros-bench-") as directory:
        root = Path(directory)
        await journal_figures(root)
        await telemetry_figures(root)
        frame_figures(root)


if __name__ == "__main__":
    asyncio.run(main())
