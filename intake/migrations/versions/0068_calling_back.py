"""What became of each attempt to call somebody back"""

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0067"


def upgrade() -> None:
    op.add_column("call", sa.Column("outcome", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("call", "outcome")
