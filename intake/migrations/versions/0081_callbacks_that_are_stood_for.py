"""Callbacks whose person is in the line by a call of their own, found by it"""

import sqlalchemy as sa
from alembic import op

revision = "0081"
down_revision = "0080"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_work_item_instead_of_id", "work_item", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_work_item_instead_of_id",
            "work_item",
            ["instead_of_id"],
            postgresql_where=sa.text("instead_of_id IS NOT NULL"),
            postgresql_concurrently=True,
        )
