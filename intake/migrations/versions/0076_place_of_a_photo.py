"""The place that a photo of a message carries, sealed until its sender says that it may be used"""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0075"


def upgrade() -> None:
    # What comes before the index is committed by itself, so a run that was killed there finds it done.
    _add(sa.Column("place_sealed", sa.LargeBinary(), nullable=True))
    _add(sa.Column("place_offered_at", sa.DateTime(timezone=True), nullable=True))
    with op.get_context().autocommit_block():
        op.drop_index("ix_message_attachment_place", "message_attachment", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_message_attachment_place",
            "message_attachment",
            ["changed_at"],
            postgresql_where=sa.text("place_sealed IS NOT NULL"),
            postgresql_concurrently=True,
        )


def _add(column: sa.Column[object]) -> None:
    op.add_column("message_attachment", column, if_not_exists=True)
