"""What channels other than SMS bring: buttons, places, albums, subjects; cities' addresses on them; payloads as they came"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    json = postgresql.JSONB(none_as_null=True)
    for column in (
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("place_label", sa.Text(), nullable=False, server_default=""),
        sa.Column("choice", sa.Text(), nullable=True),
        sa.Column("album", sa.Text(), nullable=True),
        sa.Column("reply_to", sa.Text(), nullable=True),
        sa.Column("edits", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False, server_default=""),
        sa.Column("prompt", sa.Text(), nullable=True),
        sa.Column("choices", json, nullable=False, server_default=sa.text("'[]'::jsonb")),
        sa.Column("asks_place", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("template", sa.Text(), nullable=True),
        sa.Column("template_params", json, nullable=False, server_default=sa.text("'{}'::jsonb")),
    ):
        op.add_column("message", column)
    op.add_column("contact_point", sa.Column("profile_name_sealed", sa.LargeBinary(), nullable=True))
    op.create_table(
        "channel_address",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_channel_address_jurisdiction_id_jurisdiction")
        ),
        sa.PrimaryKeyConstraint("channel", "address", name=op.f("pk_channel_address")),
    )
    op.create_index(op.f("ix_channel_address_jurisdiction_id"), "channel_address", ["jurisdiction_id"])
    op.create_table(
        "inbound_payload",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("call_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'taken', 'failed')", name=op.f("ck_inbound_payload_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_payload")),
        sa.UniqueConstraint("channel", "key", name=op.f("uq_inbound_payload_channel_key")),
    )
    op.create_index(
        "ix_inbound_payload_waiting", "inbound_payload", ["changed_at"], postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_index("ix_inbound_payload_received_at", "inbound_payload", ["received_at"])
