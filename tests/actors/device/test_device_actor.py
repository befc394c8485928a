"""The device actor on the wire: availability, staleness, commands seen done."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import pytest_asyncio

from actors.device.actor import DeviceActor
from actors.device.messages import (
    AbortCommand,
    Command,
    DeviceStateChanged,
    DeviceStatus,
    GetStatus,
    SetMaintenance,
)
from actors.device.settings import DeviceSettings
from protocols.mqtt import MqttMessage
from pyros.domain.device import CommandStatus, DeviceKind, DeviceState, Quality

pytestmark = pytest.mark.asyncio
S = DeviceState


class Wheel(DeviceActor[DeviceSettings]):
    """A filter wheel, as any device."""

    kind = DeviceKind.FILTER_WHEEL


class Dome(DeviceActor[DeviceSettings]):
    """A dome, as any device."""

    kind = DeviceKind.DOME


async def wheel_actor(site, **settings):
    return await site.spawn(
        "wheel",
        lambda: Wheel(
            topics=site.topics,
            unit="tel1",
            device="wheel-vis",
            settings=DeviceSettings(**settings),
            mqtt=site.mqtt,
        ),
    )


@pytest_asyncio.fixture
async def wheel(site):
    """A scripted filter wheel."""
    return await site.device(DeviceKind.FILTER_WHEEL, "wheel-vis")


def select(filter_name: str) -> Command:
    return Command(verb="select", args={"filter": filter_name}, cause="test")


def ask(ref, message):
    """An ask in the background, with time enough."""
    return asyncio.create_task(ref.ask(message, timeout_s=600.0))


async def state_of(ref) -> DeviceState:
    return (await ref.ask(GetStatus())).state


async def test_actor_takes_a_device_that_is_there_already(site, wheel):
    """Started after the device, the actor is READY with good readings at once."""
    ref = await wheel_actor(site)
    status = await ref.ask(GetStatus())
    assert status.state is S.READY
    assert status.readings["filter"].value == "r"
    assert status.readings["filter"].quality is Quality.GOOD
    assert status.simulated


async def test_actor_takes_a_device_that_comes_later(site):
    """Started before the device, it waits, counts it lost, and takes it when it comes."""
    ref = await wheel_actor(site)
    assert await state_of(ref) is S.CONNECTING
    changes = await site.listen(DeviceStateChanged)
    await asyncio.sleep(40.0)
    assert await state_of(ref) is S.DISABLED
    await site.device(DeviceKind.FILTER_WHEEL, "wheel-vis")
    await asyncio.sleep(1.0)
    assert [change.new for change in changes] == [S.DISABLED, S.INITIALIZING, S.READY]


async def test_dead_process_disables_its_device_and_its_return_is_taken(site, wheel):
    """The will of the device's process disables it at once; a new process initialises it."""
    ref = await wheel_actor(site)
    changes = await site.listen(DeviceStateChanged)
    journal = await site.journal()
    await wheel.kill()
    await asyncio.sleep(0.1)
    assert await state_of(ref) is S.DISABLED
    wheel.boot = "boot-2"
    await wheel.start()
    await asyncio.sleep(0.5)
    assert [change.new for change in changes] == [S.DISABLED, S.INITIALIZING, S.READY]
    lines = [entry.text for entry in journal if entry.kind == "transition"]
    assert lines[0] == "wheel-vis READY -> DISABLED: the process that owns it is lost"


async def test_silent_device_goes_stale_and_is_lost(site, wheel):
    """A device that hangs with its connection up is lost when all it said is stale."""
    ref = await wheel_actor(site)
    wheel.silent = True
    await asyncio.sleep(45.0)
    status = await ref.ask(GetStatus())
    assert (status.state, status.reason) == (S.DISABLED, "no word for 37 s")
    assert {reading.quality for reading in status.readings.values()} == {Quality.STALE}


async def test_retained_words_of_a_dead_device_are_not_believed(site, wheel):
    """What a broker remembers of a device that is gone makes no device READY."""
    wheel.silent = True
    await asyncio.sleep(3600.0)
    ref = await wheel_actor(site)
    assert await state_of(ref) is S.INITIALIZING


