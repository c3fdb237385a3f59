"""Threads that a person answers are found without reading those that nobody has to"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    # CONCURRENTLY, outside a transaction: people write while it runs. What a run that was killed left behind is made anew.
    with op.get_context().autocommit_block():
        op.drop_index("ix_conversation_with_agent", "conversation", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_conversation_with_agent",
            "conversation",
            ["jurisdiction_id", "last_message_at"],
            postgresql_where=sa.text("state = 'with_agent'"),
            postgresql_concurrently=True,
        )
