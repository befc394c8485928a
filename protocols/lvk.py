"""LIGO-Virgo-KAGRA alerts (Kafka topic `igwn.gwalert`) to `Notice`, and their sky maps on demand.

The packet is a megabyte or two because the map rides in it, base64 encoded. It is read once; the
notice only notes that the map is there, and `sky_map_fits` takes it out of the stored bytes when a
worker needs it. Format: LVK public alerts user guide, "Kafka notice (GCN and SCiMMA)".
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import orjson

from protocols import notice_values as values
from pyros.domain.alert.notice import ExternalCoincidence, Notice, NoticeError, SkyMap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.voevent import Arrival

_TYPES = frozenset(
    {"EARLYWARNING", "EARLY_WARNING", "PRELIMINARY", "INITIAL", "UPDATE", "RETRACTION"}
)
_FITS_MAGIC = (b"SIMPLE  =", b"\x1f\x8b")  # plain, or compressed with gzip


def is_lvk(packet: Mapping[str, Any]) -> bool:
    """Whether a JSON object is an LVK alert."""
    return "superevent_id" in packet and "alert_type" in packet


def notice_from_lvk(packet: Mapping[str, Any], arrival: Arrival) -> Notice:
    """Interpret an LVK alert.

    Raises:
        NoticeError: When superevent id or alert type is missing or no text.
    """
    superevent = values.text_of(packet.get("superevent_id"))
    alert_type = (values.text_of(packet.get("alert_type")) or "").upper()
    if superevent is None or alert_type not in _TYPES:
        raise NoticeError(
            f"LVK alert with superevent_id {superevent!r} and alert_type {alert_type[:40]!r}; "
            f"expected an id and one of {', '.join(sorted(_TYPES))}"
        )
    created = values.text_of(packet.get("time_created"))
    retraction = alert_type == "RETRACTION"
    event = packet.get("event")
    details: Mapping[str, Any] = event if isinstance(event, dict) else {}
    search = (values.text_of(details.get("search")) or "").upper()
    sky_map = _sky_map(details)
    return Notice(
        notice_id=f"igwn.gwalert:{superevent}:{alert_type}:{created}",
        ivorn=None,
        authority="igwn",
        format="lvk-json",
        stream="lvk",
        packet_type=alert_type,
        packet_name=f"LVK {alert_type.lower()}",
        mission="LVK",
        event_id=superevent,
        role="observation",
        tense="test" if search == "MDC" else "current",
        test=superevent[:1] in {"M", "T"} or search == "MDC",
        retraction=retraction,
        t0_utc=values.instant(details.get("time")),
        notice_utc=values.instant(created),
        received_utc=arrival.received_utc,
        source=arrival.source,
        topic=arrival.topic,
        content_sha256=values.sha256_of(arrival.raw),
        classification=None if retraction else "GW",
        significance=_significance(details),
        flags=_flags(details),
        external=_external(packet.get("external_coinc")),
        sky_map=None if retraction else sky_map,
        conflicts=("event is missing though nothing is retracted",)
        if not details and not retraction
        else (),
    )


def _significance(event: Mapping[str, Any]) -> dict[str, float]:
    """False alarm rate, classification and properties as named figures."""
    merit: dict[str, float] = {}
    far_hz = values.number(event.get("far"))
    if far_hz is not None:
        merit["far_hz"] = far_hz
    if isinstance(event.get("significant"), bool):
        merit["significant"] = float(event["significant"])
    names = {
        "classification": {
            "BNS": "p_bns",
            "NSBH": "p_nsbh",
            "BBH": "p_bbh",
            "Terrestrial": "p_terrestrial",
        },
        "properties": {
            "HasNS": "has_ns",
            "HasRemnant": "has_remnant",
            "HasMassGap": "has_mass_gap",
            "HasSSM": "has_ssm",
        },
    }
    for section, keys in names.items():
        table = event.get(section)
        for name, key in keys.items():
            value = values.number(table.get(name)) if isinstance(table, dict) else None
            if value is not None:
                merit[key] = value
    return merit


def _flags(event: Mapping[str, Any]) -> tuple[str, ...]:
    """The group ("cbc" or "burst") and the pipeline's search as flags."""
    group = values.text_of(event.get("group"))
    return (group.lower(),) if group else ()


def _external(coincidence: object) -> tuple[ExternalCoincidence, ...]:
    """The external coincidence of a RAVEN alert."""
    if not isinstance(coincidence, dict):
        return ()
    mission = values.text_of(coincidence.get("observatory"))
    if mission is None:
        return ()
    return (
        ExternalCoincidence(
            mission=mission,
            ivorn=values.text_of(coincidence.get("ivorn")),
            event_id=values.text_of(coincidence.get("gcn_notice_id")),
            time_difference_s=values.number(coincidence.get("time_difference")),
        ),
    )


def _sky_map(event: Mapping[str, Any]) -> SkyMap | None:
    """Where the map is: in the packet, by its encoded length."""
    encoded = event.get("skymap")
    return SkyMap(inline_bytes=len(encoded)) if isinstance(encoded, str) and encoded else None


def sky_map_fits(raw: bytes) -> bytes:
    """The FITS file of the multi-order sky map inside an LVK alert or a notice of GCN's schema.

    Decoding takes milliseconds for a large map: call it in a worker. When RAVEN has combined the
    map with another mission's, the combined one is returned.

    Args:
        raw: The alert's stored bytes.

    Returns:
        The bytes of the FITS file, compressed or not.

    Raises:
        NoticeError: When the alert has no map, or it is not base64 or not FITS.
    """
    try:
        packet = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise NoticeError(f"LVK alert is not JSON: {error}") from error
    if not isinstance(packet, dict):
        raise NoticeError("LVK alert is not a JSON object")
    encoded: object = packet.get("healpix_file")  # GCN's own schema (Swift GUANO, Fermi)
    for section, name in (("external_coinc", "combined_skymap"), ("event", "skymap")):
        if isinstance(encoded, str) and encoded:
            break
        holder = packet.get(section)
        encoded = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(encoded, str) or not encoded:
        raise NoticeError("LVK alert carries no sky map")
    try:
        fits = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoticeError(f"sky map is not base64: {error}") from error
    if not fits.startswith(_FITS_MAGIC):
        raise NoticeError(f"sky map begins with {fits[:10]!r}, which is not FITS")
    return fits
