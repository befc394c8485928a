"""The simulated camera: exposes, reads out, leaves a FITS frame in the spool, stays cold."""

from __future__ import annotations

import asyncio
import math
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec

from protocols.payloads import FirstPhotonEvent, FrameEvent
from pyros.actor import Message
from pyros.clock import datetime_from_unix
from pyros.domain.device import DeviceKind
from simulators.kinematics import Rates
from simulators.light_path import LightPathSettings, scene_at, scene_over
from simulators.orders import Begun, Done, Refused
from simulators.simulated_device import SimulatedDevice, Wiring
from simulators.sky_scene.detector import DetectorSettings, detector_for
from simulators.sky_scene.passband import PASSBANDS, Passband
from simulators.sky_scene.scene import Optics
from simulators.spool import SpooledFrame, spool_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from protocols.payloads import Value
    from simulators.kinematics import Travel
    from simulators.orders import Answer, Order
    from simulators.sky_scene.scene import FrameKind, Scene

KINDS = frozenset({"light", "dark", "bias", "flat"})
BINNINGS = frozenset({1, 2, 4})
_DRAW_DEADLINE_S = 60.0


class CameraSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One channel: detector, its place on the telescope, its cooler."""

    id: str = "cam-vis"
    """Device id, which is the channel."""
    detector: DetectorSettings = DetectorSettings()
    """The detector."""
    pixel_scale_arcsec: float = 1.0
    """Of an unbinned pixel on the sky."""
    position_angle_deg: float = 0.0
    """Of the detector's y axis, from north through east."""
    wheel: str | None = "wheel-vis"
    """Device id of its filter wheel; none for a fixed filter."""
    filter: str = "r"
    """Its filter when it has no wheel."""
    passbands: tuple[Passband, ...] = ()
    """Filters that differ from the built-in ones, by name."""
    readout_s: float = 6.0
    """Seconds from the end of the exposure to the frame."""
    longest_exposure_s: float = 3600.0
    """It refuses longer exposures."""
    setpoint_deg_C: float = -100.0  # noqa: N815 - the unit is written degC
    """Temperature that its cooler holds at first."""
    coldest_deg_C: float = -130.0  # noqa: N815 - the unit is written degC
    """Lowest temperature that its cooler reaches."""
    cooling_K_s: float = 0.25  # noqa: N815 - the unit is K/s
    """How fast its temperature changes."""
    starts_warm: bool = False
    """Whether it wakes up at 15 deg_C with the cooler off."""

    @property
    def cooler_rates(self) -> Rates:
        """Of the sensor's temperature."""
        return Rates(max_per_s=self.cooling_K_s, acceleration_per_s2=self.cooling_K_s / 20.0)

    def passband(self, name: str) -> Passband:
        """A filter by its name.

        Raises:
            KeyError: When there is none; `SimulatorsSettings.faults` finds that beforehand.
        """
        own = next((band for band in self.passbands if band.name == name), None)
        return PASSBANDS[name] if own is None else own


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameWritten(Message):
    """The readout is over and the frame lies in the spool, or could not be written."""

    exposure_id: str
    frame: SpooledFrame | None
    why_not: str = ""


@dataclass(slots=True, kw_only=True)
class _Exposure:
    """The exposure in progress."""

    exposure_id: str
    kind: FrameKind
    asked_s: float
    binning: int
    start_unix_s: float
    scene: Scene
    taken_s: float = math.nan
    aborted: bool = False


