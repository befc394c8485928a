"""GCN's unified JSON schema (Einstein Probe, SVOM, Fermi, Swift GUANO, MAXI, ...) to `Notice`.

Every mission fills in the part of the core schema it likes: `id` may be a text, a list or absent,
the error a number, a pair or an ellipse, the notice time absent. The stream comes from the schema's
address or from the topic. Defaults are the core schema's (https://gcn.nasa.gov/docs/schema): tense
current, containment 90 %.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from protocols import notice_values as values
from pyros.domain.alert.notice import Citation, Notice, NoticeError, SkyMap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.voevent import Arrival

DEFAULT_CONTAINMENT = 0.9
"""`containment_probability` of the core schema when a notice does not give it."""

_SCHEMA = re.compile(r"gcn/notices/([A-Za-z0-9_./-]+?)\.schema\.json", re.ASCII)
_TOPIC = re.compile(r"gcn\.notices\.([A-Za-z0-9_.]+)", re.ASCII)

# path prefix -> (stream, mission, class unless the notice says otherwise)
_STREAMS: tuple[tuple[str, str, str, str | None], ...] = (
    ("einstein_probe/wxt", "ep-wxt", "Einstein Probe", "X_RAY_TRANSIENT"),
    ("einstein_probe", "ep", "Einstein Probe", "X_RAY_TRANSIENT"),
    ("fermi/gbm", "fermi-gbm", "Fermi", "GRB"),
    ("fermi/lat/flare", "fermi-lat-flare", "Fermi", "KNOWN_SOURCE"),
    ("swift/bat/guano", "swift-guano", "Swift", "GRB"),
    ("swift/xrt", "swift-xrt", "Swift", "GRB"),
    ("swift/uvot", "swift-uvot", "Swift", "GRB"),
    ("swift", "swift-bat", "Swift", "GRB"),
    ("maxi/gsc.unknown", "maxi-gsc", "MAXI", "X_RAY_TRANSIENT"),
    ("maxi", "maxi-gsc", "MAXI", "KNOWN_SOURCE"),
    ("icecube/lvk", "icecube-lvk-search", "IceCube", None),
    ("icecube", "icecube", "IceCube", "NEUTRINO"),
    ("blackcat", "blackcat", "BlackCAT", "X_RAY_TRANSIENT"),
    ("km3net", "km3net", "KM3NeT", "NEUTRINO"),
    ("chime", "chime-frb", "CHIME", "FRB"),
    ("dsa110", "dsa110-frb", "DSA-110", "FRB"),
    ("boom", "boom", "BOOM", "OPTICAL_TRANSIENT"),
    ("burstcube", "burstcube", "BurstCube", "GRB"),
    ("glowbug", "glowbug", "Glowbug", "GRB"),
    ("superk", "superk", "Super-Kamiokande", "SUPERNOVA_NEUTRINOS"),
    ("gecam", "gecam", "GECAM", "GRB"),
)
_SVOM = {"ECLAIRS": "svom-eclairs", "GRM": "svom-grm", "MXT": "svom-mxt", "VT": "svom-vt"}
_SIGNIFICANCE = {
    "image_snr": "image_snr_sigma",
    "rate_snr": "rate_snr_sigma",
    "snr": "snr_sigma",
    "far": "far_hz",
    "p_astro": "p_astro",
    "importance": "importance",
    "net_count_rate": "net_count_rate_per_s",
    "signalness": "signalness",
}
_TEST_TENSES = frozenset({"test", "injection"})
_MARKS = ("trigger_time", "alert_datetime", "alert_type", "ra", "id")


def is_gcn_notice(packet: Mapping[str, Any], topic: str | None) -> bool:
    """Whether a JSON object is a notice of GCN's schema: it says so, or its topic does."""
    return _path(packet, topic) is not None and any(mark in packet for mark in _MARKS)


