"""VOEvent 1.1, 2.0 and 2.1, as XML or JSON, to `Notice`.

The hardened gate reads the bytes first; then voevent-parse loads what it can (version 2.0),
because its tree is the one its other functions and other programs agree on. What it gets wrong is
done here: positions without frame or unit check, packets without position, TT and GPS times,
versions 1.1 and 2.1. Where voevent-parse is not installed (Python 3.12 and later) the gate's own
tree is read.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from protocols import notice_values as values
from protocols.voevent_fields import VoEventFields, fields_from_xml
from protocols.voevent_gate import read_xml
from pyros.domain.alert.notice import (
    ExternalCoincidence,
    Notice,
    NoticeError,
    SkyMap,
)
from pyros.domain.alert.stream import (
    GBM_CLASSES,
    PACKET_TYPES,
    RETRACTION_TYPES,
    TEST_TYPES,
    PacketKind,
    PacketType,
)

_voeventparse: Any = (
    importlib.import_module("voeventparse") if importlib.util.find_spec("voeventparse") else None
)

_ID_PARAMS = (
    "Burst_Id",
    "GraceID",
    "AMON_ID",
    "TrigID",
    "Trigger_Number",
    "Trans_Num",
    "ID",
    "Event_ID",
)
_TEST_FLAGS = ("Test_Submission", "Test_Notice", "Test", "InternalTest", "HardwareInj")
_RETRACTION_FLAGS = ("Retraction", "RetractFlag")
SKY_MAP_PARAMS = (
    "joint_skymap_fits",
    "skymap_fits",
    "healpix_url",
    "HealPix_URL",
    "LocationMap_URL",
)
_SIGNIFICANCE = {
    "snr": "snr_sigma",
    "rate_signif": "rate_snr_sigma",
    "image_signif": "image_snr_sigma",
    "data_signif": "snr_sigma",
    "burst_signif": "snr_sigma",
    "trig_signif": "snr_sigma",
    "det_signif": "snr_sigma",
    "trigger_signif": "snr_sigma",
    "inten_sigma": "snr_sigma",
    "grb_signif": "snr_sigma",
    "significance": "snr_sigma",
    "signalness": "signalness",
    "most_likely_prob": "most_likely_percent",
    "energy": "energy_tev",
    "time_coincidence_far": "joint_far_hz",
    "bns": "p_bns",
    "nsbh": "p_nsbh",
    "bbh": "p_bbh",
    "terrestrial": "p_terrestrial",
    "hasns": "has_ns",
    "hasremnant": "has_remnant",
    "hasmassgap": "has_mass_gap",
    "significant": "significant",
}
_FLAGS = {
    "startrack_lost_lock": "lost_lock",
    "imtrig_during_st_lol": "lost_lock",
    "def_not_a_grb": "def_not_a_grb",
    "definite_not_grb": "def_not_a_grb",
    "target_in_flt_catalog": "in_catalogue",
    "target_in_gnd_catalog": "in_catalogue",
    "target_in_blk_catalog": "in_catalogue",
    "target_of_interest": "target_of_interest",
    "values_out_of_range": "values_out_of_range",
    "crc_error": "crc_error",
    "lat_fov": "in_lat_fov",
}
_GECAM_TEST_TRIGGER = 100_000_000
_GECAM_CLASSES = {"SFLARE": "SOLAR_FLARE", "SOLAR FLARE": "SOLAR_FLARE"}
_TEST_TRIGGERS = frozenset({99_999, 599_999})
_AUTHORITY_TYPES = {
    "km3net_neutrino": PacketType(
        stream="km3net",
        mission="KM3NeT",
        name="KM3NeT neutrino",
        kind=PacketKind.POSITION,
        classification="NEUTRINO",
        containment=0.9,
    ),
    "voevent.4pisky.org/asassn": PacketType(
        stream="asassn", mission="ASAS-SN", name="ASAS-SN transient", kind=PacketKind.CATALOGUE
    ),
    "gaia.cam.uk/alerts": PacketType(
        stream="gaia", mission="Gaia", name="Gaia science alert", kind=PacketKind.CATALOGUE
    ),
}
_LATEST_T0_AFTER_NOTICE = timedelta(seconds=120)  # early warnings are written before the merger
_LARGEST_T0_DISAGREEMENT = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Where and when a packet came in, carried through all parsers.

    Attributes:
        raw: The bytes as received.
        source: Which of our sources brought it.
        topic: Kafka or MQTT topic, or None.
        received_utc: Aware UTC instant of reception.
    """

    raw: bytes
    source: str
    topic: str | None
    received_utc: datetime


def read_voevent(raw: bytes) -> VoEventFields:
    """The fields of a VOEvent's bytes: through the gate, then by voevent-parse where it can.

    Raises:
        NoticeError: When the packet is hostile, broken, or no VOEvent.
    """
    root = read_xml(raw)
    if _voeventparse is not None and root.get("version") == "2.0":
        root = _voeventparse.loads(raw, check_version=False)
    return fields_from_xml(root)


