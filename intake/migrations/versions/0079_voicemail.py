"""What is said after the tone is a recording: sealed, heard with a reason, destroyed on its day"""

import sqlalchemy as sa
from alembic import op

revision = "0079"
down_revision = "0078"

_UNREAD = "kind = 'voicemail' AND message_id IS NULL AND state IN ('available', 'stored')"


def upgrade() -> None:
    # The release before writes recordings of talks, and knows of no other.
    op.add_column("call_recording", sa.Column("kind", sa.Text(), nullable=False, server_default="talk"))
    op.add_column("call_recording", sa.Column("message_id", sa.Uuid(), nullable=True))
    op.create_check_constraint(op.f("ck_call_recording_kind"), "call_recording", "kind IN ('talk', 'voicemail')")
    op.create_foreign_key(
        op.f("fk_call_recording_message_id_message"), "call_recording", "message", ["message_id"], ["id"]
    )
    op.create_index("ix_call_recording_unread", "call_recording", ["id"], postgresql_where=sa.text(_UNREAD))
