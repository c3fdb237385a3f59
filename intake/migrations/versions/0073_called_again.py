"""Calls that have the place of a callback, whose person called again"""

import sqlalchemy as sa
from alembic import op

revision = "0073"
down_revision = "0072"


def upgrade() -> None:
    op.add_column("work_item", sa.Column("instead_of_id", sa.Uuid(), nullable=True))
