"""Which city a payload was written to that nobody could take in"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"

_NAME = "fk_inbound_payload_jurisdiction_id_jurisdiction"


def upgrade() -> None:
    op.add_column("inbound_payload", sa.Column("jurisdiction_id", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f(_NAME), "inbound_payload", "jurisdiction", ["jurisdiction_id"], ["id"], postgresql_not_valid=True
    )
    # Reads along while providers call; there is nothing in the column yet.
    op.execute(f"ALTER TABLE inbound_payload VALIDATE CONSTRAINT {_NAME}")
