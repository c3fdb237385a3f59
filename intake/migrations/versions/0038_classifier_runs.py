"""Trained classifiers of messages, with how well they did"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.create_table(
        "classifier_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("services", sa.Integer(), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("figures", JSONB(), nullable=False),
        sa.Column("model", sa.LargeBinary(), nullable=False),
        sa.Column("is_in_use", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classifier_run")),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_classifier_run_jurisdiction_id_jurisdiction")
        ),
    )
    op.create_index(
        "uq_classifier_run_in_use",
        "classifier_run",
        ["jurisdiction_id"],
        unique=True,
        postgresql_where=sa.text("is_in_use"),
    )
    op.create_index("ix_classifier_run_jurisdiction", "classifier_run", ["jurisdiction_id", sa.text("trained_at DESC")])
