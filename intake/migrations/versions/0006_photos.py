"""Photos of requests"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "media_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("service_request_id", sa.Uuid(), nullable=True),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("sent_type", sa.Text(), nullable=False),
        sa.Column("sent_bytes", sa.Integer(), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("keeps_original", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("photo_bytes", sa.Integer(), nullable=True),
        sa.Column("thumb_bytes", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('reserved', 'discarded', 'received', 'ready', 'unreadable')", name=op.f("ck_media_file_state")
        ),
        sa.CheckConstraint(
            "(state IN ('reserved', 'discarded')) = (service_request_id IS NULL)", name=op.f("ck_media_file_attached")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["service_request_event.id"], name=op.f("fk_media_file_event_id_service_request_event")
        ),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_media_file_jurisdiction_id_jurisdiction")
        ),
        sa.ForeignKeyConstraint(
            ["service_request_id"],
            ["service_request.id"],
            name=op.f("fk_media_file_service_request_id_service_request"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_file")),
        sa.UniqueConstraint("service_request_id", "sha256", name=op.f("uq_media_file_service_request_id_sha256")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_media_file_storage_key")),
    )
    op.create_index(
        "ix_media_file_original",
        "media_file",
        ["changed_at"],
        unique=False,
        postgresql_where=sa.text("keeps_original"),
    )
    op.create_index(
        "ix_media_file_event_id",
        "media_file",
        ["event_id"],
        unique=False,
        postgresql_where=sa.text("event_id IS NOT NULL"),
    )
    op.add_column("service_request", sa.Column("photo_id", sa.Uuid(), nullable=True))