def notice_from_gcn(packet: Mapping[str, Any], arrival: Arrival) -> Notice:
    """Interpret a notice of GCN's unified schema.

    Raises:
        NoticeError: When neither `$schema` nor topic names a GCN notice.
    """
    path = _path(packet, arrival.topic)
    if path is None:
        raise NoticeError("JSON names no GCN notice schema and came on no gcn.notices topic")
    alert_type = (values.text_of(packet.get("alert_type")) or "").lower() or None
    tense = (values.text_of(packet.get("alert_tense")) or "current").lower()
    retraction = alert_type == "retraction"
    test = tense in _TEST_TENSES or path.rpartition("/")[2].lower() in {"test", "tests"}
    stream, mission, usual_class = _stream(path, packet)
    where = _position(packet, retraction=retraction)
    event_id = _first_text(packet.get("id"))
    trigger, written = packet.get("trigger_time"), packet.get("alert_datetime")
    when = values.text_of(written) or values.text_of(trigger)
    record = values.text_of(packet.get("record_number")) or alert_type or "-"
    containment = values.number(packet.get("containment_probability"))
    return Notice(
        notice_id=f"gcn.notices:{path}:{event_id}:{record}:{when}",
        ivorn=None,
        authority=f"gcn.nasa.gov/{path.partition('/')[0].lower()}",
        format="gcn-json",
        stream=stream,
        packet_type=_packet_type(path, alert_type),
        packet_name=f"{path} {values.text_of(packet.get('subtype')) or alert_type or 'notice'}",
        mission=mission,
        event_id=event_id,
        role="test" if test else "observation" if tense == "current" else tense,
        tense=tense,
        test=test,
        retraction=retraction,
        # XRT and UVOT give only when they began to look, a minute or two after the burst.
        t0_utc=values.instant(trigger) or values.instant(packet.get("observation_start")),
        notice_utc=values.instant(written),
        received_utc=arrival.received_utc,
        source=arrival.source,
        topic=arrival.topic,
        content_sha256=values.sha256_of(arrival.raw),
        ra_deg=where.ra_deg,
        dec_deg=where.dec_deg,
        error_deg=where.error_deg,
        containment=_containment(containment) if where.error_deg is not None else None,
        frame="ICRS" if where.ra_deg is not None else None,
        classification=None if retraction else _classification(packet, usual_class),
        significance=_significance(packet),
        flags=_flags(packet),
        cites=_cites(packet),
        sky_map=None if retraction else _sky_map(packet),
    )


def _path(packet: Mapping[str, Any], topic: str | None) -> str | None:
    """The notice's place in the schema: "einstein_probe/wxt/alert"."""
    schema = packet.get("$schema")
    match = _SCHEMA.search(schema) if isinstance(schema, str) and len(schema) < 400 else None
    if match:
        return match.group(1)
    match = _TOPIC.fullmatch(topic) if topic else None
    return match.group(1).replace(".", "/") if match else None


