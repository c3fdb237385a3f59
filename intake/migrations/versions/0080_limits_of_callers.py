"""Who asks for too many calls back, or fills the line"""

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0079"


def upgrade() -> None:
    # What comes before the indexes is committed by itself, so a run that was killed there finds it done.
    op.create_table(
        "callback_count",
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_callback_count_jurisdiction_id_jurisdiction")
        ),
        sa.PrimaryKeyConstraint("jurisdiction_id", "scope", "hour", name=op.f("pk_callback_count")),
        if_not_exists=True,
    )
    op.create_table(
        "caller_flag",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("digits", sa.Text(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("reviewed_by_name", sa.Text(), nullable=False, server_default=""),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.CheckConstraint(
            "reason IN ('callbacks_to', 'callbacks_by', 'calls_in_line')", name=op.f("ck_caller_flag_reason")
        ),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_caller_flag_jurisdiction_id_jurisdiction")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caller_flag")),
        if_not_exists=True,
    )
    op.create_index(
        "uq_caller_flag_open",
        "caller_flag",
        ["jurisdiction_id", "reason", "scope"],
        unique=True,
        postgresql_where=sa.text("reviewed_at IS NULL"),
        if_not_exists=True,
    )
    with op.get_context().autocommit_block():
        _index("ix_call_number_going_on", "contact_point_id", "ended_at IS NULL")
        _index(
            "ix_call_callback_contact_point_id", "callback_contact_point_id", "callback_contact_point_id IS NOT NULL"
        )


def _index(name: str, column: str, where: str) -> None:
    op.drop_index(name, "call", if_exists=True, postgresql_concurrently=True)
    op.create_index(name, "call", [column], postgresql_where=sa.text(where), postgresql_concurrently=True)