async def test_command_is_done_when_telemetry_shows_it(site, wheel):
    """Select waits for the filter in telemetry, though the device said done before."""
    ref = await wheel_actor(site)
    asked = ask(ref, select("g"))
    await asyncio.sleep(0.1)
    assert wheel.last.args == {"filter": "g"}
    await wheel.set(moving=True)
    await wheel.reply(wheel.last, "done")
    await asyncio.sleep(3.0)
    assert not asked.done()
    assert await state_of(ref) is S.BUSY
    await wheel.set(filter="g", moving=False)
    outcome = await asked
    assert (outcome.status, outcome.verb) == (CommandStatus.DONE, "select")
    assert await state_of(ref) is S.READY


async def test_command_without_answer_fails_after_five_seconds(site, wheel):
    """Silence is told as such, not waited for until the deadline."""
    ref = await wheel_actor(site)
    wheel.accepts = False
    began = site.system.clock.monotonic_s()
    outcome = await ask(ref, select("g"))
    assert outcome.status is CommandStatus.FAILED
    assert "no answer" in outcome.detail
    assert site.system.clock.monotonic_s() - began == pytest.approx(5.0, abs=0.1)


async def test_refused_command_is_tried_again_and_then_failed_with_the_reason(site, wheel):
    """Two attempts under two ids; the device's own words end up in the outcome."""
    ref = await wheel_actor(site)
    asked = ask(ref, select("g"))
    for _ in range(2):
        await asyncio.sleep(0.1)
        await wheel.reply(wheel.last, "failed", "wheel jammed")
    outcome = await asked
    assert (outcome.status, outcome.detail) == (CommandStatus.FAILED, "wheel jammed")
    assert len({command.id for _, command in wheel.commands}) == 2


async def test_lost_device_fails_what_runs_and_what_waits(site, wheel):
    """Nobody waits for the deadline of a command to a dead device."""
    ref = await wheel_actor(site)
    running, waiting = ask(ref, select("g")), ask(ref, select("z"))
    await asyncio.sleep(0.1)
    await wheel.kill()
    outcomes = [await running, await waiting]
    assert [outcome.status for outcome in outcomes] == [CommandStatus.FAILED] * 2
    assert "lost" in outcomes[0].detail


async def test_abort_ends_running_and_waiting_commands_ahead_of_them(site, wheel):
    """A stop stops: neither the running command nor those behind it go on."""
    ref = await wheel_actor(site)
    running, waiting = ask(ref, select("g")), ask(ref, select("z"))
    await asyncio.sleep(0.1)
    stopped = await ask(ref, AbortCommand(cause="operator"))
    assert stopped.done
    assert (await running).status is CommandStatus.ABORTED
    assert (await waiting).status is CommandStatus.ABORTED
    assert wheel.verbs == ["select"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (Command(verb="dance", args={}, cause="t"), "no command 'dance'; known: select"),
        (Command(verb="select", args={"slot": 3}, cause="t"), "select takes filter; got slot"),
        (Command(verb="select", args={"filter": None}, cause="t"), "give a finite value"),
    ],
)
async def test_malformed_command_is_rejected_with_the_remedy(site, wheel, command, words):
    """An operator's mistake costs a sentence, not a crash, and nothing goes out."""
    ref = await wheel_actor(site)
    outcome = await ask(ref, command)
    assert outcome.status is CommandStatus.REJECTED
    assert words in outcome.detail
    assert wheel.commands == []


async def test_command_to_an_absent_device_is_rejected_at_once(site):
    """No deadline is waited for when the device is not there."""
    ref = await wheel_actor(site)
    outcome = await ask(ref, select("g"))
    assert outcome.status is CommandStatus.REJECTED
    assert "CONNECTING" in outcome.detail


