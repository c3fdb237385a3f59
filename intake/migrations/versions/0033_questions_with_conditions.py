"""Questions that are asked only after certain answers"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.add_column(
        "service_attribute",
        sa.Column(
            "only_if", postgresql.JSONB(none_as_null=True), nullable=False, server_default=sa.text("'{}'::jsonb")
        ),
    )
