"""A call once a person is to talk with it: its room, who sits in it, where it is passed on to, and its recordings."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from kernel.db import Instant, Json
from kernel.ids import new_id


def _flag() -> Column[Any]:
    return Column(Boolean, nullable=False, server_default=text("false"))


def _object(default: str = "{}") -> Column[Any]:
    return Column(Json, nullable=False, server_default=text(f"'{default}'::jsonb"))


class CallBridge(SQLModel, table=True):
    """The room of a call: made when an operator first takes it, and its own until the call ends, whoever comes and goes.

    What is wanted stands beside what was last known of the network; `planning` says what to do about the difference.
    room_name: ours; room_reference: the network's. caller_state: `outside` (in the waiting line's documents, still or again),
    `moving` (asked at caller_asked_at), `inside`, `gone`. is_hold_wanted: an operator asked for it. arranging_until: somebody is
    at it, and is given up for dead at that instant. due_at: when it must be looked at again at the latest.
    """

    __tablename__ = "call_bridge"
    __table_args__ = (
        CheckConstraint("caller_state IN ('outside', 'moving', 'inside', 'gone')", name="caller_state"),
        UniqueConstraint("room_name"),
        Index("ix_call_bridge_due", "due_at", postgresql_where=text("ended_at IS NULL")),
        Index("ix_call_bridge_work_item_id", "work_item_id"),
    )

    call_id: UUID = Field(foreign_key="call.id", primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    work_item_id: UUID
    room_name: str = Field(sa_type=Text)
    room_reference: str | None = Field(default=None, sa_type=Text)
    caller_state: str = Field(default="outside", sa_type=Text)
    caller_asked_at: datetime | None = Field(default=None, sa_type=Instant)
    is_hold_wanted: bool = Field(default=False, sa_column=_flag())
    is_held: bool = Field(default=False, sa_column=_flag())
    arranging_until: datetime | None = Field(default=None, sa_type=Instant)
    looked_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class CallLeg(SQLModel, table=True):
    """Somebody we call into the room: an operator, whoever is asked or takes over, a supervisor.

    agent_id: None for a number outside. state: climbs as `leg_states` says. is_wanted: they are to be there; a leg that ends
    while it is wanted was lost. mode: how a supervisor is to be in the room; mode_done: how they are, and coached whose
    provider_call_id alone hears them whisper. asked_at: when the network was last asked to ring. why_ended: completed,
    no_answer, busy, failed, canceled, gone, unwanted.
    """

    __tablename__ = "call_leg"
    __table_args__ = (
        CheckConstraint("role IN ('operator', 'consulted', 'supervisor')", name="role"),
        CheckConstraint("state IN ('wanted', 'asked', 'ringing', 'joined', 'ended')", name="state"),
        CheckConstraint("mode IN ('talk', 'listen', 'whisper')", name="mode"),
        UniqueConstraint("provider_call_id"),
        # One live leg of each operator in a call, however often they are asked for.
        Index(
            "uq_call_leg_live",
            "call_id",
            "agent_id",
            unique=True,
            postgresql_where=text("state <> 'ended' AND agent_id IS NOT NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    call_id: UUID = Field(foreign_key="call.id", index=True)
    agent_id: UUID | None = None
    agent_name: str = Field(default="", sa_type=Text)
    role: str = Field(sa_type=Text)
    address: str = Field(sa_type=Text)
    provider_call_id: str | None = Field(default=None, sa_type=Text)
    state: str = Field(default="wanted", sa_type=Text)
    is_wanted: bool = True
    mode: str = Field(default="talk", sa_type=Text)
    mode_done: str | None = Field(default=None, sa_type=Text)
    coached: str | None = Field(default=None, sa_type=Text)
    attempts: int = 0
    asked_at: datetime | None = Field(default=None, sa_type=Instant)
    joined_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    why_ended: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)


class CallTransfer(SQLModel, table=True):
    """An operator passes a call on to a person. kind: `blind` (they leave at once) or `consulted` (they talk first).

    state: `ringing`, `talking`, then `done`, `returned` (nobody answered: it is the first one's again) or `cancelled`.
    """

    __tablename__ = "call_transfer"
    __table_args__ = (
        CheckConstraint("kind IN ('blind', 'consulted')", name="kind"),
        CheckConstraint("state IN ('ringing', 'talking', 'done', 'returned', 'cancelled')", name="state"),
        Index(
            "uq_call_transfer_open", "call_id", unique=True, postgresql_where=text("state IN ('ringing', 'talking')")
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    call_id: UUID = Field(foreign_key="call.id", index=True)
    kind: str = Field(sa_type=Text)
    state: str = Field(default="ringing", sa_type=Text)
    from_agent_id: UUID
    from_agent_name: str = Field(sa_type=Text)
    to_agent_id: UUID | None = None
    to_name: str = Field(sa_type=Text)
    leg_id: UUID
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


TALK, VOICEMAIL = "talk", "voicemail"


class CallRecording(SQLModel, table=True):
    """One recording of a call, and the key of its file. Without the key nobody can hear it, wherever its bytes are.

    kind: of the `talk` with an operator, or a `voicemail`, said after the tone; message_id: of the latter, its message in the
    thread.
    state: climbs `wanted` (the person has been told, nothing was asked yet), `asked`, `recording`, `ended`, `available` (at the
    provider), `stored` (with us, sealed), `destroyed`; or ends `absent` (there is no file). pauses: why nothing is to be
    recorded now (`operator`, `service`); is_paused: what the network was told. announced_at, notice: when the person heard which
    words. key_sealed: the file's key under the installation's; key_fingerprint names it and outlives it.
    keep_until: the day its key is destroyed; kept_because: why it is kept for longer. proof: what was destroyed, when, and how
    that was seen.
    """

    __tablename__ = "call_recording"
    __table_args__ = (
        CheckConstraint(
            "state IN ('wanted', 'asked', 'recording', 'ended', 'available', 'stored', 'absent', 'destroyed')",
            name="state",
        ),
        CheckConstraint("state <> 'destroyed' OR key_sealed IS NULL", name="destroyed"),
        CheckConstraint("kind IN ('talk', 'voicemail')", name="kind"),
        UniqueConstraint("provider_recording_id"),
        Index("ix_call_recording_due", "keep_until", postgresql_where=text("state <> 'destroyed'")),
        Index(
            "ix_call_recording_unread",
            "id",
            postgresql_where=text("kind = 'voicemail' AND message_id IS NULL AND state IN ('available', 'stored')"),
        ),
        Index("ix_call_recording_waiting", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_call_recording_jurisdiction_id_announced_at", "jurisdiction_id", "announced_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    call_id: UUID = Field(foreign_key="call.id", index=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    kind: str = Field(default=TALK, sa_column=Column(Text, nullable=False, server_default=TALK))
    message_id: UUID | None = Field(default=None, foreign_key="message.id")
    state: str = Field(default="wanted", sa_type=Text)
    announced_at: datetime = Field(sa_type=Instant)
    notice: str = Field(sa_type=Text)
    language: str = Field(sa_type=Text)
    pauses: list[str] = Field(default_factory=list, sa_column=_object("[]"))
    is_paused: bool = Field(default=False, sa_column=_flag())
    is_refused: bool = Field(default=False, sa_column=_flag())
    provider_recording_id: str | None = Field(default=None, sa_type=Text)
    key_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    key_fingerprint: str = Field(default="", sa_type=Text)
    storage_key: str | None = Field(default=None, sa_type=Text)
    media_type: str = Field(default="", sa_type=Text)
    plain_bytes: int | None = None
    sealed_sha256: str = Field(default="", sa_type=Text)
    duration_s: int | None = None
    attempts: int = 0
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    asked_at: datetime | None = Field(default=None, sa_type=Instant)
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    stored_at: datetime | None = Field(default=None, sa_type=Instant)
    provider_deleted_at: datetime | None = Field(default=None, sa_type=Instant)
    keep_until: datetime = Field(sa_type=Instant)
    kept_because: str = Field(default="", sa_type=Text)
    destroyed_at: datetime | None = Field(default=None, sa_type=Instant)
    destroyed_why: str = Field(default="", sa_type=Text)
    proof: dict[str, Any] = Field(default_factory=dict, sa_column=_object())


class CallEvent(SQLModel, table=True):
    """What was done with a call and its recordings, by whom and why. Append-only; each row's `digest` covers the one before it.

    name: e.g. `held`, `transferred`, `barged`, `recording_paused`, `playback_opened`, `recording_destroyed`.
    """

    __tablename__ = "call_event"
    __table_args__ = (Index("ix_call_event_call_id_id", "call_id", "id"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    call_id: UUID = Field(foreign_key="call.id")
    recording_id: UUID | None = Field(default=None, foreign_key="call_recording.id")
    name: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    actor_id: UUID | None = None
    actor_name: str = Field(default="", sa_type=Text)
    reason: str = Field(default="", sa_type=Text)
    data: dict[str, Any] = Field(default_factory=dict, sa_column=_object())
    digest: bytes = Field(sa_type=LargeBinary)
