"""The waiting line: lines, work items, offers, operators' presence and skills, and the record of all of it"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0050"
down_revision = "0045"

_LIVE = "state IN ('queued', 'offered', 'assigned', 'wrapping')"


def _json(name: str, default: str) -> sa.Column[object]:
    kind = postgresql.JSONB(none_as_null=True)
    return sa.Column(name, kind, server_default=sa.text(f"'{default}'::jsonb"), nullable=False)


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "contact_queue",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("skill", sa.Text(), nullable=True),
        sa.Column("head_start_s", sa.Integer(), nullable=False),
        sa.Column("overflow_after_s", sa.Integer(), nullable=True),
        sa.Column("overflow_to", sa.Text(), nullable=True),
        sa.Column("offer_s", sa.Integer(), nullable=True),
        sa.Column("wrap_s", sa.Integer(), nullable=True),
        sa.Column("auto_accept", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("sl_seconds", sa.Integer(), nullable=False),
        sa.Column("sl_target", sa.Float(), nullable=False),
        _at("closed_at", nullable=True),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_contact_queue_jurisdiction_id_jurisdiction")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_queue")),
        sa.UniqueConstraint("jurisdiction_id", "code", name=op.f("uq_contact_queue_jurisdiction_id_code")),
    )
    op.create_table(
        "work_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("source_ref", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        _json("skills", "[]"),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("cost", sa.Integer(), nullable=False),
        sa.Column("held_points", sa.Integer(), nullable=False),
        _at("enqueued_at"),
        _at("rank_at"),
        _at("due_at", nullable=True),
        _json("shunned", "{}"),
        sa.Column("preferred_agent_id", sa.Uuid(), nullable=True),
        _at("preferred_until", nullable=True),
        sa.Column("offer_seq", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        _at("assigned_at", nullable=True),
        _at("wrap_until", nullable=True),
        _at("ended_at", nullable=True),
        sa.Column("disposition_code", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('voice', 'text', 'callback')", name=op.f("ck_work_item_kind")),
        sa.CheckConstraint(
            "state IN ('queued', 'offered', 'assigned', 'wrapping', 'done', 'abandoned', 'cancelled')",
            name=op.f("ck_work_item_state"),
        ),
        sa.CheckConstraint(
            "(agent_id IS NOT NULL) = (state IN ('assigned', 'wrapping', 'done'))", name=op.f("ck_work_item_owner")
        ),
        sa.CheckConstraint("held_points >= 0 AND held_points <= cost", name=op.f("ck_work_item_held_points")),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_work_item_jurisdiction_id_jurisdiction")
        ),
        sa.ForeignKeyConstraint(["queue_id"], ["contact_queue.id"], name=op.f("fk_work_item_queue_id_contact_queue")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_work_item_conversation_id_conversation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_item")),
        sa.UniqueConstraint("source_ref", name=op.f("uq_work_item_source_ref")),
    )
    for name, columns, where in (
        ("ix_work_item_conversation_id", ["conversation_id"], None),
        ("ix_work_item_line", ["jurisdiction_id", "rank_at"], "state = 'queued'"),
        ("ix_work_item_held", ["agent_id"], "state IN ('assigned', 'wrapping')"),
        ("ix_work_item_wrapping", ["wrap_until"], "state = 'wrapping'"),
    ):
        op.create_index(name, "work_item", columns, postgresql_where=sa.text(where) if where else None)
    op.create_index(
        "uq_work_item_thread",
        "work_item",
        ["conversation_id"],
        unique=True,
        postgresql_where=sa.text(f"kind = 'text' AND {_LIVE}"),
    )
    op.create_table(
        "offer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("work_item_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        _at("offered_at"),
        _at("expires_at"),
        _at("ended_at", nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'accepted', 'declined', 'expired', 'rescinded')", name=op.f("ck_offer_state")
        ),
        sa.ForeignKeyConstraint(["work_item_id"], ["work_item.id"], name=op.f("fk_offer_work_item_id_work_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer")),
        sa.UniqueConstraint("work_item_id", "seq", name=op.f("uq_offer_work_item_id_seq")),
    )
    for name, column, is_unique in (
        ("uq_offer_pending_item", "work_item_id", True),
        ("uq_offer_pending_agent", "agent_id", True),
        ("ix_offer_expires_at", "expires_at", False),
    ):
        op.create_index(name, "offer", [column], unique=is_unique, postgresql_where=sa.text("state = 'pending'"))
    op.create_table(
        "agent_session",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        _at("state_since"),
        sa.Column("reason", sa.Text(), nullable=False),
        _at("idle_since"),
        _at("lease_until"),
        sa.Column("load_points", sa.Integer(), nullable=False),
        sa.Column("cap_points", sa.Integer(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state IN ('offline', 'available', 'break', 'missed', 'leaving')", name=op.f("ck_agent_session_state")
        ),
        sa.CheckConstraint("load_points >= 0 AND load_points <= cap_points", name=op.f("ck_agent_session_load_points")),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_agent_session_jurisdiction_id_jurisdiction")
        ),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_agent_session")),
    )
    op.create_index("ix_agent_session_jurisdiction_id", "agent_session", ["jurisdiction_id"])
    op.create_table(
        "agent_skill",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        _at("expires_at", nullable=True),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_agent_skill_jurisdiction_id_jurisdiction")
        ),
        sa.PrimaryKeyConstraint("agent_id", "skill", name=op.f("pk_agent_skill")),
    )
    op.create_index(op.f("ix_agent_skill_jurisdiction_id"), "agent_skill", ["jurisdiction_id"])
    op.create_table(
        "distribution_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        _at("at"),
        sa.Column("work_item_id", sa.Uuid(), nullable=True),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        _json("data", "{}"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_distribution_event")),
    )
    op.create_index("ix_distribution_event_jurisdiction_id_at", "distribution_event", ["jurisdiction_id", "at"])
    op.create_index("ix_distribution_event_work_item_id", "distribution_event", ["work_item_id"])