def notice_from_voevent(arrival: Arrival) -> Notice:
    """Parse VOEvent XML.

    Raises:
        NoticeError: When the packet is hostile, broken, or no VOEvent.
    """
    fields = read_voevent(arrival.raw)
    return notice_from_fields(fields, arrival, form=f"voevent-{fields.version or 'unknown'}")


def notice_from_fields(fields: VoEventFields, arrival: Arrival, *, form: str) -> Notice:
    """Interpret a VOEvent's fields.

    Raises:
        NoticeError: When it has no ivorn: nothing could cite, deduplicate or retract it.
    """
    ivorn = fields.ivorn
    if ivorn is None or not ivorn.lower().startswith("ivo://"):
        raise NoticeError(f"VOEvent without an ivorn (found {ivorn!r}); it has no identity")
    conflicts: list[str] = []
    number = _packet_number(fields, conflicts)
    authority = ivorn[len("ivo://") :].partition("#")[0].strip("/").lower()
    known = PACKET_TYPES.get(number) if number is not None else _AUTHORITY_TYPES.get(authority)
    stream, mission = _stream(known, authority)
    retraction = _is_retraction(fields, number)
    event_id = _event_id(fields, conflicts)
    where = _position(fields, conflicts, known, retraction=retraction)
    scale = values.frame_scale(fields.system)
    notice_utc = values.instant(fields.date)
    t0_utc = _trigger_time(fields, scale, notice_utc, conflicts)
    classification, flags = _classification(fields, known, number)
    if retraction:
        classification = None
    tense = (fields.first("Alert_Tense") or "current").lower()
    return Notice(
        notice_id=ivorn,
        ivorn=ivorn,
        authority=authority,
        format=form,
        stream=stream,
        packet_type=number if number is not None or conflicts else fields.first("Alert_Type"),
        packet_name=known.name if known else (fields.first("Alert_Type") or "unknown type"),
        mission=mission,
        event_id=event_id,
        role=fields.role.lower() if fields.role else None,
        tense=tense,
        test=_is_test(fields, number, stream, event_id, tense),
        retraction=retraction,
        t0_utc=t0_utc,
        notice_utc=notice_utc,
        received_utc=arrival.received_utc,
        source=arrival.source,
        topic=arrival.topic,
        content_sha256=values.sha256_of(arrival.raw),
        ra_deg=where.ra_deg,
        dec_deg=where.dec_deg,
        error_deg=where.error_deg,
        containment=None if where.error_deg is None or known is None else known.containment,
        frame=fields.system,
        pointing=(fields.first("Coords_String") or "") == "pointing_direction",
        classification=classification,
        significance=_significance(fields, number),
        flags=flags,
        cites=tuple(dict.fromkeys(fields.cites)),
        external=_external(fields),
        sky_map=_sky_map(fields),
        conflicts=tuple(conflicts),
    )


def _packet_number(fields: VoEventFields, conflicts: list[str]) -> int | None:
    """The packet type; None, with a conflict noted, when it is given twice and differently."""
    written = fields.values("Packet_Type")
    numbers = {values.whole(text) for text in written}
    if len(numbers) > 1:
        conflicts.append(f"Packet_Type is given as {' and '.join(written[:4])}")
        return None
    return next(iter(numbers), None)


def _stream(known: PacketType | None, authority: str) -> tuple[str, str]:
    """Stream and mission, from the packet type, else from who speaks."""
    if known is not None:
        return known.stream, known.mission
    name = re.sub(r"[^a-z0-9]+", "-", authority).strip("-") or "unknown"
    return f"other-{name}"[:60], authority[:60]


def _event_id(fields: VoEventFields, conflicts: list[str]) -> str | None:
    """The mission's id of the trigger, as written."""
    for name in _ID_PARAMS:
        found = list(dict.fromkeys(v for v in fields.values(name) if v and v != "-1"))
        # KM3NeT lists one "id" for each particle; only names that are unique are ids of the event.
        if len(found) > 1 and name != "ID":
            conflicts.append(f"{name} is given as {' and '.join(found[:4])}")
        if found:
            return found[0]
    return None


def _is_retraction(fields: VoEventFields, number: int | None) -> bool:
    """Any of: a retracting citation, packet type, flag, or alert type."""
    return (
        number in RETRACTION_TYPES
        or any(cite.kind == "retraction" for cite in fields.cites)
        or any(values.truth(v) for v in fields.values(*_RETRACTION_FLAGS))
        or any(v.lower() == "retraction" for v in fields.values("AlertType", "Alert_Type"))
    )


def _is_test(
    fields: VoEventFields, number: int | None, stream: str, event_id: str | None, tense: str
) -> bool:
    """Whether anything at all marks a packet as a test."""
    trigger = values.whole(event_id)
    return (
        (fields.role or "").lower() == "test"
        or number in TEST_TYPES
        or tense in {"test", "injection"}
        or any(values.truth(v) for v in fields.values(*_TEST_FLAGS))
        or (stream == "lvk" and event_id is not None and event_id[:1] in {"M", "T"})
        or (stream == "gecam" and trigger is not None and trigger >= _GECAM_TEST_TRIGGER)
        or (trigger in _TEST_TRIGGERS and stream != "gecam")
    )


