"""Builds one telescope's part of the tree: its device actors and its observing actors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from actors.calibration.actor import Calibration
from actors.camera.actor import CameraActor
from actors.dome.actor import DomeActor
from actors.filter_wheel.actor import FilterWheelActor
from actors.focuser.actor import FocuserActor
from actors.majordome.actor import Majordome
from actors.majordome.procedures import Shelter
from actors.scheduler.actor import Scheduler
from actors.sequencer.actor import Sequencer
from actors.sequencer.hardware import Hardware
from actors.telescope.actor import TelescopeActor
from protocols.topics import SITE_UNIT
from pyros.actor import Backoff, ChildSpec, Strategy, SupervisorSpec

if TYPE_CHECKING:
    from pyros.app.plant import Plant
    from pyros.app.settings import UnitSettings

PATIENT = Backoff(base_s=1.0, cap_s=30.0, jitter=0.2)
MANY_RESTARTS = 20


def unit_devices(plant: Plant, unit: UnitSettings) -> SupervisorSpec:
    """The device actors of one telescope, dome first."""
    common: dict[str, Any] = {"topics": plant.topics, "unit": unit.id, "mqtt": plant.mqtt}
    children: list[ChildSpec[Any]] = [
        ChildSpec(
            name=unit.dome_id,
            factory=partial(
                DomeActor,
                device=unit.dome_id,
                settings=unit.dome,
                safety=plant.safety,
                follows=unit.id,
                **common,
            ),
        ),
        ChildSpec(
            name=unit.mount_id,
            factory=partial(
                TelescopeActor,
                device=unit.mount_id,
                settings=unit.mount,
                site=plant.site,
                **common,
            ),
        ),
    ]
    if unit.focuser_id is not None:
        children.append(
            ChildSpec(
                name=unit.focuser_id,
                factory=partial(
                    FocuserActor, device=unit.focuser_id, settings=unit.focuser, **common
                ),
            )
        )
    for channel in unit.channel:
        children.append(
            ChildSpec(
                name=channel.id,
                factory=partial(CameraActor, device=channel.id, settings=channel.camera, **common),
            )
        )
        if channel.wheel_id is not None:
            children.append(
                ChildSpec(
                    name=channel.wheel_id,
                    factory=partial(
                        FilterWheelActor,
                        device=channel.wheel_id,
                        settings=channel.wheel,
                        **common,
                    ),
                )
            )
    return SupervisorSpec(
        name=unit.id, children=tuple(children), max_restarts=MANY_RESTARTS, backoff=PATIENT
    )


def _hardware(plant: Plant, unit: UnitSettings) -> Hardware:
    return Hardware(
        telescope=plant.device(unit.id, unit.mount_id),
        cameras={channel.id: plant.device(unit.id, channel.id) for channel in unit.channel},
        wheels={
            channel.id: plant.device(unit.id, channel.wheel_id)
            for channel in unit.channel
            if channel.wheel_id is not None
        },
        focuser=plant.device(unit.id, unit.focuser_id) if unit.focuser_id is not None else None,
    )


def unit_observing(plant: Plant, unit: UnitSettings) -> SupervisorSpec:
    """Majordome last; when the scheduler or the sequencer crashes it starts afresh after them."""
    hardware = _hardware(plant, unit)
    plc_id = plant.settings.plc_id
    plc = plant.device(SITE_UNIT, plc_id) if plc_id is not None else None
    expected = {
        f"{unit.id}/{device}": plant.device(unit.id, device) for device in unit.device_ids()
    }
    if plc is not None:
        expected[f"{SITE_UNIT}/{plc_id}"] = plc
    return SupervisorSpec(
        name=unit.id,
        strategy=Strategy.REST_FOR_ONE,
        max_restarts=MANY_RESTARTS,
        backoff=PATIENT,
        children=(
            ChildSpec(
                name="scheduler",
                factory=partial(
                    Scheduler,
                    unit=unit.id,
                    site=plant.site,
                    store=plant.store,
                    programmes=plant.demands.programmes,
                    nightly=plant.demands.nightly,
                    channel_times=unit.channel_times(),
                    channels_by_unit=plant.settings.channels_by_unit(),
                    settings=unit.scheduler,
                    archive=plant.system.ref("/infrastructure/archive"),
                ),
            ),
            ChildSpec(
                name="sequencer",
                factory=partial(
                    Sequencer,
                    unit=unit.id,
                    hardware=hardware,
                    settings=unit.sequencer,
                    dome=unit.dome,
                    channel_times=unit.channel_times(),
                ),
            ),
            ChildSpec(
                name="calibration",
                factory=partial(
                    Calibration,
                    unit=unit.id,
                    hardware=hardware,
                    plc=plc,
                    settings=unit.calibration,
                    data_dir=plant.data_dir,
                ),
            ),
            ChildSpec(
                name="majordome",
                factory=partial(
                    Majordome,
                    unit=unit.id,
                    site=plant.site,
                    settings=unit.majordome,
                    shelter=Shelter(
                        dome=plant.device(unit.id, unit.dome_id), telescope=hardware.telescope
                    ),
                    scheduler=plant.observing(unit.id, "scheduler"),
                    sequencer=plant.observing(unit.id, "sequencer"),
                    calibration=plant.observing(unit.id, "calibration"),
                    expected=expected,
                ),
            ),
        ),
    )
