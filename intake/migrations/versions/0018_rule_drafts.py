"""Drafts of rule sets, alerts about sets that fail, and requests that agencies gave back"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("rule_set", sa.Column("rules_text", sa.Text(), nullable=True))
    op.add_column("rule_set", sa.Column("published_by", sa.Text(), nullable=False, server_default=""))
    op.add_column("rule_set", sa.Column("draft_id", sa.Uuid(), nullable=True))
    op.create_table(
        "routing_draft",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("rules", postgresql.JSONB(), nullable=True),
        sa.Column("rules_text", sa.Text(), nullable=True),
        sa.Column("tests", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_version", sa.Integer(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'published', 'discarded')", name="state"),
    )
    op.create_index(
        "ix_routing_draft_open",
        "routing_draft",
        ["jurisdiction_id", "changed_at"],
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "routing_draft_layer",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("draft_id", sa.Uuid(), sa.ForeignKey("routing_draft.id", ondelete="CASCADE"), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", postgresql.JSONB(), nullable=False),
        sa.UniqueConstraint("draft_id", "key"),
    )
    op.create_table(
        "routing_draft_area",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("layer_id", sa.Uuid(), sa.ForeignKey("routing_draft_layer.id", ondelete="CASCADE"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("geometry", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("layer_id", "code"),
    )
    op.create_table(
        "rule_alert",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("used_version", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("jurisdiction_id", "version", "error"),
    )
    op.create_table(
        "returned_request",
        sa.Column(
            "event_id",
            sa.BigInteger(),
            sa.ForeignKey("service_request_event.id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("service_request_id", sa.Uuid(), sa.ForeignKey("service_request.id"), nullable=False, index=True),
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("rule_code", sa.Text(), nullable=False),
        sa.Column("rule_set_version", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("suggested_agency_code", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("draft_id", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('none', 'proposed', 'accepted', 'rejected')", name="state"),
    )
    op.create_index("ix_returned_request_at", "returned_request", ["jurisdiction_id", "at"])
    op.create_index(
        "ix_returned_request_proposed",
        "returned_request",
        ["jurisdiction_id", "at"],
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_table(
        "rule_use",
        sa.Column("jurisdiction_id", sa.Text(), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("rule_code", sa.Text(), primary_key=True),
        sa.Column("decisions", sa.Integer(), nullable=False),
        sa.Column("borders", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "rule_use_mark",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
    )
