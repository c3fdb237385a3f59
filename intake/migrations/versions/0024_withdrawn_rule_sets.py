"""Rule sets that were taken back before their day came"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("rule_set", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("rule_set", sa.Column("withdrawn_by", sa.Text(), nullable=False, server_default=""))
