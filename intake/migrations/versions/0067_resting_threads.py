"""Threads that wait for their resident rest, and take nobody's capacity; since when a person waits this time"""

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0065"


def upgrade() -> None:
    op.execute("ALTER TABLE contact_queue ADD COLUMN IF NOT EXISTS rest_s INTEGER")
    op.execute(
        """ALTER TABLE work_item ADD COLUMN IF NOT EXISTS waiting_since TIMESTAMPTZ,
        ADD COLUMN IF NOT EXISTS rest_at TIMESTAMPTZ, ADD COLUMN IF NOT EXISTS resting_since TIMESTAMPTZ,
        ADD COLUMN IF NOT EXISTS rested_s INTEGER NOT NULL DEFAULT 0"""
    )
    # CONCURRENTLY, outside a transaction: people write while it runs. What a run that was killed left behind is made anew.
    with op.get_context().autocommit_block():
        for column in ("rest_at", "resting_since"):
            name = f"ix_work_item_{column}"
            op.drop_index(name, "work_item", if_exists=True, postgresql_concurrently=True)
            op.create_index(
                name,
                "work_item",
                [column],
                postgresql_where=sa.text(f"{column} IS NOT NULL"),
                postgresql_concurrently=True,
            )
