"""What the last look gave at each document that a feed of alerts names"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0077"
down_revision = "0076"


def upgrade() -> None:
    op.add_column("alert_feed", sa.Column("links", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False))
