"""Public text as fields of their own, and the list of those a person should look at"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # Nullable and without a default: no row is rewritten, and the previous release may go on writing.
    for name in ("public_description", "public_address", "public_status_notes"):
        op.add_column("service_request", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("service_request", sa.Column("public_attributes", postgresql.JSONB(), nullable=True))
    op.add_column("service_request", sa.Column("public_text_version", sa.Integer(), nullable=True))
    op.add_column("service_request_event", sa.Column("public_note", sa.Text(), nullable=True))
    op.create_table(
        "public_text_review",
        sa.Column("service_request_id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("doubts", postgresql.JSONB(), nullable=False),
        sa.Column("decided", postgresql.JSONB(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'published', 'hidden')", name=op.f("ck_public_text_review_state")),
        sa.ForeignKeyConstraint(
            ["service_request_id"],
            ["service_request.id"],
            name=op.f("fk_public_text_review_service_request_id_service_request"),
        ),
        sa.PrimaryKeyConstraint("service_request_id", name=op.f("pk_public_text_review")),
    )
    op.create_index(
        "ix_public_text_review_pending",
        "public_text_review",
        ["jurisdiction_id", "found_at"],
        postgresql_where=sa.text("state = 'pending'"),
    )
