"""The first schema of `observatory.db`, with a journal that refuses changes to what is written."""

import sqlalchemy as sa
from alembic import op

from pyros.store.column_types import JsonText, UtcDateTime

revision = "v0001"
down_revision = None


def upgrade() -> None:
    """Build every table from nothing."""
    _tables_of_alerts_and_frames()
    _tables_of_requests()
    _append_only("journal")


def _tables_of_alerts_and_frames() -> None:
    op.create_table(
        "alert_event",
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("ivorn", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("reasons", JsonText(), nullable=False),
        sa.Column("t0_utc", UtcDateTime(), nullable=True),
        sa.Column("ra_deg", sa.Float(), nullable=True),
        sa.Column("dec_deg", sa.Float(), nullable=True),
        sa.Column("error_deg", sa.Float(), nullable=True),
        sa.Column("injected", sa.Boolean(), nullable=False),
        sa.Column("received_utc", UtcDateTime(), nullable=False),
        sa.Column("updated_utc", UtcDateTime(), nullable=False),
        sa.Column("sequence_id", sa.String(length=64), nullable=True),
        sa.Column("details", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_alert_event")),
    )
    op.create_index("ix_alert_event_received", "alert_event", ["received_utc"], unique=False)
    op.create_table(
        "alert_stage",
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("time_utc", UtcDateTime(), nullable=False),
        sa.Column("after_ms", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "stage", name=op.f("pk_alert_stage")),
    )
    op.create_table(
        "frame",
        sa.Column("frame_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("exposure_id", sa.Text(), nullable=False),
        sa.Column("night", sa.String(length=10), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("camera", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("sequence_id", sa.String(length=64), nullable=True),
        sa.Column("programme_id", sa.String(length=64), nullable=True),
        sa.Column("alert_id", sa.String(length=64), nullable=True),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("filter_name", sa.Text(), nullable=False),
        sa.Column("ra_deg", sa.Float(), nullable=True),
        sa.Column("dec_deg", sa.Float(), nullable=True),
        sa.Column("start_utc", UtcDateTime(), nullable=False),
        sa.Column("exposure_s", sa.Float(), nullable=False),
        sa.Column("aborted", sa.Boolean(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("preview_png", sa.Text(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=True),
        sa.Column("fwhm_arcsec", sa.Float(), nullable=True),
        sa.Column("background_adu", sa.Float(), nullable=False),
        sa.Column("archived_utc", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("frame_id", name=op.f("pk_frame")),
        sa.UniqueConstraint("exposure_id", name=op.f("uq_frame_exposure_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_frame_night", "frame", ["night", "start_utc"], unique=False)
    op.create_index("ix_frame_request", "frame", ["request_id"], unique=False)
    op.create_index("ix_frame_sequence", "frame", ["sequence_id"], unique=False)


def _tables_of_requests() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("time_utc", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("data", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_journal")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_journal_kind", "journal", ["kind", "seq"], unique=False)
    op.create_index("ix_journal_subject", "journal", ["subject", "seq"], unique=False)
    op.create_index("ix_journal_time", "journal", ["time_utc"], unique=False)
    op.create_index("ix_journal_trace", "journal", ["trace_id"], unique=False)
    op.create_table(
        "night",
        sa.Column("night", sa.String(length=10), nullable=False),
        sa.Column("started_utc", UtcDateTime(), nullable=False),
        sa.Column("ended_utc", UtcDateTime(), nullable=True),
        sa.Column("summary", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("night", name=op.f("pk_night")),
    )
    op.create_table(
        "night_plan",
        sa.Column("night", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("input_hash", sa.Text(), nullable=False),
        sa.Column("cpu_s", sa.Float(), nullable=False),
        sa.Column("time_utc", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("night", "version", name=op.f("pk_night_plan")),
    )
    op.create_table(
        "packet",
        sa.Column("packet_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("duplicate_of", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("received_utc", UtcDateTime(), nullable=False),
        sa.Column("injected", sa.Boolean(), nullable=False),
        sa.Column("ivorn", sa.Text(), nullable=True),
        sa.Column("notice", JsonText(), nullable=True),
        sa.Column("decision", sa.String(length=16), nullable=True),
        sa.Column("reasons", JsonText(), nullable=True),
        sa.Column("alert_id", sa.String(length=64), nullable=True),
        sa.Column("judged_utc", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["duplicate_of"], ["packet.packet_id"], name=op.f("fk_packet_duplicate_of")
        ),
        sa.PrimaryKeyConstraint("packet_id", name=op.f("pk_packet")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_packet_alert", "packet", ["alert_id"], unique=False)
    op.create_index("ix_packet_ivorn", "packet", ["ivorn"], unique=False)
    op.create_index("ix_packet_sha256", "packet", ["sha256"], unique=False)
    op.create_table(
        "programme",
        sa.Column("programme_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("grade", sa.String(length=8), nullable=False),
        sa.Column("night_share", sa.Float(), nullable=False),
        sa.Column("semester_quota_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("programme_id", name=op.f("pk_programme")),
    )
    op.create_table(
        "quota_ledger",
        sa.Column("entry_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("programme_id", sa.String(length=64), nullable=False),
        sa.Column("night", sa.String(length=10), nullable=False),
        sa.Column("sequence_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("time_utc", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_quota_ledger")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_quota_ledger_programme", "quota_ledger", ["programme_id", "night"], unique=False
    )
    op.create_table(
        "request",
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("programme_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("strategy", sa.String(length=16), nullable=False),
        sa.Column("alert_id", sa.String(length=64), nullable=True),
        sa.Column("telescope", sa.String(length=64), nullable=True),
        sa.Column("submitted_by", sa.Text(), nullable=False),
        sa.Column("submitted_utc", UtcDateTime(), nullable=False),
        sa.Column("closed_utc", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_request")),
    )
    op.create_table(
        "placement",
        sa.Column("night", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sequence_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("programme_id", sa.String(length=64), nullable=False),
        sa.Column("start_utc", UtcDateTime(), nullable=False),
        sa.Column("end_utc", UtcDateTime(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("filters", JsonText(), nullable=False),
        sa.Column("ra_deg", sa.Float(), nullable=False),
        sa.Column("dec_deg", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["night", "version"],
            ["night_plan.night", "night_plan.version"],
            name=op.f("fk_placement_night"),
        ),
        sa.PrimaryKeyConstraint("night", "version", "position", name=op.f("pk_placement")),
    )
    op.create_index("ix_placement_sequence", "placement", ["sequence_id"], unique=False)
    op.create_table(
        "refusal",
        sa.Column("night", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sequence_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("programme_id", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["night", "version"],
            ["night_plan.night", "night_plan.version"],
            name=op.f("fk_refusal_night"),
        ),
        sa.PrimaryKeyConstraint("night", "version", "position", name=op.f("pk_refusal")),
    )
    op.create_index("ix_refusal_sequence", "refusal", ["sequence_id"], unique=False)
    op.create_table(
        "sequence",
        sa.Column("sequence_id", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("programme_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("target_name", sa.Text(), nullable=False),
        sa.Column("ra_deg", sa.Float(), nullable=False),
        sa.Column("dec_deg", sa.Float(), nullable=False),
        sa.Column("pm_ra_mas_yr", sa.Float(), nullable=False),
        sa.Column("pm_dec_mas_yr", sa.Float(), nullable=False),
        sa.Column("epoch_jyear", sa.Float(), nullable=False),
        sa.Column("priority_delta", sa.Integer(), nullable=False),
        sa.Column("min_altitude_deg", sa.Float(), nullable=False),
        sa.Column("min_moon_separation_deg", sa.Float(), nullable=False),
        sa.Column("earliest_utc", UtcDateTime(), nullable=True),
        sa.Column("latest_utc", UtcDateTime(), nullable=True),
        sa.Column("latest_start_utc", UtcDateTime(), nullable=True),
        sa.Column("mandatory", sa.Boolean(), nullable=False),
        sa.Column("carry_over", sa.Boolean(), nullable=False),
        sa.Column("alert_id", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=False),
        sa.Column("state_since_utc", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["request.request_id"], name=op.f("fk_sequence_request_id")
        ),
        sa.PrimaryKeyConstraint("sequence_id", name=op.f("pk_sequence")),
    )
    op.create_index("ix_sequence_request", "sequence", ["request_id", "position"], unique=False)
    op.create_index("ix_sequence_state", "sequence", ["state"], unique=False)
    op.create_table(
        "album",
        sa.Column("sequence_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["sequence_id"], ["sequence.sequence_id"], name=op.f("fk_album_sequence_id")
        ),
        sa.PrimaryKeyConstraint("sequence_id", "position", name=op.f("pk_album")),
    )
    op.create_table(
        "exposure_plan",
        sa.Column("sequence_id", sa.String(length=64), nullable=False),
        sa.Column("album_position", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("filter_name", sa.Text(), nullable=False),
        sa.Column("exposure_s", sa.Float(), nullable=False),
        sa.Column("image_count", sa.Integer(), nullable=False),
        sa.Column("dither_arcsec", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sequence_id", "album_position"],
            ["album.sequence_id", "album.position"],
            name=op.f("fk_exposure_plan_sequence_id"),
        ),
        sa.PrimaryKeyConstraint(
            "sequence_id", "album_position", "position", name=op.f("pk_exposure_plan")
        ),
    )


def _append_only(table: str) -> None:
    if op.get_context().dialect.name != "sqlite":
        return  # PostgreSQL: the role that PyROS logs in with is granted INSERT and SELECT only
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