def _position(
    fields: VoEventFields, conflicts: list[str], known: PacketType | None, *, retraction: bool
) -> values.Position:
    """The position, when frame, axes and unit are known and the source has one."""
    if fields.locations > 1:
        conflicts.append(f"{fields.locations} positions are given")
    first, second = ((name or "").strip().lower() for name in fields.names)
    axes_known = first in {"", "ra"} and second in {"", "dec"}
    unavailable = (fields.first("Coords_String") or "").startswith("unavailable")
    if retraction or unavailable or not axes_known or values.frame_scale(fields.system) is None:
        return values.NOWHERE
    error: object = fields.error
    if known is not None and known.stream == "superk":  # its Error2Radius is always 0
        error = fields.first("Src_Error90") or error
    return values.position(fields.c1, fields.c2, error, unit=fields.unit or "")


def _trigger_time(
    fields: VoEventFields, scale: str | None, notice_utc: datetime | None, conflicts: list[str]
) -> datetime | None:
    """T0: SVOM's own (MXT's ISOTime is minutes later), else ISOTime, else GCN's day and second."""
    sequence_t0 = values.instant(fields.first("Alert_Seq_T0"))
    written = values.instant(fields.iso_time, scale=scale or "UTC")
    latest = None if notice_utc is None else notice_utc + _LATEST_T0_AFTER_NOTICE
    if sequence_t0 and written and abs(sequence_t0 - written) > _LARGEST_T0_DISAGREEMENT:
        conflicts.append(f"T0 is given as {sequence_t0.isoformat()} and {written.isoformat()}")
    found = sequence_t0 or written
    if found is not None:
        if latest is not None and found > latest:
            conflicts.append(f"T0 {found.isoformat()} is after the notice was written")
        return found
    for prefix in ("Burst", "Trigger", "Event", "Trans", "Pkt"):
        found = values.instant_from_tjd(
            fields.first(f"{prefix}_TJD"), fields.first(f"{prefix}_SOD")
        )
        if found is not None and (latest is None or found <= latest):
            return found
    return None


def _classification(
    fields: VoEventFields, known: PacketType | None, number: int | None
) -> tuple[str | None, tuple[str, ...]]:
    """What the source is, and the flags that bear on acting."""
    flags = {
        flag
        for name, flag in _FLAGS.items()
        if name in fields.by_name and any(map(values.truth, fields.by_name[name]))
    }
    classification = known.classification if known else None
    if known is None:
        return classification, tuple(sorted(flags))
    if known.stream == "gecam":
        written = (fields.first("SRC_CLASS") or "").upper()
        classification = _GECAM_CLASSES.get(written, written) or None
    elif number == 111:
        index = values.whole(fields.first("Most_Likely_Index"))
        classification = GBM_CLASSES.get(index, f"GBM_CLASS_{index}") if index is not None else None
    elif number == 61:
        identified = [values.truth(v) for v in fields.values("GRB_Identified")]
        if identified and all(identified):
            classification = "GRB"
        else:
            classification = "KNOWN_SOURCE" if "in_catalogue" in flags else "NOT_IDENTIFIED"
    if "def_not_a_grb" in flags and classification == "GRB":
        classification = "NOT_GRB"
    short = (fields.first("Long_short", "Duration_class") or "").lower()
    flags |= {f"{short}_burst"} if short in {"long", "short"} else set()
    return classification, tuple(sorted(flags))


def _significance(fields: VoEventFields, number: int | None) -> dict[str, float]:
    """Figures of merit, named with their units; false alarm rates in both units that are in use."""
    merit: dict[str, float] = {}
    for name, written in fields.by_name.items():
        key = _SIGNIFICANCE.get(name)
        if key is None or key in merit:
            continue
        value = values.number(written[0])
        if value is not None:
            merit[key] = value
    far = values.number(fields.first("FAR"))
    if far is not None:
        lvk = number in PACKET_TYPES and PACKET_TYPES[number].stream == "lvk" if number else False
        per_year = 365.25 * 86_400.0
        in_hz = lvk or number is None  # LVK and KM3NeT quote Hz, AMON and IceCube per year
        merit["far_hz"] = far if in_hz else far / per_year
    return merit


def _external(fields: VoEventFields) -> tuple[ExternalCoincidence, ...]:
    """LVK's external coincidence group, when there is one."""
    mission = fields.first("External_Observatory")
    if mission is None:
        return ()
    return (
        ExternalCoincidence(
            mission=mission,
            ivorn=fields.first("External_Ivorn"),
            event_id=fields.first("External_GCN_Notice_Id"),
            time_difference_s=values.number(fields.first("Time_Difference")),
        ),
    )


def _sky_map(fields: VoEventFields) -> SkyMap | None:
    """The first sky map's address that is a FITS file's."""
    for name in SKY_MAP_PARAMS:
        for url in fields.values(name):
            if url.startswith(("http://", "https://")) and not url.lower().endswith(
                (".png", ".gif")
            ):
                return SkyMap(url=url)
    return None
