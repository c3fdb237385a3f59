"""Operators who are in a call that is another's are offered nothing meanwhile"""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"


def upgrade() -> None:
    op.add_column("agent_session", sa.Column("beside_leg_id", sa.Uuid(), nullable=True))
