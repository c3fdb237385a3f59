"""What a person does about payloads that nobody could take in"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    # First, and CONCURRENTLY: providers call while it runs. What a run that was killed left behind is made anew.
    with op.get_context().autocommit_block():
        op.drop_index("ix_inbound_payload_failed", "inbound_payload", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_inbound_payload_failed",
            "inbound_payload",
            ["received_at"],
            postgresql_where=sa.text("state = 'failed'"),
            postgresql_concurrently=True,
        )
    op.add_column("inbound_payload", sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "inbound_payload_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("payload_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "name IN ('opened', 'tried_again', 'set_aside')", name=op.f("ck_inbound_payload_event_name")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_payload_event")),
    )
    op.create_index(op.f("ix_inbound_payload_event_payload_id"), "inbound_payload_event", ["payload_id"])