class CameraSimulator(SimulatedDevice):
    """A camera.

    Args:
        wiring: Its site and process.
        unit: Telescope id.
        settings: What it is.
        light_path: What it looks through.
        spool: Directory where it leaves frames.
    """

    kind = DeviceKind.CAMERA
    dead_bands: ClassVar[Mapping[str, float]] = {"elapsed_s": 1e9, "temperature_deg_C": 0.5}

    def __init__(
        self,
        wiring: Wiring,
        unit: str,
        settings: CameraSettings,
        *,
        light_path: LightPathSettings,
        spool: Path,
    ) -> None:
        super().__init__(wiring, unit, settings.id)
        self.settings = settings
        self._light_path = light_path
        self._spool = spool
        self._activity: Literal["idle", "exposing", "reading"] = "idle"
        self._exposure: _Exposure | None = None
        self._last_id = ""
        self._cooler = not settings.starts_warm

    # --- readings ------------------------------------------------------------------------------

    @property
    def _sensor(self) -> Travel:
        return self.wiring.metal.telescopes[self.unit].sensors[self.device]

    def readings(self, unix_s: float) -> dict[str, Value]:
        """Activity, exposure and cooler."""
        exposure, elapsed_s = self._exposure, 0.0
        if exposure is not None:
            gone_s = unix_s - exposure.start_unix_s
            elapsed_s = gone_s if math.isnan(exposure.taken_s) else exposure.taken_s
        return {
            "activity": self._activity,
            "exposure_id": self._last_id,
            "elapsed_s": round(elapsed_s, 2),
            "temperature_deg_C": round(self._sensor.position(unix_s), 2),
            "setpoint_deg_C": self._sensor.end,
            "cooler": self._cooler,
        }

    def details(self) -> dict[str, Value]:
        """Detector and optics."""
        settings, detector = self.settings, self.settings.detector
        return {
            "width_px": detector.width_px,
            "height_px": detector.height_px,
            "pixel_um": detector.pixel_um,
            "pixel_scale_arcsec": settings.pixel_scale_arcsec,
            "position_angle_deg": settings.position_angle_deg,
            "gain_e_adu": detector.gain_e_adu,
            "read_noise_e": detector.read_noise_e,
            "bias_adu": detector.bias_adu,
            "full_well_e": detector.full_well_e,
            "readout_s": settings.readout_s,
            "wheel": settings.wheel,
        }

    def step_s(self) -> float:
        """Nothing to see between start and end of an exposure."""
        return 3600.0

    # --- orders --------------------------------------------------------------------------------

    def begin(self, order: Order, unix_s: float) -> Answer:
        """Begin to expose, to stop, or to cool."""
        match order.verb:
            case "expose":
                return self._expose(order, unix_s)
            case "abort":
                return self._abort(save=order.flag("save"), unix_s=unix_s)
            case _:
                return self._cool(order.number("setpoint_deg_C"), unix_s)

    def _expose(self, order: Order, unix_s: float) -> Answer:
        settings, kind = self.settings, order.text("kind")
        exposure_s, binning = order.number("exposure_s"), order.number("binning")
        exposure_id = order.text("exposure_id")
        if self._activity != "idle":
            return Refused(f"{self._activity} {self._last_id}")
        if kind not in KINDS:
            return Refused(f"kind = {kind!r}; one of {', '.join(sorted(KINDS))}")
        if not 0.0 <= exposure_s <= settings.longest_exposure_s:
            longest_s = settings.longest_exposure_s
            return Refused(f"exposure_s = {exposure_s:g} is outside 0..{longest_s:g}")
        if kind == "bias" and exposure_s > 0.0:
            return Refused(f"exposure_s = {exposure_s:g}; a bias takes 0 s")
        if binning not in BINNINGS:
            return Refused(f"binning = {binning:g}; one of 1, 2, 4")
        self._activity, self._last_id = "exposing", exposure_id
        self._exposure = _Exposure(
            exposure_id=exposure_id,
            kind=kind,  # type: ignore[arg-type]  # checked above
            asked_s=exposure_s,
            binning=int(binning),
            start_unix_s=unix_s,
            scene=scene_at(
                self.wiring.metal,
                self.unit,
                self._light_path,
                self._passband(unix_s),
                exposure_id=f"{self.device}/{exposure_id}",
                kind=kind,  # type: ignore[arg-type]  # checked above
                exposure_s=exposure_s,
                unix_s=unix_s,
            ),
        )
        if kind in ("light", "flat") and exposure_s > 0.0:
            start_utc = datetime_from_unix(unix_s)
            self.emit(FirstPhotonEvent(exposure_id=exposure_id, start_utc=start_utc))
        return Begun("exposure", unix_s + exposure_s)

    def _passband(self, unix_s: float) -> Passband:
        wheel = self.settings.wheel
        if wheel is None:
            return self.settings.passband(self.settings.filter)
        return self.settings.passband(
            self.wiring.metal.telescopes[self.unit].wheels[wheel].filter(unix_s)
        )

    def _abort(self, *, save: bool, unix_s: float) -> Answer:
        exposure = self._exposure
        if self._activity != "exposing" or exposure is None:
            return Done("nothing to abort" if self._activity == "idle" else "reading out")
        exposure.aborted = True
        if save:
            self._read_out(exposure, unix_s)
        else:
            self._exposure, self._activity = None, "idle"
            self.finish("exposure", Refused("aborted without saving"))
        return Done()

    def _cool(self, setpoint_deg_C: float, unix_s: float) -> Answer:  # noqa: N803 - unit
        settings, sensors = self.settings, self.wiring.metal.telescopes[self.unit].sensors
        if not settings.coldest_deg_C <= setpoint_deg_C <= 30.0:
            return Refused(
                f"setpoint_deg_C = {setpoint_deg_C:g} is outside {settings.coldest_deg_C:g}..30"
            )
        self._cooler = True
        sensors[self.device] = self._sensor.towards(setpoint_deg_C, unix_s, settings.cooler_rates)
        return Begun("cooler", self._sensor.end_unix_s)

    def conclude(self, order: Order, unix_s: float) -> Answer:
        """The exposure is over: read out; the order ends when the frame lies in the spool."""
        exposure = self._exposure
        if order.verb == "expose" and exposure is not None:
            if self._activity == "exposing":
                self._read_out(exposure, unix_s)
            return Begun("exposure", math.inf)
        return Done()

    def dropped(self, order: Order, unix_s: float) -> None:
        """The electronics failed: the exposure is lost."""
        del unix_s
        if order.verb == "expose":
            self._exposure, self._activity = None, "idle"

    # --- readout -------------------------------------------------------------------------------

    def _read_out(self, exposure: _Exposure, unix_s: float) -> None:
        exposure.taken_s = max(0.0, min(unix_s - exposure.start_unix_s, exposure.asked_s))
        self._activity = "reading"
        running = self.desk.running.get("exposure")
        if running is not None:
            self.desk.running["exposure"] = running.prolonged(math.inf)
        scene = scene_over(
            exposure.scene,
            self.wiring.metal,
            self.unit,
            self._light_path,
            exposure_s=exposure.taken_s,
            end_unix_s=unix_s,
        )
        scene = replace(scene, sensor_temperature_deg_C=self._sensor.position(unix_s))
        self.start_task(self._write(exposure, scene), name="readout")

    async def _write(self, exposure: _Exposure, scene: Scene) -> None:
        """Draw while the detector is read: the readout's time is a timer, not the computation."""
        settings, slowness = self.settings, self.condition.slowness
        ready_s = self.clock.monotonic_s() + settings.readout_s * slowness
        detector = detector_for(settings.detector, self._seed, exposure.binning)
        name = f"{self.unit}-{self.device}-{exposure.exposure_id}"
        try:
            frame = await self.blocking(
                spool_frame,
                self._spool,
                name,
                scene,
                self._optics,
                detector,
                self.key,
                deadline_s=_DRAW_DEADLINE_S,
            )
        except OSError as error:
            written = FrameWritten(
                exposure_id=exposure.exposure_id, frame=None, why_not=f"spool: {error}"
            )
        else:
            written = FrameWritten(exposure_id=exposure.exposure_id, frame=frame)
        await asyncio.sleep(max(0.0, ready_s - self.clock.monotonic_s()))
        self.ref.tell(written)

    @property
    def _optics(self) -> Optics:
        return Optics(
            scale_arcsec=self.settings.pixel_scale_arcsec,
            f_ratio=self._light_path.f_ratio,
            pixel_um=self.settings.detector.pixel_um,
            image_fwhm_arcsec=self._light_path.image_fwhm_arcsec,
            position_angle_deg=self.settings.position_angle_deg,
        )

    @property
    def _seed(self) -> int:
        """Seed of the detector's fixed patterns: its own for every camera of a site."""
        return zlib.crc32(f"{self.wiring.metal.seed}/{self.key}".encode())

    async def on_receive(self, message: Message) -> Any:
        """Handle the end of a readout beside everything else."""
        if isinstance(message, FrameWritten):
            self._written(message)
            return None
        return await super().on_receive(message)

    def _written(self, written: FrameWritten) -> None:
        exposure = self._exposure
        if exposure is None or exposure.exposure_id != written.exposure_id:
            return  # the electronics failed meanwhile
        self._exposure, self._activity = None, "idle"
        frame = written.frame
        if frame is None:
            self.finish("exposure", Refused(written.why_not))
        else:
            self.emit(
                FrameEvent(
                    exposure_id=exposure.exposure_id,
                    path=str(frame.path),
                    sha256=frame.sha256,
                    bytes=frame.bytes,
                    start_utc=datetime_from_unix(exposure.start_unix_s),
                    end_utc=datetime_from_unix(exposure.start_unix_s + exposure.taken_s),
                    exposure_s=exposure.taken_s,
                    kind=exposure.kind,
                    aborted=exposure.aborted,
                )
            )
            self.finish("exposure", Done("aborted, saved" if exposure.aborted else ""))
        self.sense(exact=True)
