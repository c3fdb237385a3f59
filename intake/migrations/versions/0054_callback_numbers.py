"""Where a caller wants to be called back"""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"


def upgrade() -> None:
    op.add_column("call", sa.Column("callback_contact_point_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_call_callback_contact_point_id_contact_point"),
        "call",
        "contact_point",
        ["callback_contact_point_id"],
        ["id"],
    )
