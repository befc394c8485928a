"""The relational tables of `observatory.db`, as SQLAlchemy Core metadata.

What is committed here is the truth after a crash: programmes, requests with their sequences and
states, plan versions, raw alert packets, alert events, frames, nights, and the append-only journal.
The migrations build the same tables; a test compares the two. Times are aware UTC, angles ICRS
degrees.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
)

from pyros.store.column_types import JsonText, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

journal = Table(
    "journal",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("time_utc", UtcDateTime, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("severity", String(8), nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("data", JsonText, nullable=False),
    Index("ix_journal_time", "time_utc"),
    Index("ix_journal_subject", "subject", "seq"),
    Index("ix_journal_kind", "kind", "seq"),
    Index("ix_journal_trace", "trace_id"),
    sqlite_autoincrement=True,
)

programme = Table(
    "programme",
    metadata,
    Column("programme_id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("grade", String(8), nullable=False),
    Column("night_share", Float, nullable=False),
    Column("semester_quota_s", Float, nullable=False),
    Column("semester_from", String(10)),
)

quota_ledger = Table(
    "quota_ledger",
    metadata,
    Column("entry_id", Integer, primary_key=True, autoincrement=True),
    Column("programme_id", String(64), nullable=False),
    Column("night", String(10), nullable=False),
    Column("sequence_id", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("time_utc", UtcDateTime, nullable=False),
    Column("telescope", String(64), nullable=False, server_default=""),
    Index("ix_quota_ledger_sums", "programme_id", "night", "kind", "telescope", "seconds"),
    sqlite_autoincrement=True,
)

request = Table(
    "request",
    metadata,
    Column("request_id", String(64), primary_key=True),
    Column("programme_id", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("name", Text, nullable=False),
    Column("strategy", String(16), nullable=False),
    Column("alert_id", String(64)),
    Column("telescope", String(64)),
    Column("submitted_by", Text, nullable=False),
    Column("submitted_utc", UtcDateTime, nullable=False),
    Column("closed_utc", UtcDateTime),
)

sequence = Table(
    "sequence",
    metadata,
    Column("sequence_id", String(64), primary_key=True),
    Column("request_id", String(64), ForeignKey("request.request_id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("programme_id", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("target_name", Text, nullable=False),
    Column("ra_deg", Float, nullable=False),
    Column("dec_deg", Float, nullable=False),
    Column("pm_ra_mas_yr", Float, nullable=False),
    Column("pm_dec_mas_yr", Float, nullable=False),
    Column("epoch_jyear", Float, nullable=False),
    Column("priority_delta", Integer, nullable=False),
    Column("min_altitude_deg", Float, nullable=False),
    Column("min_moon_separation_deg", Float, nullable=False),
    Column("earliest_utc", UtcDateTime),
    Column("latest_utc", UtcDateTime),
    Column("latest_start_utc", UtcDateTime),
    Column("mandatory", Boolean, nullable=False),
    Column("carry_over", Boolean, nullable=False),
    Column("alert_id", String(64)),
    Column("state", String(16), nullable=False),
    Column("state_reason", Text, nullable=False),
    Column("state_since_utc", UtcDateTime, nullable=False),
    Column("reserved_s", Float, nullable=False, server_default="0"),
    Index("ix_sequence_programme", "programme_id"),
    Index("ix_sequence_request", "request_id", "position"),
    Index("ix_sequence_state", "state"),
)

album = Table(
    "album",
    metadata,
    Column("sequence_id", String(64), ForeignKey("sequence.sequence_id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("channel", String(64), nullable=False),
)

exposure_plan = Table(
    "exposure_plan",
    metadata,
    Column("sequence_id", String(64), primary_key=True),
    Column("album_position", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("filter_name", Text, nullable=False),
    Column("exposure_s", Float, nullable=False),
    Column("image_count", Integer, nullable=False),
    Column("dither_arcsec", Float, nullable=False),
    ForeignKeyConstraint(
        ["sequence_id", "album_position"], ["album.sequence_id", "album.position"]
    ),
)

night_plan = Table(
    "night_plan",
    metadata,
    Column("night", String(10), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("trigger", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("input_hash", Text, nullable=False),
    Column("cpu_s", Float, nullable=False),
    Column("time_utc", UtcDateTime, nullable=False),
)

placement = Table(
    "placement",
    metadata,
    Column("night", String(10), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("sequence_id", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("programme_id", String(64), nullable=False),
    Column("start_utc", UtcDateTime, nullable=False),
    Column("end_utc", UtcDateTime, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("filters", JsonText, nullable=False),
    Column("ra_deg", Float, nullable=False),
    Column("dec_deg", Float, nullable=False),
    Column("bonus", Boolean, nullable=False, server_default=false()),
    ForeignKeyConstraint(["night", "version"], ["night_plan.night", "night_plan.version"]),
    Index("ix_placement_sequence", "sequence_id"),
)

refusal = Table(
    "refusal",
    metadata,
    Column("night", String(10), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("sequence_id", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("programme_id", String(64), nullable=False),
    Column("code", String(32), nullable=False),
    Column("text", Text, nullable=False),
    ForeignKeyConstraint(["night", "version"], ["night_plan.night", "night_plan.version"]),
    Index("ix_refusal_sequence", "sequence_id"),
)

packet = Table(
    "packet",
    metadata,
    Column("packet_id", Integer, primary_key=True, autoincrement=True),
    Column("sha256", String(64), nullable=False),
    Column("raw", LargeBinary),  # NULL when `duplicate_of` holds the same bytes
    Column("duplicate_of", Integer, ForeignKey("packet.packet_id")),
    Column("source", Text, nullable=False),
    Column("topic", Text),
    Column("received_utc", UtcDateTime, nullable=False),
    Column("injected", Boolean, nullable=False),
    Column("ivorn", Text),
    Column("notice", JsonText),
    Column("decision", String(16)),
    Column("reasons", JsonText),
    Column("alert_id", String(64)),
    Column("judged_utc", UtcDateTime),
    Index("ix_packet_sha256", "sha256"),
    Index("ix_packet_ivorn", "ivorn"),
    Index("ix_packet_alert", "alert_id"),
    sqlite_autoincrement=True,
)

alert_event = Table(
    "alert_event",
    metadata,
    Column("alert_id", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("ivorn", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("reasons", JsonText, nullable=False),
    Column("t0_utc", UtcDateTime),
    Column("ra_deg", Float),
    Column("dec_deg", Float),
    Column("error_deg", Float),
    Column("injected", Boolean, nullable=False),
    Column("received_utc", UtcDateTime, nullable=False),
    Column("updated_utc", UtcDateTime, nullable=False),
    Column("sequence_id", String(64)),
    Column("details", JsonText, nullable=False),
    Index("ix_alert_event_received", "received_utc"),
)

alert_stage = Table(
    "alert_stage",
    metadata,
    Column("alert_id", String(64), primary_key=True),
    Column("stage", String(16), primary_key=True),
    Column("time_utc", UtcDateTime, nullable=False),
    Column("after_ms", Float, nullable=False),
)

night = Table(
    "night",
    metadata,
    Column("night", String(10), primary_key=True),
    Column("started_utc", UtcDateTime, nullable=False),
    Column("ended_utc", UtcDateTime),
    Column("summary", JsonText, nullable=False),
)

frame = Table(
    "frame",
    metadata,
    Column("frame_id", Integer, primary_key=True, autoincrement=True),
    Column("exposure_id", Text, nullable=False, unique=True),
    Column("night", String(10), nullable=False),
    Column("unit", String(64), nullable=False),
    Column("camera", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("request_id", String(64)),
    Column("sequence_id", String(64)),
    Column("programme_id", String(64)),
    Column("alert_id", String(64)),
    Column("object_name", Text, nullable=False),
    Column("filter_name", Text, nullable=False),
    Column("ra_deg", Float),
    Column("dec_deg", Float),
    Column("start_utc", UtcDateTime, nullable=False),
    Column("exposure_s", Float, nullable=False),
    Column("aborted", Boolean, nullable=False),
    Column("path", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("preview_png", Text, nullable=False),
    Column("stars", Integer),
    Column("fwhm_arcsec", Float),
    Column("background_adu", Float, nullable=False),
    Column("archived_utc", UtcDateTime, nullable=False),
    Index("ix_frame_night", "night", "start_utc"),
    Index("ix_frame_sequence", "sequence_id"),
    Index("ix_frame_request", "request_id"),
    sqlite_autoincrement=True,
)
