"""A whole site as a process that is killed: at one of its database writes, or from outside."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from actors.alert_source.kafka import KafkaAlertSource
from actors.alert_source.settings import KafkaSourceSettings, PaceSettings, VtpReceiverSettings
from actors.alert_source.vtp import GetPorts, VtpReceiverSource
from actors.journal.messages import Flush
from actors.scheduler.messages import GetNext
from pyros.actor import ChildSpec
from pyros.actor.loops import run_dilated
from pyros.app.simulated_site import SimulatedSite, simulated_site
from tests.system.alert_night import CONFIG, settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from pathlib import Path

    from pyros.store import Store, StoredPacket

_SPEED = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """When the process ends.

    Attributes:
        at_write: Kills itself at this write to the database, counted from the first packet's; None
            lives on.
        committed: Whether that write is committed before.
    """

    at_write: int | None = None
    committed: bool = False


def serve(
    data: Path,
    rules: Path,
    start_unix_s: float,
    fate: Fate,
    pipe: Connection,
    kafka: KafkaSourceSettings | None = None,
) -> None:
    """Be the process: sends the port of its VTP receiver, then does what it is told.

    "go" lets its fate begin; "finish" has it say when it has done all that it was sent.
    """
    be = partial(_serve, data, rules, fate, pipe, kafka)
    run_dilated(be, speed=_SPEED, epoch_unix_s=start_unix_s)


async def _serve(
    data: Path, rules: Path, fate: Fate, pipe: Connection, kafka: KafkaSourceSettings | None
) -> None:
    read = settings()
    handler_settings = msgspec.structs.replace(read.alerts.handler, rules=str(rules))
    changed = msgspec.structs.replace(
        read, alerts=msgspec.structs.replace(read.alerts, handler=handler_settings)
    )
    async with simulated_site(
        changed,
        config=CONFIG,
        data_dir=data,
        seed=5,
        rng=random.Random(5),  # noqa: S311 - no secret
        keep_database=True,
    ) as site:
        source = await site.control.spawn(
            ChildSpec(
                name="authors",
                factory=lambda: VtpReceiverSource(
                    settings=VtpReceiverSettings(port=0),
                    pace=PaceSettings(),
                    handler=site.control.ref("/alerts/handler"),
                ),
            )
        )
        pipe.send((await source.ask(GetPorts())).authors)
        while True:
            if await asyncio.to_thread(pipe.recv) == "go":
                _doom(site.plant.store, fate)
                if kafka is not None:
                    await _consume(site, kafka)
            else:
                await _finish(site)
                pipe.send("finished")


async def _consume(site: SimulatedSite, settings: KafkaSourceSettings) -> None:
    """Listen to a cluster too."""
    handler = site.control.ref("/alerts/handler")
    await site.control.spawn(
        ChildSpec(
            name="kafka",
            factory=lambda: KafkaAlertSource(
                settings=settings, client_secret=None, pace=PaceSettings(), handler=handler
            ),
        )
    )


def _doom(store: Store, fate: Fate) -> None:
    """Count writes from the first packet's on, and die at the one that is fate."""
    write, store_packet = store.database.write, store.alerts.store_packet
    count, begun = 0, False

    async def first(*args: Any, **named: Any) -> StoredPacket:
        nonlocal begun
        begun = True
        return await store_packet(*args, **named)

    async def counted(work: Callable[..., Any]) -> Any:
        nonlocal count
        count += begun
        fatal = begun and count == fate.at_write
        if fatal and not fate.committed:
            os.kill(os.getpid(), signal.SIGKILL)
        result = await write(work)
        if fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    store.alerts.store_packet = first  # type: ignore[method-assign]  # to know when it begins
    store.database.write = counted  # type: ignore[method-assign]  # a death at every write


async def _finish(site: SimulatedSite) -> None:
    """Wait until every stored packet is judged and the scheduler has what it was told."""
    while await site.plant.store.alerts.unjudged():  # noqa: ASYNC110 - rows have no event
        await asyncio.sleep(1.0)
    plant = site.plant
    await plant.observing(plant.alert_unit.id, "scheduler").ask(GetNext(), timeout_s=60.0)
    await plant.system.ref("/infrastructure/journal").ask(Flush(), timeout_s=60.0)
