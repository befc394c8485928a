"""What a device actor knows of its device: words heard so far, readings, state. No I/O.

Mutable on purpose (a night brings a hundred thousand words), but it decides nothing by itself: the
decisions are the pure functions of `device_state` and `readings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from actors.device import readings
from actors.device.commands import Moment
from actors.device.device_state import Evidence, Step, settle
from pyros.domain.device import DeviceState, Quality

if TYPE_CHECKING:
    from datetime import datetime

    from actors.device.settings import DeviceSettings
    from protocols.payloads import (
        BridgeState,
        DescriptionPayload,
        DeviceStatePayload,
        PropertyPayload,
    )
    from pyros.domain.device import DeviceKind, Reading

Heard = Literal["nothing", "refreshed", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The limits of waiting, in the scales they count in.

    Attributes:
        slack_s: Observatory seconds of latency forgiven when ages are judged.
        silence_loop_s: Loop seconds of silence after which the device is lost.
        silence_s: The same in wall seconds, as the reason tells it.
    """

    slack_s: float
    silence_loop_s: float
    silence_s: float

    @classmethod
    def of(cls, settings: DeviceSettings, *, loop_per_wall: float) -> Patience:
        """The limits of settings, on a clock that runs so many times faster than the wall's."""
        return cls(
            slack_s=settings.slack_s * loop_per_wall,
            silence_loop_s=settings.silence_s * loop_per_wall,
            silence_s=settings.silence_s,
        )


class DeviceModel:
    """Knowledge about one device.

    Args:
        kind: What it is.
        patience: Limits of waiting.
        now_s: Loop time when listening began.
        now_utc: The observatory's time then.
    """

    def __init__(
        self, kind: DeviceKind, *, patience: Patience, now_s: float, now_utc: datetime
    ) -> None:
        self.kind = kind
        self.patience = patience
        self.state = DeviceState.UNKNOWN
        self.reason = ""
        self.since_utc = now_utc
        self.description: DescriptionPayload | None = None
        self.device: DeviceStatePayload | None = None
        self.bridge: BridgeState | None = None
        self.maintenance = ""
        self.readings: dict[str, Reading] = {}
        self.specs: dict[str, readings.PropertySpec] = {}
        self.complaints: dict[str, str] = {}
        """Per property, why its last value was bad."""
        self._undescribed: dict[str, PropertyPayload] = {}
        self.heard_s = now_s
        self._silence_loop_s = patience.silence_loop_s
        """Not shorter than the longest time to live: who may still be fresh is not silent."""

    # --- words ---------------------------------------------------------------------------------

    def hear_property(
        self, name: str, payload: PropertyPayload, *, now_utc: datetime
    ) -> tuple[Heard, str]:
        """A value came: whether it changed what is known, and a complaint that is new."""
        spec = self.specs.get(name)
        if spec is None:
            self._undescribed[name] = payload
            return "nothing", ""
        complaint = readings.fault(spec, payload, now_utc, slack_s=self.patience.slack_s)
        kept = self.readings.get(name)
        new = readings.reading_of(payload, bad=bool(complaint))
        if not readings.supersedes(new, kept):
            return "nothing", ""
        self.readings[name] = new
        fresh_complaint = complaint if complaint != self.complaints.get(name, "") else ""
        self.complaints[name] = complaint
        same = kept is not None and kept.value == new.value and kept.quality is new.quality
        return "refreshed" if same else "changed", fresh_complaint

    def hear_description(self, payload: DescriptionPayload, *, now_utc: datetime) -> bool:
        """A description came: whether it is another one than before.

        Values that came before it are judged now.
        """
        if payload == self.description:
            return False
        self.description = payload
        self.specs = readings.specs(self.kind, payload.properties)
        longest_s = max((spec.ttl_s for spec in self.specs.values()), default=0.0)
        self._silence_loop_s = max(self.patience.silence_loop_s, longest_s + self.patience.slack_s)
        early, self._undescribed = self._undescribed, {}
        for name, value in early.items():
            self.hear_property(name, value, now_utc=now_utc)
        return True

    def hear_device(self, payload: DeviceStatePayload) -> None:
        """The device's own state came; one stamped earlier than the one known is late."""
        known = self.device
        if known is None or known.boot != payload.boot or payload.t >= known.t:
            self.device = payload

    def hear_bridge(self, payload: BridgeState) -> None:
        """The state of the process that owns it came."""
        self.bridge = payload

    def moment(self, now_s: float, now_utc: datetime, *, answer_s: float) -> Moment:
        """What decisions about commands hang on, now."""
        return Moment(
            kind=self.kind,
            now_s=now_s,
            now_utc=now_utc,
            answer_s=answer_s,
            readings=self.now(now_utc),
        )

    # --- judgement -----------------------------------------------------------------------------

    def now(self, now_utc: datetime) -> dict[str, Reading]:
        """The readings as they are worth now."""
        return readings.aged(self.readings, self.specs, now_utc, slack_s=self.patience.slack_s)

    def evidence(self, *, now_s: float, now_utc: datetime, busy: bool) -> Evidence:
        """What is known, for the state machine."""
        device, bridge, description = self.device, self.bridge, self.description
        loop_per_wall = self.patience.silence_loop_s / self.patience.silence_s
        return Evidence(
            bridge=None if bridge is None else bridge.s,
            bridge_boot=None if bridge is None else bridge.boot,
            device=None if device is None else device.s,
            device_boot=None if device is None else device.boot,
            device_reason="" if device is None else device.reason,
            described_boot=None if description is None else description.boot,
            silent_s=(now_s - self.heard_s) / loop_per_wall,
            silence_s=self._silence_loop_s / loop_per_wall,
            awaited=()
            if self.state is not DeviceState.INITIALIZING and self.usable
            else readings.awaited(
                self.readings, self.specs.values(), now_utc, slack_s=self.patience.slack_s
            ),
            busy=busy,
            maintenance=self.maintenance,
        )

    @property
    def usable(self) -> bool:
        """Whether it is READY or BUSY."""
        return self.state is DeviceState.READY or self.state is DeviceState.BUSY

    def settle(self, *, now_s: float, now_utc: datetime, busy: bool) -> list[Step]:
        """The transitions that follow from what is known; the caller enters each by `enter`."""
        evidence = self.evidence(now_s=now_s, now_utc=now_utc, busy=busy)
        return settle(self.state, evidence)

    def enter(self, step: Step, now_utc: datetime) -> None:
        """Take a transition."""
        self.state, self.reason, self.since_utc = step.state, step.reason, now_utc

    def retire(self, now_utc: datetime) -> bool:
        """Mark what has become stale; whether anything has."""
        slack_s = self.patience.slack_s
        for name, reading in self.readings.items():
            spec = self.specs.get(name)
            if reading.quality is not Quality.STALE and (
                spec is None or readings.is_stale(reading, spec.ttl_s, now_utc, slack_s=slack_s)
            ):
                self.readings = self.now(now_utc)
                return True
        return False

    def due_s(self, now_s: float, now_utc: datetime) -> float | None:
        """Loop time at which silence or age next changes something."""
        dues = []
        if self.state not in {DeviceState.DISABLED, DeviceState.MAINTENANCE}:
            dues.append(self.heard_s + self._silence_loop_s)
        expiry_s = readings.first_expiry_s(
            self.readings, self.specs, now_utc, slack_s=self.patience.slack_s
        )
        if expiry_s is not None:
            dues.append(now_s + expiry_s)
        return min(dues, default=None)
