"""A scenario: weather, faults and transients prescribed for a simulated night.

Times are seconds after an origin: the start of the simulation, or the sunset of its first night.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Literal

import msgspec

from pyros.sky.twilight import Night
from simulators.faults import Fault, FaultKind
from simulators.sky_scene.transient import Transient
from simulators.weather import Override

if TYPE_CHECKING:
    from pyros.sky.site import Site


class WeatherEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch of prescribed weather; quantities left out follow the seed."""

    at_s: float
    """Seconds after the origin."""
    for_s: float
    """How long."""
    temperature_deg_C: float | None = None  # noqa: N815 - the unit is written degC
    """Air temperature."""
    humidity_pct: float | None = None
    """Relative humidity."""
    wind_m_s: float | None = None
    """Mean wind; gusts follow."""
    rain_mm_h: float | None = None
    """Rain."""
    cloud_fraction: float | None = None
    """Sky cover, 0..1."""
    seeing_arcsec: float | None = None
    """Seeing at 500 nm in the zenith."""

    def override(self, origin_unix_s: float) -> Override:
        """The weather it prescribes."""
        start_s = origin_unix_s + self.at_s
        values = msgspec.structs.asdict(self)
        del values["at_s"], values["for_s"]
        return Override(start_unix_s=start_s, end_unix_s=start_s + self.for_s, **values)


class FaultEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something breaks."""

    at_s: float
    """Seconds after the origin."""
    device: str
    """`{unit}/{device}`; any text for a link fault."""
    kind: FaultKind
    """How it fails."""
    for_s: float | None = None
    """Seconds until it is repaired; never when left out."""
    reason: str = ""
    """What the device says about it."""
    factor: float = 1.0
    """For slow: how many times as long."""
    readings: dict[str, float | int | str | bool | None] = {}
    """For wrong: property to value."""

    def complaint(self, devices: tuple[str, ...]) -> str:
        """Why it cannot happen at a site with these devices; empty when it can."""
        if self.kind == FaultKind.LINK or self.device in devices:
            return ""
        near = difflib.get_close_matches(self.device, devices, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(devices)}"
        return f"fault: no device {self.device!r}; {remedy}"

    def fault(self) -> Fault:
        """What is pinned."""
        return Fault(
            device=self.device,
            kind=self.kind,
            reason=self.reason,
            factor=self.factor,
            readings=self.readings,
        )


class TransientEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new star flares up."""

    at_s: float
    """Seconds after the origin of its trigger."""
    ra_deg: float
    """ICRS."""
    dec_deg: float
    """ICRS."""
    mag_at_60s: float = 14.0
    """AB magnitude a minute after the trigger."""
    decay: float = 1.0
    """Flux goes as time to the minus this."""

    def transient(self, origin_unix_s: float) -> Transient:
        """The source in the sky."""
        return Transient(
            ra_deg=self.ra_deg,
            dec_deg=self.dec_deg,
            t0_unix_s=origin_unix_s + self.at_s,
            mag_at_60s=self.mag_at_60s,
            decay=self.decay,
        )


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens beside what the seed brings."""

    origin: Literal["start", "sunset"] = "start"
    """What times count from."""
    weather: tuple[WeatherEvent, ...] = ()
    """Prescribed weather; later entries win."""
    faults: tuple[FaultEvent, ...] = ()
    """Faults."""
    transients: tuple[TransientEvent, ...] = ()
    """New stars."""

    def complaints(self, devices: tuple[str, ...]) -> list[str]:
        """What in it cannot happen at a site with these devices, one line each."""
        complaints = (event.complaint(devices) for event in self.faults)
        return [complaint for complaint in complaints if complaint]

    def origin_unix_s(self, site: Site, start_unix_s: float) -> float:
        """The instant from which its times count."""
        if self.origin == "start":
            return start_unix_s
        night = Night.at(site, start_unix_s)
        return start_unix_s if night.sunset is None else night.sunset