def _stream(path: str, packet: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Stream, mission and usual class of a notice."""
    lowered = path.lower()
    instrument = (values.text_of(packet.get("instrument")) or "").upper()
    if lowered.startswith("svom"):
        catalogued = "catalog" in lowered or bool(packet.get("event_name"))
        return _SVOM.get(instrument, "svom"), "SVOM", "KNOWN_SOURCE" if catalogued else "GRB"
    for prefix, stream, mission, usual_class in _STREAMS:
        if lowered.startswith(prefix):
            return _graded(stream, packet), mission, usual_class
    name = lowered.partition("/")[0]
    return f"other-{name}"[:60], values.text_of(packet.get("mission"), limit=60) or name, None


def _graded(stream: str, packet: Mapping[str, Any]) -> str:
    """IceCube says in its pipeline's name whether an alert is gold, bronze or a cascade."""
    if stream != "icecube":
        return stream
    keys = ("pipeline", "analysis_pipeline", "notice_type")
    written = " ".join(values.text_of(packet.get(key)) or "" for key in keys).lower()
    grade = next((one for one in ("gold", "bronze", "cascade") if one in written), None)
    return f"icecube-{grade}" if grade else stream


def _packet_type(path: str, alert_type: str | None) -> str | None:
    """The alert type; for Swift's images, spectra and light curves with what it is of."""
    kind = path.rpartition("/")[2].lower()
    if path.lower().startswith("swift/") and kind not in {"position", "guano", "alert"}:
        return f"{kind}-{alert_type}"
    return alert_type


def _position(packet: Mapping[str, Any], *, retraction: bool) -> values.Position:
    """The position; an ellipse becomes the circle of its major semi-axis."""
    if retraction:
        return values.NOWHERE
    error = packet.get("ra_dec_error")
    if isinstance(error, list):
        axes = [axis for axis in map(values.number, error[:2]) if axis is not None]
        error = max(axes, default=None)
    return values.position(packet.get("ra"), packet.get("dec"), error)


def _containment(written: float | None) -> float:
    """The containment as written when it is a probability, else the schema's default."""
    return written if written is not None and 0 < written < 1 else DEFAULT_CONTAINMENT


def _first_text(value: object) -> str | None:
    """The first text of a list, or the text itself."""
    if isinstance(value, list):
        return next((text for text in map(values.text_of, value) if text is not None), None)
    return values.text_of(value)


def _classification(packet: Mapping[str, Any], usual: str | None) -> str | None:
    """The most probable class that the notice states, else the stream's usual one."""
    stated = packet.get("classification")
    if isinstance(stated, dict):
        scored = [(values.number(score) or 0.0, name) for name, score in stated.items()]
        if scored and max(scored)[0] > 0:
            best = max(scored)[1].upper().replace(" ", "_")[:60]
            if {"known", "unknown"} & set(stated):  # Swift BAT: in its catalogue, or a burst
                return usual if best == "UNKNOWN" else "KNOWN_SOURCE"
            # Glowbug classifies the merger behind a burst: the burst is a burst all the same.
            return usual if best in {"BNS", "NSBH", "BBH"} else best
    if isinstance(stated, str):
        return stated.upper()[:60]
    return usual


def _significance(packet: Mapping[str, Any]) -> dict[str, float]:
    """Figures of merit with their units."""
    found = ((key, values.number(packet.get(name))) for name, key in _SIGNIFICANCE.items())
    return {key: value for key, value in found if value is not None}


def _flags(packet: Mapping[str, Any]) -> tuple[str, ...]:
    """Statements that bear on acting."""
    duration = (values.text_of(packet.get("duration_class")) or "").lower()
    flags = {f"{duration}_burst"} if duration in {"long", "short"} else set()
    if packet.get("star_tracker_locked") is False:
        flags.add("lost_lock")
    for name in ("human_in_the_loop", "in_lat_fov"):
        if packet.get(name) is True:
            flags.add(name)
    return tuple(sorted(flags))


def _cites(packet: Mapping[str, Any]) -> tuple[Citation, ...]:
    """`reference` and `follow_up_event` as citations; they are names, not ivorns."""
    cites: list[Citation] = []
    reference = packet.get("reference")
    if isinstance(reference, dict):
        for topic, name in list(reference.items())[:20]:
            target = values.text_of(name)
            if target is not None:
                cites.append(Citation(ivorn=f"{topic[:100]}:{target}", kind="followup"))
    follow_up = values.text_of(packet.get("follow_up_event"))
    if follow_up is not None:
        cites.append(Citation(ivorn=follow_up, kind="followup"))
    return tuple(cites)


def _sky_map(packet: Mapping[str, Any]) -> SkyMap | None:
    """The HEALPix map inside the notice or at its address."""
    inside, url = packet.get("healpix_file"), values.text_of(packet.get("healpix_url"), limit=1024)
    length = len(inside) if isinstance(inside, str) else 0
    if url is not None and (
        not url.startswith(("http://", "https://")) or url.lower().endswith((".png", ".gif", "/"))
    ):
        url = None
    return SkyMap(url=url, inline_bytes=length) if url or length else None
