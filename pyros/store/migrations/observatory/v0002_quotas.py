"""Quotas: what a sequence reserves, where a semester begins, who used time, what is bonus."""

import sqlalchemy as sa
from alembic import op

revision = "v0002"
down_revision = "v0001"

_RESERVE = sa.text(
    "UPDATE sequence SET reserved_s = COALESCE(("
    "SELECT SUM(exposure_plan.exposure_s * exposure_plan.image_count) FROM exposure_plan "
    "WHERE exposure_plan.sequence_id = sequence.sequence_id "
    "GROUP BY exposure_plan.album_position ORDER BY 1 DESC LIMIT 1), 0.0) "
    "WHERE alert_id IS NULL AND request_id IN "
    "(SELECT request.request_id FROM request WHERE request.closed_utc IS NULL)"
)
"""The longest album of each open sequence; readouts are set in the configuration, unknown here."""


def upgrade() -> None:
    """Add the columns; what is open already reserves its exposures."""
    op.add_column("programme", sa.Column("semester_from", sa.String(length=10), nullable=True))
    op.add_column(
        "quota_ledger",
        sa.Column("telescope", sa.String(length=64), server_default="", nullable=False),
    )
    op.drop_index("ix_quota_ledger_programme", "quota_ledger")
    op.create_index(
        "ix_quota_ledger_sums",
        "quota_ledger",
        ["programme_id", "night", "kind", "telescope", "seconds"],
        unique=False,
    )
    op.add_column(
        "placement", sa.Column("bonus", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "sequence", sa.Column("reserved_s", sa.Float(), server_default="0", nullable=False)
    )
    op.create_index("ix_sequence_programme", "sequence", ["programme_id"], unique=False)
    op.execute(_RESERVE)
