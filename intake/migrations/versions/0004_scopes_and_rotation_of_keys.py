"""Scopes, rotation, limits and last use of API keys"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # The default is what every key could do before, also for one made by the release that still runs.
    op.add_column(
        "api_key",
        sa.Column(
            "scopes", postgresql.JSONB(), nullable=False, server_default=sa.text("""'["submit", "update"]'::jsonb""")
        ),
    )
    op.add_column("api_key", sa.Column("prefix", sa.Text(), nullable=True))
    op.add_column("api_key", sa.Column("previous_hash", sa.LargeBinary(), nullable=True))
    op.add_column("api_key", sa.Column("previous_prefix", sa.Text(), nullable=True))
    op.add_column("api_key", sa.Column("previous_ends_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("api_key", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("api_key", sa.Column("writes_per_minute", sa.Integer(), nullable=True))
    op.add_column("api_key", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_api_key_previous"), "api_key", "(previous_hash IS NULL) = (previous_ends_at IS NULL)"
    )
    op.add_column("jurisdiction", sa.Column("keys_version", sa.Integer(), nullable=False, server_default=sa.text("0")))
