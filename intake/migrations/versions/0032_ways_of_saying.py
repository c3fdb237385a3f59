"""By which other words than its keywords a service is found"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    for name in ("topics", "said_as"):
        op.add_column("service", sa.Column(name, JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False))