async def test_device_in_maintenance_takes_no_commands_and_comes_back(site, wheel):
    """Somebody's hands are in it: nothing moves until it is given back."""
    ref = await wheel_actor(site)
    status = await ref.ask(SetMaintenance(on=True, who="ana", why="new filter"))
    assert (status.state, status.reason) == (S.MAINTENANCE, "ana: new filter")
    assert (await ask(ref, select("g"))).status is CommandStatus.REJECTED
    assert (await ref.ask(SetMaintenance(on=False, who="ana", why=""))).state is S.READY


@pytest.mark.parametrize(
    "payload",
    [
        {"v": 3.5},
        {"v": "three"},
        {"v": None},
        {"q": "bad"},
        {"u": "deg"},
        {"t": timedelta(seconds=60)},
    ],
)
async def test_values_that_cannot_be_right_are_bad(site, wheel, payload):
    """Wrong type, unit, quality or a stamp in the future: shown, and not decided on."""
    ref = await wheel_actor(site)
    if "t" in payload:
        payload = {"t": site.system.clock.now() + payload["t"]}
    await wheel.publish({"position": 2}, **payload)
    await asyncio.sleep(0.1)
    assert (await ref.ask(GetStatus())).readings["position"].quality is Quality.BAD
    await wheel.set(position=2)
    await asyncio.sleep(0.1)
    assert (await ref.ask(GetStatus())).readings["position"].quality is Quality.GOOD


async def test_late_value_does_not_replace_a_newer_one(site, wheel):
    """A message that was delayed on the way changes nothing."""
    ref = await wheel_actor(site)
    await wheel.publish({"filter": "z"}, t=site.system.clock.now() - timedelta(seconds=5))
    await asyncio.sleep(0.1)
    assert (await ref.ask(GetStatus())).readings["filter"].value == "r"


async def test_garbage_on_the_wire_harms_nobody(site, wheel):
    """Bytes that are no payload are logged and dropped; the actor lives on."""
    ref = await wheel_actor(site)
    for topic in (wheel.topics.prop("filter"), wheel.topics.state, wheel.topics.event):
        await wheel.link.publish(MqttMessage(topic=topic, payload=b"\xff{not json"))
    await wheel.publish({"filter": "z"}, t=site.system.clock.now().replace(tzinfo=None))
    await asyncio.sleep(0.1)
    status = await ref.ask(GetStatus())
    assert (status.state, status.readings["filter"].value) == (S.READY, "r")


async def test_fault_is_reported_climbs_its_ladder_once_and_calls_a_person(site):
    """A faulty dome is told to close twice, then a person is called, once."""
    dome = await site.device(DeviceKind.DOME, "dome")
    await site.spawn(
        "dome",
        lambda: Dome(
            topics=site.topics,
            unit="tel1",
            device="dome",
            settings=DeviceSettings(),
            mqtt=site.mqtt,
        ),
    )
    journal = await site.journal()
    await dome.set(shutter="stuck")
    await dome.state("fault", "motor stalled")
    await asyncio.sleep(3600.0)
    assert set(dome.verbs) == {"close"}
    alarms = [entry for entry in journal if entry.kind == "alarm"]
    assert len(alarms) == 1
    assert "motor stalled" in alarms[0].text


async def test_status_is_published_when_something_changes_and_seldom_when_not(site, wheel):
    """A quiet device costs a status every twenty seconds; a burst of changes costs one."""
    await wheel_actor(site)
    statuses = await site.listen(DeviceStatus)
    await asyncio.sleep(100.0)
    assert 4 <= len(statuses) <= 6
    statuses.clear()
    await wheel.set(moving=True, position=2, filter="g")
    await asyncio.sleep(1.0)
    assert len(statuses) == 1


async def test_lost_link_is_seen_and_survived(site, wheel):
    """The broker goes and comes: the device is lost by silence and taken back by itself."""
    ref = await wheel_actor(site)
    site.router.reachable = False
    site.link.sever()
    await asyncio.sleep(0.1)
    assert (await ask(ref, select("g"))).detail == "the MQTT link is down"
    await asyncio.sleep(60.0)
    assert await state_of(ref) is S.DISABLED
    site.router.reachable = True
    await asyncio.sleep(120.0)
    assert await state_of(ref) is S.READY
