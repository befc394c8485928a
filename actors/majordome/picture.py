"""The majordome's picture of the observatory, kept from events: what `conduct` decides from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.majordome.conduct import Closed, OperatorHold, Procedure, Situation
from pyros.domain.device import USABLE, DeviceKind, DeviceState, Quality
from pyros.domain.observatory import Mode, SkyPhase

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from actors.device.messages import DeviceStatus
    from pyros.domain.device import Reading
    from pyros.domain.verdict import Verdict


@dataclass(slots=True, kw_only=True)
class Picture:
    """What is known, updated by the actor; `situation` freezes it for a decision.

    Attributes:
        unit: The telescope this majordome conducts.
        expected: Names (`unit/device`) of the devices it needs to have heard of.
    """

    unit: str
    expected: tuple[str, ...]
    mode: Mode = Mode.STARTING
    phase: SkyPhase | None = None
    verdict: Verdict | None = None
    hold: OperatorHold | None = None
    procedure: Procedure | None = None
    not_before_utc: datetime | None = None
    close_again_utc: datetime | None = None
    calibrations_due: str | None = None
    stopping: bool = False
    devices: dict[str, DeviceStatus] = field(default_factory=dict)

    def note(self, status: DeviceStatus) -> bool:
        """Take in what a device of this telescope or of the site says; whether it is news.

        Most statuses only carry on the numbers, on which nothing is decided here.
        """
        if status.unit not in (self.unit, "site"):
            return False
        name = f"{status.unit}/{status.device}"
        old = self.devices.get(name)
        self.devices[name] = status
        return old is None or _gist(old) != _gist(status)

    def situation(self) -> Situation:
        """The picture as it stands, frozen."""
        return Situation(
            mode=self.mode,
            phase=self.phase,
            verdict=self.verdict,
            closed=self._closed(),
            opened=self._opened(),
            blocking_lost=self._blocking_lost(),
            hold=self.hold,
            procedure=self.procedure,
            not_before_utc=self.not_before_utc,
            close_again_utc=self.close_again_utc,
            calibrations_due=self.calibrations_due,
            stopping=self.stopping,
            devices_known=self._devices_known(),
        )

    def _devices_known(self) -> bool:
        """Every blocking device has been usable or lost, never still unknown."""
        unknown = (DeviceState.UNKNOWN, DeviceState.CONNECTING, DeviceState.INITIALIZING)
        return all(
            name in self.devices
            and not (self.devices[name].blocking and self.devices[name].state in unknown)
            for name in self.expected
        )

    def _blocking_lost(self) -> tuple[tuple[str, datetime], ...]:
        return tuple(
            (name, status.since_utc)
            for name, status in sorted(self.devices.items())
            if status.blocking and status.state not in USABLE
        )

    def channels(self) -> tuple[str, ...]:
        """Channels (camera ids) that can be used now, sorted."""
        return tuple(
            sorted(
                status.device
                for status in self.devices.values()
                if status.kind is DeviceKind.CAMERA and status.state in USABLE
            )
        )

    def _of_kind(self, kind: DeviceKind) -> Mapping[str, Reading]:
        for status in self.devices.values():
            if status.kind is kind and status.unit == self.unit:
                return status.readings if status.state in USABLE else {}
        return {}

    def _closed(self) -> Closed:
        dome, telescope = self._of_kind(DeviceKind.DOME), self._of_kind(DeviceKind.TELESCOPE)
        seen = (good(dome, "shutter"), good(telescope, "cover"), good(telescope, "parked"))
        if any(value is None for value in seen):
            return Closed.UNKNOWN
        return Closed.YES if seen == ("closed", "closed", True) else Closed.NO

    def _opened(self) -> bool:
        dome, telescope = self._of_kind(DeviceKind.DOME), self._of_kind(DeviceKind.TELESCOPE)
        return (
            good(dome, "shutter") == "open"
            and good(telescope, "cover") == "open"
            and good(telescope, "parked") is False
        )


def _gist(status: DeviceStatus) -> tuple[object, ...]:
    """What of a status a situation depends on."""
    said = (good(status.readings, name) for name in ("shutter", "cover", "parked"))
    return (status.state, status.since_utc, status.blocking, *said)


def good(readings: Mapping[str, Reading], name: str) -> object | None:
    """A reading's value when it may be trusted, else None."""
    reading = readings.get(name)
    return reading.value if reading is not None and reading.quality is Quality.GOOD else None
