"""Changes in the order they became visible, webhooks, and keys of updates"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

# What clients may still ask for by time; whoever wants more reads the requests themselves.
_RECENT = """
    INSERT INTO service_request_change
        (event_id, service_request_id, jurisdiction_id, agency_code, is_public, is_farewell, published_at)
    SELECT e.id, e.service_request_id, r.jurisdiction_id, r.agency_code, e.audience = 'public', false, e.at
    FROM service_request_event e JOIN service_request r ON r.id = e.service_request_id
    WHERE e.audience IN ('public', 'agency') AND e.at > now() - interval '90 days'
    ORDER BY e.at, e.id
"""


def upgrade() -> None:
    op.create_table(
        "service_request_change",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("service_request_id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=True),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("is_farewell", sa.Boolean(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["service_request_event.id"],
            name=op.f("fk_service_request_change_event_id_service_request_event"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_service_request_change")),
        sa.UniqueConstraint("event_id", "is_farewell", name=op.f("uq_service_request_change_event_id_is_farewell")),
    )
    for name, columns in (
        ("ix_service_request_change_jurisdiction_id_seq", ["jurisdiction_id", "seq"]),
        ("ix_service_request_change_agency", ["jurisdiction_id", "agency_code", "seq"]),
        ("ix_service_request_change_published", ["jurisdiction_id", "published_at", "seq"]),
        ("ix_service_request_change_service_request_id_seq", ["service_request_id", "seq"]),
    ):
        op.create_index(name, "service_request_change", columns)
    op.create_table(
        "update_key",
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_key.id"], name=op.f("fk_update_key_api_key_id_api_key")),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["service_request_event.id"],
            name=op.f("fk_update_key_event_id_service_request_event"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("api_key_id", "key", name=op.f("pk_update_key")),
    )
    _make_webhooks()
    op.execute(_RECENT)
    # Last, for it keeps everybody from the table of events: as long as reading it once from end to end. Not CONCURRENTLY:
    # that waits for every other transaction, also for a second process that waits here for its turn to migrate.
    op.add_column(
        "service_request_event",
        sa.Column("is_pending_change", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index(
        "ix_service_request_event_pending_change",
        "service_request_event",
        ["id"],
        postgresql_where=sa.text("is_pending_change"),
    )


def _make_webhooks() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("event_types", postgresql.JSONB(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("old_secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("old_secret_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("through_seq", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('active', 'paused', 'disabled')", name=op.f("ck_webhook_state")),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_webhook_jurisdiction_id_jurisdiction")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_index("ix_webhook_jurisdiction_id", "webhook", ["jurisdiction_id"])
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), nullable=True),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("folio", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sending_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'delivered', 'failed')", name=op.f("ck_webhook_delivery_state")
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_webhook_delivery_webhook_id_webhook"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint("webhook_id", "change_seq", name=op.f("uq_webhook_delivery_webhook_id_change_seq")),
    )
    op.create_index(
        "ix_webhook_delivery_due",
        "webhook_delivery",
        ["due_at"],
        postgresql_where=sa.text("state IN ('queued', 'sending')"),
    )
    op.create_index("ix_webhook_delivery_webhook_id_created_at", "webhook_delivery", ["webhook_id", "created_at"])
    op.create_index(
        "ix_webhook_delivery_done_at", "webhook_delivery", ["done_at"], postgresql_where=sa.text("done_at IS NOT NULL")
    )
