"""Replies about borders found without reading every receipt, and re-routing after imported layers"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0024"
_NAME = "ix_routing_decision_settled"


def upgrade() -> None:
    # First what is committed by itself: the rest is then done in one transaction with the number of the revision.
    # CONCURRENTLY, outside a transaction: reports come in while it runs. What a run that was killed left behind is made anew.
    with op.get_context().autocommit_block():
        op.drop_index(_NAME, "routing_decision", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            _NAME,
            "routing_decision",
            ["service_request_id"],
            postgresql_where=sa.text("(receipt -> 'settled') <> '{}'"),
            postgresql_concurrently=True,
        )
    op.alter_column("reroute_round", "rule_set_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column(
        "reroute_round",
        sa.Column("layers", postgresql.JSONB(none_as_null=True), nullable=False, server_default="[]"),
    )
