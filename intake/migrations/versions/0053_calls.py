"""Telephone calls and the documents they were answered with"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0053"
down_revision = "0050"

_STATES = ("queued", "ringing", "in_progress", "no_answer", "busy", "canceled", "failed", "completed")


def upgrade() -> None:
    # First, and CONCURRENTLY: messages come in while it runs. What a run that was killed left behind is made anew.
    with op.get_context().autocommit_block():
        op.drop_index("uq_conversation_open_thread", "conversation", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "uq_conversation_open_thread",
            "conversation",
            ["contact_point_id", "channel"],
            unique=True,
            postgresql_where=sa.text("state <> 'closed' AND channel <> 'voice'"),
            postgresql_concurrently=True,
        )
        op.drop_index("uq_conversation_open", "conversation", if_exists=True, postgresql_concurrently=True)
    op.create_table(
        "call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("contact_point_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_call_id", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("to_number", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("script", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("is_recording_announced", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("work_item_id", sa.Uuid(), nullable=True),
        sa.Column("ended_by", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("direction IN ('inbound', 'outbound')", name=op.f("ck_call_direction")),
        sa.CheckConstraint(
            "state IN ({})".format(", ".join(f"'{state}'" for state in _STATES)), name=op.f("ck_call_state")
        ),
        sa.CheckConstraint(
            "ended_by IN ('', 'caller', 'operator', 'machine', 'provider')", name=op.f("ck_call_ended_by")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_call_{column}_{table}"))
            for column, table in (
                ("jurisdiction_id", "jurisdiction"),
                ("conversation_id", "conversation"),
                ("contact_point_id", "contact_point"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call")),
        sa.UniqueConstraint("provider", "provider_call_id", name=op.f("uq_call_provider_provider_call_id")),
    )
    op.create_index("ix_call_jurisdiction_id_started_at", "call", ["jurisdiction_id", "started_at"])
    op.create_index(
        "ix_call_going_on", "call", ["jurisdiction_id", "started_at"], postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index(
        "ix_call_work_item_id", "call", ["work_item_id"], postgresql_where=sa.text("work_item_id IS NOT NULL")
    )
    for column in ("conversation_id", "contact_point_id"):
        op.create_index(op.f(f"ix_call_{column}"), "call", [column])
    op.create_table(
        "call_turn",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("heard", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("heard IN ('nothing', 'keys', 'speech', 'again')", name=op.f("ck_call_turn_heard")),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_call_turn_call_id_call"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_id", "number", name=op.f("pk_call_turn")),
    )
