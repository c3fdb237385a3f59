"""Rooms of calls, who sits in them, transfers, recordings with a key for each file, and the record of what was done"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0056"
down_revision = "0054"


def _id(name: str = "id", *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _at(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _flag(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _json(name: str, default: str = "{}") -> sa.Column[object]:
    return sa.Column(name, JSONB(), server_default=sa.text(f"'{default}'::jsonb"), nullable=False)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"))


def _one_of(table: str, column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def upgrade() -> None:
    op.create_table(
        "call_bridge",
        _id("call_id"),
        _text("jurisdiction_id"),
        _id("work_item_id"),
        _text("room_name"),
        _text("room_reference", nullable=True),
        _text("caller_state"),
        _at("caller_asked_at"),
        _flag("is_hold_wanted"),
        _flag("is_held"),
        _at("arranging_until"),
        _at("looked_at", nullable=False),
        _at("due_at", nullable=False),
        _at("created_at", nullable=False),
        _at("changed_at", nullable=False),
        _at("ended_at"),
        _one_of("call_bridge", "caller_state", "outside", "moving", "inside", "gone"),
        _key("call_bridge", "call_id", "call"),
        _key("call_bridge", "jurisdiction_id", "jurisdiction"),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_call_bridge")),
        sa.UniqueConstraint("room_name", name=op.f("uq_call_bridge_room_name")),
    )
    op.create_index("ix_call_bridge_due", "call_bridge", ["due_at"], postgresql_where=sa.text("ended_at IS NULL"))
    op.create_index("ix_call_bridge_work_item_id", "call_bridge", ["work_item_id"])
    op.create_table(
        "call_leg",
        _id(),
        _id("call_id"),
        _id("agent_id", nullable=True),
        _text("agent_name"),
        _text("role"),
        _text("address"),
        _text("provider_call_id", nullable=True),
        _text("state"),
        sa.Column("is_wanted", sa.Boolean(), nullable=False),
        _text("mode"),
        _text("mode_done", nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _at("asked_at"),
        _at("joined_at"),
        _at("ended_at"),
        _text("why_ended"),
        _at("created_at", nullable=False),
        _one_of("call_leg", "role", "operator", "consulted", "supervisor"),
        _one_of("call_leg", "state", "wanted", "asked", "ringing", "joined", "ended"),
        _one_of("call_leg", "mode", "talk", "listen", "whisper"),
        _key("call_leg", "call_id", "call"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_leg")),
        sa.UniqueConstraint("provider_call_id", name=op.f("uq_call_leg_provider_call_id")),
    )
    op.create_index(op.f("ix_call_leg_call_id"), "call_leg", ["call_id"])
    op.create_index(
        "uq_call_leg_live",
        "call_leg",
        ["call_id", "agent_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'ended' AND agent_id IS NOT NULL"),
    )
    op.create_table(
        "call_transfer",
        _id(),
        _id("call_id"),
        _text("kind"),
        _text("state"),
        _id("from_agent_id"),
        _text("from_agent_name"),
        _id("to_agent_id", nullable=True),
        _text("to_name"),
        _id("leg_id"),
        _at("started_at", nullable=False),
        _at("ended_at"),
        _one_of("call_transfer", "kind", "blind", "consulted"),
        _one_of("call_transfer", "state", "ringing", "talking", "done", "returned", "cancelled"),
        _key("call_transfer", "call_id", "call"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_transfer")),
    )
    op.create_index(op.f("ix_call_transfer_call_id"), "call_transfer", ["call_id"])
    op.create_index(
        "uq_call_transfer_open",
        "call_transfer",
        ["call_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('ringing', 'talking')"),
    )
    op.create_table(
        "call_recording",
        _id(),
        _id("call_id"),
        _text("jurisdiction_id"),
        _text("state"),
        _at("announced_at", nullable=False),
        _text("notice"),
        _text("language"),
        _json("pauses", "[]"),
        _flag("is_paused"),
        _flag("is_refused"),
        _text("provider_recording_id", nullable=True),
        sa.Column("key_sealed", sa.LargeBinary(), nullable=True),
        _text("key_fingerprint"),
        _text("storage_key", nullable=True),
        _text("media_type"),
        sa.Column("plain_bytes", sa.Integer(), nullable=True),
        _text("sealed_sha256"),
        sa.Column("duration_s", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _at("due_at"),
        _at("asked_at"),
        _at("started_at"),
        _at("stored_at"),
        _at("provider_deleted_at"),
        _at("keep_until", nullable=False),
        _text("kept_because"),
        _at("destroyed_at"),
        _text("destroyed_why"),
        _json("proof"),
        _one_of(
            "call_recording",
            "state",
            "wanted",
            "asked",
            "recording",
            "ended",
            "available",
            "stored",
            "absent",
            "destroyed",
        ),
        sa.CheckConstraint("state <> 'destroyed' OR key_sealed IS NULL", name=op.f("ck_call_recording_destroyed")),
        _key("call_recording", "call_id", "call"),
        _key("call_recording", "jurisdiction_id", "jurisdiction"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_recording")),
        sa.UniqueConstraint("provider_recording_id", name=op.f("uq_call_recording_provider_recording_id")),
    )
    op.create_index(op.f("ix_call_recording_call_id"), "call_recording", ["call_id"])
    op.create_index(
        "ix_call_recording_due",
        "call_recording",
        ["keep_until"],
        postgresql_where=sa.text("state <> 'destroyed'"),
    )
    op.create_index(
        "ix_call_recording_waiting", "call_recording", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_index(
        "ix_call_recording_jurisdiction_id_announced_at", "call_recording", ["jurisdiction_id", "announced_at"]
    )
    op.create_table(
        "call_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        _id("call_id"),
        _id("recording_id", nullable=True),
        _text("name"),
        _at("at", nullable=False),
        _id("actor_id", nullable=True),
        _text("actor_name"),
        _text("reason"),
        _json("data"),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        _key("call_event", "call_id", "call"),
        _key("call_event", "recording_id", "call_recording"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_event")),
    )
    op.create_index("ix_call_event_call_id_id", "call_event", ["call_id", "id"])
