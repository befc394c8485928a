"""Kernel figures, with pykka's ThreadingActor and a raw asyncio.Queue in the same run.

One JSON line per figure, medians of rounds in which the peers take turns. Rates are per CPU second
of the whole process (both threads of a threading actor count), latencies are wall time. Lanes,
tracing and deadlines are on. Run it as `python bench/kernel.py [--quick]`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import statistics
import time
import tracemalloc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pykka

from pyros.actor import Actor, ActorRef, ActorSystem, ChildSpec, Lane, Message, Request
from pyros.actor.loops import run_real, run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

BURST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Message):
    """A command."""

    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Request[int]):
    """A request."""

    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Message):
    """Telemetry."""

    lane = Lane.TELEMETRY
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm(Message):
    """A safety message that waits for nothing."""

    lane = Lane.SAFETY
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupt(Message):
    """A safety message that cancels the awaiting handler."""

    lane = Lane.SAFETY
    interrupts = True
    at_s: float


class Counter(Actor):
    """Counts, in an async handler."""

    def __init__(self) -> None:
        self.count = 0

    async def on_receive(self, _message: Message) -> int:
        """Count."""
        self.count += 1
        return self.count


class Patient(Actor):
    """Works on samples, waits when told a negative number, and takes the time of alarms."""

    def __init__(self) -> None:
        self.count = 0
        self.late_s: list[float] = []

    async def on_receive(self, message: Message) -> int:
        """Count; take the time of alarms; work a little on samples."""
        if isinstance(message, (Alarm, Interrupt)):
            self.late_s.append(time.perf_counter() - message.at_s)
        elif isinstance(message, Sample):
            spin_until_s = time.perf_counter() + 20e-6
            while time.perf_counter() < spin_until_s:
                pass
        elif isinstance(message, Told) and message.number < 0:
            await asyncio.sleep(3600.0)
        self.count += 1
        return self.count


class ThreadCounter(pykka.ThreadingActor):
    """The peer."""

    use_daemon_thread = True

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_receive(self, _message: object) -> int:
        """Count."""
        self.count += 1
        return self.count


def say(figure: str, value: float, unit: str, **more: float | str) -> None:
    """Print one figure."""
    print(
        json.dumps({"figure": figure, "value": round(value, 3), "unit": unit, **more}), flush=True
    )


async def told_per_cpu_s(ref: ActorRef[Counter], count: int) -> float:
    """Messages per CPU second, told in bursts."""
    message = Told()
    begin_s = time.process_time()
    for _ in range(count // BURST):
        for _ in range(BURST):
            ref.tell(message)
        await ref.ask(Asked())
    return count / (time.process_time() - begin_s)


async def asked_per_cpu_s(ref: ActorRef[Counter], count: int) -> float:
    """Asks per CPU second, one after the other."""
    request = Asked()
    begin_s = time.process_time()
    for _ in range(count):
        await ref.ask(request)
    return count / (time.process_time() - begin_s)


def thread_told_per_cpu_s(ref: pykka.ActorRef[ThreadCounter], count: int) -> float:
    """The same for pykka's threads."""
    message = Told()
    begin_s = time.process_time()
    for _ in range(count // BURST):
        for _ in range(BURST):
            ref.tell(message)
        ref.ask(message)
    return count / (time.process_time() - begin_s)


def thread_asked_per_cpu_s(ref: pykka.ActorRef[ThreadCounter], count: int) -> float:
    """The same for pykka's threads."""
    message = Asked()
    begin_s = time.process_time()
    for _ in range(count):
        ref.ask(message)
    return count / (time.process_time() - begin_s)


async def queued_per_cpu_s(count: int) -> float:
    """A raw asyncio.Queue and one task, told in bursts."""
    queue: asyncio.Queue[Told | None] = asyncio.Queue()
    handled = 0

    async def handle(_message: Told) -> None:
        nonlocal handled
        handled += 1

    async def serve() -> None:
        while (message := await queue.get()) is not None:
            await handle(message)
            queue.task_done()

    server = asyncio.create_task(serve())
    message = Told()
    begin_s = time.process_time()
    for _ in range(count // BURST):
        for _ in range(BURST):
            queue.put_nowait(message)
        await queue.join()
    rate = count / (time.process_time() - begin_s)
    queue.put_nowait(None)
    await server
    return rate


async def queue_asked_per_cpu_s(count: int) -> float:
    """A raw asyncio.Queue with a future per request."""
    queue: asyncio.Queue[asyncio.Future[int] | None] = asyncio.Queue()

    async def handle(number: int) -> int:
        return number + 1

    async def serve() -> None:
        number = 0
        while (reply := await queue.get()) is not None:
            number = await handle(number)
            reply.set_result(number)

    server = asyncio.create_task(serve())
    loop = asyncio.get_running_loop()
    begin_s = time.process_time()
    for _ in range(count):
        reply: asyncio.Future[int] = loop.create_future()
        queue.put_nowait(reply)
        await reply
    rate = count / (time.process_time() - begin_s)
    queue.put_nowait(None)
    await server
    return rate


async def rates(rounds: int, told: int, asked: int) -> None:
    """Tell and ask rates, the peers taking turns."""
    found: dict[str, list[float]] = {}
    driver = ThreadCounter.start()
    async with ActorSystem(watchdog=False) as system:
        ref = await system.spawn(ChildSpec(name="counter", factory=Counter))
        for _ in range(rounds):
            found.setdefault("tell", []).append(await told_per_cpu_s(ref, told))
            found.setdefault("tell thread", []).append(thread_told_per_cpu_s(driver, told // 4))
            found.setdefault("tell queue", []).append(await queued_per_cpu_s(told))
            found.setdefault("ask", []).append(await asked_per_cpu_s(ref, asked))
            found.setdefault("ask thread", []).append(thread_asked_per_cpu_s(driver, asked // 4))
            found.setdefault("ask queue", []).append(await queue_asked_per_cpu_s(asked))
    driver.stop()
    median = {name: statistics.median(values) for name, values in found.items()}
    for kind, target, ratio in (("tell", 700_000, 2.0), ("ask", 100_000, 1.4)):
        unit = f"{kind}/cpu_s"
        say(f"kernel_{kind}", median[kind], unit, target=target)
        say(f"kernel_{kind}", median[f"{kind} thread"], unit, peer="pykka.ThreadingActor")
        say(f"kernel_{kind}", median[f"{kind} queue"], unit, peer="asyncio.Queue")
        # Paired: each round's own ratio, so that a busy machine slows both.
        paired = [
            ours / theirs for ours, theirs in zip(found[kind], found[f"{kind} thread"], strict=True)
        ]
        say(f"kernel_{kind}_ratio", statistics.median(paired), "x ThreadingActor", target=ratio)


def p99_ms(late_s: list[float]) -> float:
    """99th percentile, milliseconds."""
    return sorted(late_s)[int(len(late_s) * 0.99)] * 1e3


async def latencies(times: int) -> None:
    """A safety message behind telemetry; an interrupt of an awaiting handler."""
    patients: list[Patient] = []

    def make() -> Patient:
        patients.append(Patient())
        return patients[-1]

    async with ActorSystem(watchdog=False) as system:
        busy = await system.spawn(ChildSpec(name="busy", factory=make))
        for _ in range(times):
            for number in range(5_000):
                busy.tell(Sample(number=number))
            while sum(system.tree()[-1].depth) > 1_000:  # it is in the midst of its telemetry
                await asyncio.sleep(0.004)
                busy.tell(Alarm(at_s=time.perf_counter()))
            await busy.ask(Asked(), timeout_s=30.0)
            while sum(system.tree()[-1].depth):  # noqa: ASYNC110 - a black box
                await asyncio.sleep(0.01)
        say("kernel_safety_behind_5000_p99", p99_ms(patients[0].late_s), "ms", target=2.0)
        waiting = await system.spawn(ChildSpec(name="waiting", factory=make))
        for _ in range(times * 30):
            waiting.tell(Told(number=-1))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            waiting.tell(Interrupt(at_s=time.perf_counter()))
            await asyncio.sleep(0.0005)
        say("kernel_interrupt_p99", p99_ms(patients[1].late_s), "ms", target=1.0)


async def crowd(count: int) -> None:
    """Spawning many actors, their memory, and the tree of a thousand."""
    async with ActorSystem(watchdog=False) as system:
        begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
        for number in range(count):
            await system.spawn(ChildSpec(name=f"a{number}", factory=Counter))
        cpu_s = round(time.process_time() - begin_cpu_s, 3)
        say(f"kernel_spawn_{count}", time.perf_counter() - begin_s, "s", target=1.0, cpu_s=cpu_s)
    gc.collect()
    tracemalloc.start()
    async with ActorSystem(watchdog=False) as system:
        await system.spawn(ChildSpec(name="first", factory=Counter))
        before, _ = tracemalloc.get_traced_memory()
        for number in range(count // 5):
            await system.spawn(ChildSpec(name=f"a{number}", factory=Counter))
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        say("kernel_actor_memory", (after - before) / (count // 5), "B/actor", target=4096)
    async with ActorSystem(watchdog=False) as system:
        for number in range(1_000):
            await system.spawn(ChildSpec(name=f"a{number}", factory=Counter))
        took_ms = []
        for _ in range(50):
            begin_s = time.process_time()
            system.tree()
            took_ms.append((time.process_time() - begin_s) * 1e3)
        say("kernel_tree_1000", statistics.median(took_ms), "ms of CPU", target=2.0)


class Ticker(Actor):
    """Ticks once a second."""

    async def on_start(self) -> None:
        """Start the timer."""
        self.ticks = 0
        self.every(1.0, Told())

    async def on_receive(self, _message: Message) -> None:
        """Count."""
        self.ticks += 1


def virtual_speedup(hours: float) -> tuple[float, float]:
    """Virtual seconds per wall and per CPU second of 30 actors that tick at 1 Hz."""

    async def main() -> tuple[float, float]:
        async with ActorSystem() as system:
            for number in range(30):
                await system.spawn(ChildSpec(name=f"t{number}", factory=Ticker))
            begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
            await asyncio.sleep(hours * 3600.0)
            wall_s, cpu_s = time.perf_counter() - begin_s, time.process_time() - begin_cpu_s
            return hours * 3600.0 / wall_s, hours * 3600.0 / cpu_s

    return run_virtual(main)


async def growth(count: int) -> None:
    """Resident memory gained over many messages, told and asked."""
    async with ActorSystem(watchdog=False) as system:
        ref = await system.spawn(ChildSpec(name="counter", factory=Counter))
        await told_per_cpu_s(ref, 200_000)
        await asked_per_cpu_s(ref, 20_000)
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await told_per_cpu_s(ref, count)
        await asked_per_cpu_s(ref, count // 50)
        after_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        say("kernel_growth", (after_kb - before_kb) / 1024, "MiB", messages=count, target=4.0)


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    quick = parser.parse_args().quick
    runs: list[Callable[[], Any]] = [
        lambda: rates(3 if quick else 9, 20_000 if quick else 200_000, 2_000 if quick else 20_000),
        lambda: latencies(5 if quick else 40),
        lambda: crowd(1_000 if quick else 10_000),
        lambda: growth(500_000 if quick else 10_000_000),
    ]
    for run in runs:
        gc.collect()
        run_real(run)
    speedups = [virtual_speedup(0.5 if quick else 3.0) for _ in range(3)]
    wall, cpu = (statistics.median(values) for values in zip(*speedups, strict=True))
    say("kernel_virtual_speedup_30_actors", wall, "x", target=3000)
    say("kernel_virtual_speedup_30_actors_cpu", cpu, "x per CPU second")


if __name__ == "__main__":
    main()
