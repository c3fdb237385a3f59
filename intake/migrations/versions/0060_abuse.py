"""What strangers can make us send, addresses that are reported again and again, feeds of alerts"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0060"
down_revision = "0059"


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _city(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["jurisdiction_id"], ["jurisdiction.id"], name=op.f(f"fk_{table}_jurisdiction_id_jurisdiction")
    )


def upgrade() -> None:
    op.create_table(
        "spending_count",
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        _instant("hour"),
        sa.Column("sent", sa.Integer(), nullable=False, server_default=sa.text("0")),
        _city("spending_count"),
        sa.PrimaryKeyConstraint("jurisdiction_id", "scope", "hour", name=op.f("pk_spending_count")),
    )
    op.create_table(
        "spending_breaker",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False, server_default=sa.text("0")),
        _instant("opened_at"),
        _instant("reset_at", nullable=True),
        sa.Column("reset_by", sa.Uuid(), nullable=True),
        sa.Column("reset_by_name", sa.Text(), nullable=False, server_default=""),
        _city("spending_breaker"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spending_breaker")),
    )
    op.create_index(
        "uq_spending_breaker_open",
        "spending_breaker",
        ["jurisdiction_id", "scope"],
        unique=True,
        postgresql_where=sa.text("reset_at IS NULL"),
    )
    op.create_table(
        "target_flag",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("service_request_id", sa.Uuid(), nullable=False),
        sa.Column("place_key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("basis", JSONB(), nullable=False, server_default=sa.text("'{}'::jsonb")),
        _instant("at"),
        _instant("reviewed_at", nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("reviewed_by_name", sa.Text(), nullable=False, server_default=""),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.CheckConstraint("reason IN ('few_people', 'many_people')", name=op.f("ck_target_flag_reason")),
        _city("target_flag"),
        sa.ForeignKeyConstraint(
            ["service_request_id"],
            ["service_request.id"],
            name=op.f("fk_target_flag_service_request_id_service_request"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_target_flag")),
    )
    op.create_index(
        "uq_target_flag_open",
        "target_flag",
        ["jurisdiction_id", "place_key"],
        unique=True,
        postgresql_where=sa.text("reviewed_at IS NULL"),
    )
    op.create_table(
        "alert_feed",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("added_by_name", sa.Text(), nullable=False, server_default=""),
        _instant("added_at"),
        _instant("removed_at", nullable=True),
        _instant("looked_at", nullable=True),
        sa.Column("trouble", sa.Text(), nullable=False, server_default=""),
        _city("alert_feed"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_feed")),
    )
    op.create_index(
        "uq_alert_feed",
        "alert_feed",
        ["jurisdiction_id", "url"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    # The line of its own that an incident may have.
    op.add_column("incident", sa.Column("queue_code", sa.Text(), nullable=True))
