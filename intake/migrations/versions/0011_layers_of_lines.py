"""Layers of lines beside layers of areas"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("boundary_layer", sa.Column("kind", sa.Text(), server_default="area", nullable=False))
