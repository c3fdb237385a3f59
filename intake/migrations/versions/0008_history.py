"""Which register a past request came from, and its number there"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # Nullable and without a default: no row is rewritten, and the previous release may go on writing.
    op.add_column("service_request", sa.Column("source", sa.Text(), nullable=True))
    op.add_column("service_request", sa.Column("source_id", sa.Text(), nullable=True))
    # No row is in it yet, so it costs one reading of the table: a second per five million rows.
    op.create_index(
        "uq_service_request_source",
        "service_request",
        ["jurisdiction_id", "source", "source_id"],
        unique=True,
        postgresql_where=sa.text("source_id IS NOT NULL"),
    )
