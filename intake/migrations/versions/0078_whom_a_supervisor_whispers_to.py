"""Whom a supervisor was told to whisper to: after a transfer it is somebody else"""

import sqlalchemy as sa
from alembic import op

revision = "0078"
down_revision = "0077"


def upgrade() -> None:
    op.add_column("call_leg", sa.Column("coached", sa.Text(), nullable=True))
