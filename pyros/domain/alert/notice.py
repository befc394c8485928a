"""One alert notice, whatever format it came in: what it says, never what is done about it.

A `Notice` states only what its packet states. A value that is absent, impossible or in an unknown
frame is `None`: zero is a position, `None` is not. The raw bytes stay in the store; a notice
refers to them by `content_sha256`, and to a sky map by its place, so that a notice is always small.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from pyros.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

OBSERVATION = "observation"
"""The only role that may move a telescope."""


OPERATOR_STREAM = "operator"
"""Stream of notices written by hand: an expert's position is taken before all others."""


class NoticeError(PermanentError):
    """A packet is no alert that can be read; the text says what and where, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A reference from one notice to another.

    Attributes:
        ivorn: The notice referred to; it may never have been seen (private or lost).
        kind: "followup", "supersedes" or "retraction", as written.
    """

    ivorn: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkyMap:
    """Where the probability map of a notice is.

    Attributes:
        url: Address given in the packet, or None.
        inline_bytes: Length of the encoded map inside the packet, 0 when it is not inside.
    """

    url: str | None = None
    inline_bytes: int = 0

    @property
    def inline(self) -> bool:
        """Whether the packet itself carries the map."""
        return self.inline_bytes > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalCoincidence:
    """Another mission's trigger that the author of a notice joined to its own.

    Attributes:
        mission: Who saw it ("Fermi", "SVOM", ...).
        ivorn: That trigger's notice, or None.
        event_id: That mission's id of the trigger, or None.
        time_difference_s: That trigger's T0 minus this notice's T0 as the author gives it, or None.
    """

    mission: str
    ivorn: str | None = None
    event_id: str | None = None
    time_difference_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One alert packet, normalised.

    Attributes:
        notice_id: The ivorn, or an id made of topic, mission id, record and time for JSON notices.
        ivorn: The packet's own ivorn, None for JSON.
        authority: Who speaks ("nasa.gsfc.gcn", "org.svom", "gcn.nasa.gov/svom", "igwn"), lower
            case.
        format: "voevent-1.1", "voevent-2.0", "voevent-2.1", "voevent-json", "gcn-json", "lvk-json".
        stream: Instrument's stream ("swift-bat", "fermi-gbm", "svom-eclairs", "lvk", ...).
        packet_type: GCN number, or the JSON notice's type; None when absent or contradictory.
        packet_name: The type in words.
        mission: "Swift", "Fermi", "SVOM", ...
        event_id: The mission's own id of the trigger, as written.
        role: As written; None when the packet does not state one.
        tense: `alert_tense` of the GCN schema, "current" when the format has none.
        test: Whether anything marks it as a test (role, type, flag, id, tense).
        retraction: Whether it takes something back. A retraction has no position.
        t0_utc: When the burst triggered, aware UTC, or None.
        notice_utc: When the notice was written, aware UTC, or None.
        received_utc: When the bytes arrived here, aware UTC.
        source: Which of our sources brought it.
        topic: Kafka or MQTT topic, or None.
        ra_deg: ICRS right ascension in degrees [0, 360), or None.
        dec_deg: ICRS declination in degrees [-90, 90], or None.
        error_deg: Radius of the error circle in degrees, > 0, or None.
        containment: Probability within `error_deg` (0.9, 0.68, ...), None when not known.
        frame: The coordinate system as written ("UTC-FK5-GEO"), or None.
        pointing: Whether the position is where the spacecraft looks, not where the source is.
        classification: "GRB", "GW", "NEUTRINO", ... or what it is instead; None when not stated.
        significance: Figures of merit by name with unit ("snr_sigma", "far_hz", "signalness", ...).
        flags: Statements that bear on acting ("lost_lock", "def_not_a_grb", ...), sorted.
        cites: References to other notices.
        external: Coincidences claimed by the author.
        sky_map: Where the probability map is, or None.
        conflicts: Values that the packet gives twice and differently; such a notice is never acted
            on.
        content_sha256: SHA-256 of the raw bytes, hexadecimal.
    """

    notice_id: str
    ivorn: str | None
    authority: str
    format: str
    stream: str
    packet_type: int | str | None
    packet_name: str
    mission: str
    event_id: str | None
    role: str | None
    test: bool
    retraction: bool
    t0_utc: datetime | None
    notice_utc: datetime | None
    received_utc: datetime
    source: str
    content_sha256: str
    topic: str | None = None
    tense: str = "current"
    ra_deg: float | None = None
    dec_deg: float | None = None
    error_deg: float | None = None
    containment: float | None = None
    frame: str | None = None
    pointing: bool = False
    classification: str | None = None
    significance: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    flags: tuple[str, ...] = ()
    cites: tuple[Citation, ...] = ()
    external: tuple[ExternalCoincidence, ...] = ()
    sky_map: SkyMap | None = None
    conflicts: tuple[str, ...] = ()

    @property
    def has_position(self) -> bool:
        """Whether both coordinates are known."""
        return self.ra_deg is not None and self.dec_deg is not None
