"""Lines that overflow outside their hours, and while nobody who serves them is there"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0074"
down_revision = "0073"


def upgrade() -> None:
    op.add_column(
        "contact_queue", sa.Column("overflow_if_nobody", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("contact_queue", sa.Column("hours", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
