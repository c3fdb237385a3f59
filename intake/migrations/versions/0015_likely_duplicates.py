"""Likely duplicates: what a service says of them, requests that are one, and who decided what"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0012"


def upgrade() -> None:
    # What comes before the indexes is committed before they are made: a run that was killed meanwhile has done it.
    if not sa.inspect(op.get_bind()).has_table("duplicate_decision"):
        _change_tables()
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE service_request VALIDATE CONSTRAINT fk_service_request_parent_id_service_request")
        _index(
            "ix_service_request_spot",
            "service_request",
            [
                "jurisdiction_id",
                sa.literal_column("(floor(lat * 1000)::bigint * 360000 + floor(lon * 1000)::bigint)"),
                "service_code",
                sa.literal_column("closed_at DESC NULLS FIRST"),
                sa.literal_column("requested_at DESC"),
            ],
            "lat IS NOT NULL AND parent_id IS NULL",
        )
        _index("ix_service_request_parent_id", "service_request", ["parent_id"], "parent_id IS NOT NULL")
        _index("uq_report_idempotency_key", "report", ["idempotency_key"], "idempotency_key IS NOT NULL", unique=True)
        _index(
            "ix_conversation_unanswered",
            "conversation",
            ["last_message_at"],
            "state = 'automatic' AND dialogue ->> 'step' IN ('same', 'side')",
        )


def _change_tables() -> None:
    # A constant default rewrites no row; the rest is nullable: the previous release may go on writing.
    op.add_column(
        "service",
        sa.Column("duplicates", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    )
    op.add_column(
        "service_attribute", sa.Column("is_asset", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("service_request", sa.Column("parent_id", sa.Uuid(), nullable=True))
    op.add_column("report", sa.Column("idempotency_key", sa.Text(), nullable=True))
    # First for new rows, then for those that are there: the second step reads the table while others write it.
    op.create_foreign_key(
        "fk_service_request_parent_id_service_request",
        "service_request",
        "service_request",
        ["parent_id"],
        ["id"],
        postgresql_not_valid=True,
    )
    op.create_table(
        "duplicate_decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("candidate_id", sa.Uuid(), nullable=False),
        sa.Column("service_request_id", sa.Uuid(), nullable=True),
        sa.Column("report_id", sa.Uuid(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("parts", postgresql.JSONB(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "decision IN ('found', 'same', 'other', 'undone')", name=op.f("ck_duplicate_decision_decision")
        ),
        sa.CheckConstraint(
            "decided_by IN ('system', 'resident', 'staff')", name=op.f("ck_duplicate_decision_decided_by")
        ),
        sa.CheckConstraint(
            "service_request_id IS NOT NULL OR report_id IS NOT NULL", name=op.f("ck_duplicate_decision_subject")
        ),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_duplicate_decision_jurisdiction_id_jurisdiction")
        ),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["service_request.id"], name=op.f("fk_duplicate_decision_candidate_id_service_request")
        ),
        sa.ForeignKeyConstraint(
            ["service_request_id"],
            ["service_request.id"],
            name=op.f("fk_duplicate_decision_service_request_id_service_request"),
        ),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name=op.f("fk_duplicate_decision_report_id_report")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_decision")),
    )
    op.create_index(
        "ix_duplicate_decision_request",
        "duplicate_decision",
        ["service_request_id", "id"],
        postgresql_where=sa.text("service_request_id IS NOT NULL"),
    )
    op.create_index("ix_duplicate_decision_candidate", "duplicate_decision", ["candidate_id", "id"])
    op.create_index("ix_duplicate_decision_at", "duplicate_decision", ["jurisdiction_id", "at"])


def _index(name: str, table: str, columns: list[Any], where: str, *, unique: bool = False) -> None:
    # Left half made by an interrupted run, it would stay invalid.
    op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
    op.create_index(name, table, columns, unique=unique, postgresql_where=sa.text(where), postgresql_concurrently=True)
