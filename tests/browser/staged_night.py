"""Event messages of a night, as the real actors publish them, for tests that need no observatory.

Everything is made of the production message classes; only the numbers are staged.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from actors.alert_handler.messages import AlertUpdated, LoadedStrategy, StrategiesInForce
from actors.archive.messages import FrameArchived
from actors.camera.messages import ExposureContext, ExposureStarted, FrameSpooled
from actors.device.messages import DeviceStatus
from actors.journal.messages import JournalEntry
from actors.majordome.messages import ModeChanged, SkyPhaseChanged
from actors.safety.messages import CloseOrder, SafetyVerdict
from actors.scheduler.messages import NotScheduled, PlanPublished, ScheduledSequence
from actors.sequencer.messages import AlertStage, SequenceEnded, SequenceProgress
from actors.weather_source.messages import WeatherReport
from actors.weather_verdict.messages import StationVote, WeatherVerdict
from actors.web_gateway.about import about_observatory
from pyros.domain.device import DeviceKind, DeviceState, Quality, Reading
from pyros.domain.observatory import Mode, SkyPhase
from pyros.domain.sequence import SequenceState
from pyros.domain.verdict import Reason, Safety, Verdict
from pyros.sky.horizon import HorizonMask
from pyros.sky.site import Site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyros.actor import Message

NOW = datetime(2026, 11, 23, 21, 4, 30, tzinfo=UTC)
NIGHT = "2026-11-23"
SITE = Site(
    latitude_deg=43.9308,
    longitude_deg=5.7133,
    height_m=650.0,
    name="Haute-Provence (simulated)",
    horizon=HorizonMask.from_points(
        [(0, 14), (40, 10), (90, 8), (130, 16), (180, 9), (230, 7), (270, 12), (320, 20)]
    ),
)
ABOUT = about_observatory(
    site_id="ohp",
    units=["t1"],
    min_altitude_deg=20.0,
    weather_limits={"wind_m_s": 15.0, "humidity_pct": 90.0, "cloud_fraction": 0.7},
    alert_kinds=["ep-wxt", "fermi-gbm", "svom-eclairs", "swift-bat"],
    simulated=True,
)
UNITS = {
    "deg": ("ra_deg", "dec_deg", "alt_deg", "az_deg", "azimuth_deg", "wind_from_deg"),
    "deg_C": ("temperature_deg_C", "setpoint_deg_C", "dew_point_deg_C", "sky_temperature_deg_C"),
    "m/s": ("wind_m_s", "gust_m_s"),
    "%": ("humidity_pct", "ups_charge_pct"),
}
TARGETS = (
    ("NGC 7331", 339.267, 34.416, "galaxies"),
    ("M 31 centre", 10.685, 41.269, "galaxies"),
    ("SN 2026abc", 24.174, 15.783, "transients"),
    ("M 33 field 2", 23.462, 30.660, "galaxies"),
    ("TYC 1234-55", 41.050, 20.113, "exoplanets"),
    ("M 45 dust", 56.750, 24.117, "dust"),
    ("Crab", 83.633, 22.014, "pulsars"),
    ("M 42 core", 83.822, -5.391, "dust"),
    ("NGC 2264", 100.250, 9.895, "dust"),
    ("GRB 261120A host", 121.174, 39.812, "transients"),
    ("M 67", 132.825, 11.817, "clusters"),
    ("NGC 3077", 150.829, 68.733, "galaxies"),
    ("NGC 4565", 189.086, 25.987, "galaxies"),
)


def readings(
    now: datetime, values: Mapping[str, float | int | str | bool], *, stale: tuple[str, ...] = ()
) -> dict[str, Reading]:
    """Readings with units, taken now."""
    unit_of = {name: unit for unit, names in UNITS.items() for name in names}
    return {
        name: Reading(
            value=value,
            unit=unit_of.get(name, ""),
            time_utc=now,
            quality=Quality.STALE if name in stale else Quality.GOOD,
        )
        for name, value in values.items()
    }


def device(
    now: datetime,
    name: str,
    kind: DeviceKind,
    values: Mapping[str, float | int | str | bool],
    *,
    state: DeviceState = DeviceState.READY,
    reason: str = "",
    unit: str = "t1",
    blocking: bool = True,
) -> DeviceStatus:
    """The status of one device."""
    return DeviceStatus(
        unit=unit,
        device=name,
        kind=kind,
        state=state,
        reason=reason,
        since_utc=now - timedelta(minutes=40),
        readings=readings(now, values),
        blocking=blocking,
        simulated=True,
        running_command=None,
        time_utc=now,
    )


def devices(now: datetime, *, az_deg: float = 246.0, shutter: str = "open") -> list[Message]:
    """All devices of the unit, observing."""
    telescope = {
        "ra_deg": 339.267, "dec_deg": 34.416, "alt_deg": 52.31, "az_deg": az_deg,
        "tracking": True, "slewing": False, "parked": False, "cover": "open",
    }  # fmt: skip
    dome = {
        "shutter": shutter, "opening_fraction": 1.0 if shutter == "open" else 0.0,
        "azimuth_deg": az_deg + 0.8, "turning": False, "lease_age_s": 3.0, "closed_by_lease": False,
    }  # fmt: skip
    cameras: list[Message] = [
        device(now, f"cam-{channel}", DeviceKind.CAMERA, {
            "activity": "exposing", "exposure_id": f"x-{channel}", "elapsed_s": 20.0,
            "temperature_deg_C": setpoint + 0.1, "setpoint_deg_C": setpoint, "cooler": True,
        }, state=DeviceState.BUSY, blocking=channel == "vis")
        for channel, setpoint in (("vis", -60.0), ("nir", -90.0))
    ]  # fmt: skip
    return [
        device(now, "telescope", DeviceKind.TELESCOPE, telescope),
        device(now, "dome", DeviceKind.DOME, dome),
        device(now, "focuser", DeviceKind.FOCUSER,
               {"position_um": 12450.0, "moving": False, "temperature_deg_C": 7.4}),
        device(now, "wheel-vis", DeviceKind.FILTER_WHEEL,
               {"position": 2, "filter": "r", "moving": False}),
        device(now, "wheel-nir", DeviceKind.FILTER_WHEEL,
               {"position": 1, "filter": "J", "moving": False}),
        device(now, "plc", DeviceKind.PLC, {
            "mains": True, "ups_charge_pct": 98.0, "rain": False, "door_closed": True,
            "lights_on": False, "flat_lamp_on": False}, unit="site"),
        *cameras,
    ]  # fmt: skip


def weather(now: datetime, *, wind_m_s: float = 6.2, rain: bool = False) -> list[Message]:
    """Reports of three stations, one of them suspect."""
    found: list[Message] = []
    for index, name in enumerate(("mast", "roof", "cloud-watcher")):
        shift = 0.4 * index
        values: dict[str, float | bool] = {
            "temperature_deg_C": 6.8 + shift, "humidity_pct": 61.0 + 3 * index,
            "dew_point_deg_C": -0.2 + shift, "pressure_hPa": 938.2, "wind_m_s": wind_m_s + shift,
            "gust_m_s": wind_m_s * 1.5 + shift, "wind_from_deg": 310.0, "rain": rain,
            "cloud_fraction": 0.12 + 0.05 * index, "sky_temperature_deg_C": -24.0 + shift,
            "seeing_arcsec": 1.3,
        }  # fmt: skip
        found.append(
            WeatherReport(
                station=name, state=DeviceState.READY, readings=readings(now, values), time_utc=now
            )
        )
    return found


def verdicts(now: datetime, *reasons: Reason, suspect: bool = False) -> list[Message]:
    """The weather's and safety's verdicts: safe without reasons."""
    safety = Safety.UNSAFE if reasons else Safety.SAFE
    verdict = Verdict(safety=safety, reasons=tuple(reasons), time_utc=now)
    odd = "humidity 64 % against 96 % of two others for 11 min: excluded"
    votes = (
        StationVote(station="mast", vote="unsafe" if reasons else "safe",
                    text=reasons[0].text if reasons else "all within limits"),
        StationVote(station="roof", vote="safe", text="all within limits"),
        StationVote(station="cloud-watcher", vote="suspect" if suspect else "safe",
                    text=odd if suspect else "all within limits"),
    )  # fmt: skip
    fused: dict[str, float | bool] = {
        "wind_m_s": 6.6, "gust_m_s": 9.7, "humidity_pct": 67.0, "temperature_deg_C": 6.8,
        "dew_point_deg_C": 0.6, "cloud_fraction": 0.22, "pressure_hPa": 938.2,
        "sky_temperature_deg_C": -23.2, "seeing_arcsec": 1.3, "rain": bool(reasons),
    }  # fmt: skip
    return [
        WeatherVerdict(verdict=verdict, votes=votes, fused=fused),
        SafetyVerdict(verdict=verdict),
    ]


def plan(now: datetime, *, version: int = 3) -> PlanPublished:
    """A plan of the night with two sequences that have no place."""
    start = datetime(2026, 11, 23, 17, 40, tzinfo=UTC)
    scheduled = []
    for index, (name, ra_deg, dec_deg, programme) in enumerate(TARGETS):
        end = start + timedelta(minutes=34 + 9 * (index % 4))
        scheduled.append(
            ScheduledSequence(
                sequence_id=f"s-{index:03}",
                name=name,
                programme_id=programme,
                start_utc=start,
                end_utc=end,
                priority=80 - 3 * (index % 5),
                filters=("g", "r", "J"),
                ra_deg=ra_deg,
                dec_deg=dec_deg,
            )
        )
        start = end + timedelta(seconds=50)
    missing = (
        NotScheduled(sequence_id="s-090", name="Eta Car", programme_id="dust", code="NEVER_UP",
                     text="never above 25 deg tonight: culminates at -13.6 deg"),
        NotScheduled(sequence_id="s-091", name="M 1 polarimetry", programme_id="pulsars",
                     code="MOON", text="Moon at 21 deg, 94 % lit; at least 45 deg asked"),
        NotScheduled(sequence_id="s-092", name="TYC 1234-55 transit", programme_id="exoplanets",
                     code="QUOTA", text="programme exoplanets has 0 of 3600 s left tonight"),
    )  # fmt: skip
    return PlanPublished(
        night=NIGHT, version=version, trigger="weather", scheduled=tuple(scheduled),
        not_scheduled=missing, value=812.4, input_hash="ab12", cpu_s=0.213, time_utc=now,
    )  # fmt: skip


def done_so_far(published: PlanPublished, now: datetime) -> list[Message]:
    """The sequences of the plan that are over: one was interrupted."""
    over = [item for item in published.scheduled if item.end_utc < now]
    return [
        SequenceEnded(
            sequence_id=item.sequence_id,
            request_id="r-1",
            state=SequenceState.INTERRUPTED if index == 2 else SequenceState.COMPLETED,
            reason="rain at mast" if index == 2 else "",
            frames=12,
            used_s=1800.0,
            started_utc=item.start_utc,
            ended_utc=item.end_utc,
            alert_id=None,
        )
        for index, item in enumerate(over)
    ]


def progress(published: PlanPublished, now: datetime, *, frames_done: int = 5) -> SequenceProgress:
    """The running sequence."""
    item = next(s for s in published.scheduled if s.start_utc <= now < s.end_utc)
    return SequenceProgress(
        sequence_id=item.sequence_id, request_id="r-1", name=item.name,
        programme_id=item.programme_id, object_name=item.name, step="expose",
        frames_done=frames_done, frames_asked=12, started_utc=item.start_utc,
        expected_end_utc=item.end_utc, alert_id=None,
    )  # fmt: skip


def context(name: str = "M 33 field 2", filter_name: str = "r") -> ExposureContext:
    """What a frame is for."""
    return ExposureContext(
        night=NIGHT, request_id="r-1", sequence_id="s-003", programme_id="galaxies",
        observer="A. Dupont", object_name=name, ra_deg=23.462, dec_deg=30.66,
        filter_name=filter_name, image_index=6, image_count=12,
    )  # fmt: skip


def exposure(now: datetime, camera: str = "cam-vis", filter_name: str = "r") -> ExposureStarted:
    """A shutter that opened twenty seconds ago."""
    return ExposureStarted(
        unit="t1", camera=camera, exposure_id=f"x-{camera}", exposure_s=60.0,
        start_utc=now - timedelta(seconds=20), context=context(filter_name=filter_name),
    )  # fmt: skip


def frame(
    now: datetime, camera: str = "cam-vis", *, preview: str = "preview.png", number: int = 1
) -> FrameArchived:
    """A frame on disk."""
    filter_name = "r" if camera == "cam-vis" else "J"
    spooled = FrameSpooled(
        unit="t1", camera=camera, exposure_id=f"{NIGHT}-{camera}-{number:04}", path="/spool/x.fits",
        sha256="0" * 64, kind="light", start_utc=now - timedelta(seconds=90),
        end_utc=now - timedelta(seconds=30), exposure_s=60.0, aborted=False,
        context=context(filter_name=filter_name),
    )  # fmt: skip
    return FrameArchived(
        frame=spooled, path=f"PRODUCED_DATA/routine_r-1_active/s-003/{camera}-{number:04}.fits",
        bytes=527040, preview_png=preview, stars=143, fwhm_arcsec=1.82, background_adu=412.0,
    )  # fmt: skip


def alert(now: datetime, *, decision: str = "accepted", number: int = 1) -> AlertUpdated:
    """An alert with its reasons."""
    why = {
        "accepted": (
            "position +24.1 deg high for 4.2 h",
            "error 3.1 arcmin fits the 26 arcmin field",
        ),
        "ignored": ("role is test", "received for the record only"),
    }[decision]
    return AlertUpdated(
        alert_id=f"a-{number:04}", state="OBSERVING" if decision == "accepted" else "CLOSED",
        ivorn=f"ivo://nasa.gsfc.gcn/SWIFT#BAT_GRB_Pos_{1200000 + number}-042", stream="swift-bat",
        decision=decision, reasons=why, t0_utc=now - timedelta(seconds=31),
        ra_deg=56.12 + number, dec_deg=24.9, error_deg=0.051, injected=decision == "accepted",
        received_utc=now - timedelta(seconds=12 * number), sequence_id="s-alert-1",
        strategy="grb-localised" if decision == "accepted" else None,
        stages={"received": 0.0, "stored": 1.9, "parsed": 3.1, "judged": 4.4},
    )  # fmt: skip


def stages(now: datetime, alert_id: str = "a-0001") -> list[Message]:
    """What an accepted alert went through."""
    reached = (("interrupted", 5.2), ("slew-command", 6.8), ("on-target", 21400.0),
               ("first-photon", 22150.0), ("frame-on-disk", 53800.0))  # fmt: skip
    return [
        AlertStage(alert_id=alert_id, stage=name, time_utc=now, after_ms=after_ms)
        for name, after_ms in reached
    ]


def strategies(default: str = "other") -> StrategiesInForce:
    """The strategies there are."""
    return StrategiesInForce(
        strategies=(
            LoadedStrategy(name="grb-localised", rank=1, summary="A burst known well: colour"),
            LoadedStrategy(name="grb-wide", rank=3, summary="A burst known to degrees: tiles"),
            LoadedStrategy(name="other", rank=9, summary="One look, interrupting nothing"),
        ),
        default=default,
        changes=0 if default == "other" else 1,
        classes=("GRB", "X_RAY_TRANSIENT", "GW"),
    )


def entry(
    now: datetime, text: str, *, severity: str = "info", subject: str = "/observing/majordome"
) -> JournalEntry:
    """A journal entry."""
    return JournalEntry(
        kind="decision", subject=subject, text=text, time_utc=now, data={"n": 1},
        severity=severity,  # type: ignore[arg-type]  # tests give literals
        who="majordome",
    )  # fmt: skip


def clear_night(now: datetime = NOW) -> list[Message]:
    """A clear night in the middle of the plan."""
    published = plan(now)
    lines = [
        entry(now - timedelta(minutes=12), "plan 3: 13 sequences placed, 3 not; weather cleared"),
        entry(now - timedelta(minutes=11), "safe again after a hold-off of 600 s: opening",
              severity="notice", subject="/safety/safety"),
        entry(now - timedelta(minutes=9), "dome t1 is open after 58 s", subject="/devices/t1/dome"),
        entry(now - timedelta(minutes=6), "cloud-watcher disagrees with two others for 11 min",
              severity="warning", subject="/safety/verdict"),
        entry(now - timedelta(minutes=2), "slew to M 33 field 2 done in 17.2 s, 4.1 arcsec off",
              subject="/devices/t1/telescope"),
    ]  # fmt: skip
    return [
        ModeChanged(mode=Mode.OBSERVING, previous=Mode.OPENING, reason="dome open, Sun at -38 deg",
                    who="", since_utc=now - timedelta(minutes=9)),
        SkyPhaseChanged(phase=SkyPhase.NIGHT, night=NIGHT, time_utc=now),
        *devices(now), *weather(now), *verdicts(now, suspect=True), published,
        *done_so_far(published, now), progress(published, now),
        exposure(now), exposure(now, "cam-nir", "J"), frame(now), frame(now, "cam-nir"),
        alert(now, decision="ignored", number=2), strategies(), *lines,
    ]  # fmt: skip


def rain(now: datetime) -> list[Message]:
    """Rain: unsafe, closing ordered, dome closing, mode paused."""
    wet = Reason(code="RAIN", text="mast reports rain since 4 s", source="mast")
    return [
        *weather(now, rain=True), *verdicts(now, wet), CloseOrder(reasons=(wet,)),
        *devices(now, shutter="closing"),
        ModeChanged(mode=Mode.PAUSED, previous=Mode.OBSERVING, reason="rain at mast", who="",
                    since_utc=now),
        entry(now, "rain at mast: everything closes", severity="alarm", subject="/safety/safety"),
    ]  # fmt: skip


def burst(now: datetime) -> list[Message]:
    """A burst being observed."""
    published = plan(now, version=4)
    running = progress(published, now)
    return [
        alert(now), *stages(now),
        SequenceProgress(
            sequence_id="s-alert-1", request_id="r-alert-1", name="GRB 261123A",
            programme_id="alerts", object_name="GRB 261123A", step="expose", frames_done=2,
            frames_asked=20, started_utc=now - timedelta(seconds=70),
            expected_end_utc=running.expected_end_utc, alert_id="a-0001",
        ),
        entry(now, "GRB 261123A interrupts M 33 field 2: rank 100 over 0", severity="notice"),
    ]  # fmt: skip
