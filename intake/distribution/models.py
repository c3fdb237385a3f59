"""The waiting line: what waits, to whom it is offered, who is there. PostgreSQL is the truth; notifications only wake."""

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
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from kernel.db import Instant, Json
from kernel.ids import new_id

_LIVE = "state IN ('queued', 'offered', 'assigned', 'wrapping')"


def _list() -> Column[Any]:
    return Column(Json, nullable=False, server_default=text("'[]'::jsonb"))


class ContactQueue(SQLModel, table=True):
    """One line of people. skill: what an operator must have to serve it; without one everybody does.

    head_start_s: its people count as having waited this much longer. overflow_after_s: after so long whoever serves the
    line `overflow_to` may take them too (without one: everybody), and the language is no longer asked for.
    overflow_if_nobody: at once while nobody who serves the line has a desk open. hours: of a calendar
    (`routing.calendars`), outside of which they may at once, too; without them the line is always open. offer_s, wrap_s,
    rest_s: in place of the usual times. auto_accept: the desk answers an offer by itself. sl_seconds, sl_target: what share
    is answered in what time. closed_at: nobody is sent there any more, and who is there still is everybody's.
    """

    __tablename__ = "contact_queue"
    __table_args__ = (UniqueConstraint("jurisdiction_id", "code"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    code: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    skill: str | None = Field(default=None, sa_type=Text)
    head_start_s: int = 0
    overflow_after_s: int | None = None
    overflow_to: str | None = Field(default=None, sa_type=Text)
    overflow_if_nobody: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    hours: dict[str, Any] | None = Field(default=None, sa_column=Column(Json))
    offer_s: int | None = None
    wrap_s: int | None = None
    rest_s: int | None = None
    auto_accept: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    sl_seconds: int = 20
    sl_target: float = 0.8
    closed_at: datetime | None = Field(default=None, sa_type=Instant)


class WorkItem(SQLModel, table=True):
    """One person who waits for, or is with, an operator. It keeps its place (`enqueued_at`) whatever happens to its offers.

    source_ref: where it came from, unique: a call, one hand-over of a thread. rank_at: its order in the line, older first
    (`matching.rank_at`). due_at: a callback is not offered before. cost: points of an operator's capacity; held_points: how many
    it holds of `agent_id` now, fewer when somebody took it by hand beyond their capacity. shunned: operators who let an offer of
    it pass -> until when it is not offered to them. preferred_agent_id: who gets it first, until preferred_until.

    waiting_since: since when the person waits this time, later than their place after a transfer or a rest. rest_at: when a
    thread that was answered goes to rest, if the person stays silent; resting_since: it does, is still its operator's, and
    holds no points (`resting.py`). rested_s: how long it did in these hands. instead_of_id: the callback whose place it
    has, which is offered to nobody meanwhile.
    """

    __tablename__ = "work_item"
    __table_args__ = (
        CheckConstraint("kind IN ('voice', 'text', 'callback')", name="kind"),
        CheckConstraint(
            "state IN ('queued', 'offered', 'assigned', 'wrapping', 'done', 'abandoned', 'cancelled')", name="state"
        ),
        CheckConstraint("(agent_id IS NOT NULL) = (state IN ('assigned', 'wrapping', 'done'))", name="owner"),
        CheckConstraint("held_points >= 0 AND held_points <= cost", name="held_points"),
        # One thread is in the line once.
        Index(
            "uq_work_item_thread", "conversation_id", unique=True, postgresql_where=text(f"kind = 'text' AND {_LIVE}")
        ),
        Index("ix_work_item_conversation_id", "conversation_id"),
        Index("ix_work_item_line", "jurisdiction_id", "rank_at", postgresql_where=text("state = 'queued'")),
        Index("ix_work_item_held", "agent_id", postgresql_where=text("state IN ('assigned', 'wrapping')")),
        Index("ix_work_item_wrapping", "wrap_until", postgresql_where=text("state = 'wrapping'")),
        Index("ix_work_item_rest_at", "rest_at", postgresql_where=text("rest_at IS NOT NULL")),
        Index("ix_work_item_resting_since", "resting_since", postgresql_where=text("resting_since IS NOT NULL")),
        Index("ix_work_item_instead_of_id", "instead_of_id", postgresql_where=text("instead_of_id IS NOT NULL")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    queue_id: UUID = Field(foreign_key="contact_queue.id")
    kind: str = Field(sa_type=Text)
    conversation_id: UUID | None = Field(default=None, foreign_key="conversation.id")
    source_ref: str = Field(sa_type=Text, unique=True)
    state: str = Field(default="queued", sa_type=Text)
    priority: int = 0
    language: str = Field(default="es", sa_type=Text)
    skills: list[str] = Field(default_factory=list, sa_column=_list())
    topic: str = Field(default="", sa_type=Text)
    cost: int
    held_points: int = 0
    enqueued_at: datetime = Field(sa_type=Instant)
    rank_at: datetime = Field(sa_type=Instant)
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    shunned: dict[str, str] = Field(
        default_factory=dict, sa_column=Column(Json, nullable=False, server_default=text("'{}'::jsonb"))
    )
    preferred_agent_id: UUID | None = None
    preferred_until: datetime | None = Field(default=None, sa_type=Instant)
    offer_seq: int = 0
    agent_id: UUID | None = None
    assigned_at: datetime | None = Field(default=None, sa_type=Instant)
    wrap_until: datetime | None = Field(default=None, sa_type=Instant)
    waiting_since: datetime | None = Field(default=None, sa_type=Instant)
    rest_at: datetime | None = Field(default=None, sa_type=Instant)
    resting_since: datetime | None = Field(default=None, sa_type=Instant)
    rested_s: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    disposition_code: str | None = Field(default=None, sa_type=Text)
    why: str = Field(default="", sa_type=Text)
    instead_of_id: UUID | None = None


class Offer(SQLModel, table=True):
    """A work item shown to one operator, whose capacity it reserves until they take it or it ends."""

    __tablename__ = "offer"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'accepted', 'declined', 'expired', 'rescinded')", name="state"),
        UniqueConstraint("work_item_id", "seq"),
        Index("uq_offer_pending_item", "work_item_id", unique=True, postgresql_where=text("state = 'pending'")),
        Index("uq_offer_pending_agent", "agent_id", unique=True, postgresql_where=text("state = 'pending'")),
        Index("ix_offer_expires_at", "expires_at", postgresql_where=text("state = 'pending'")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    work_item_id: UUID = Field(foreign_key="work_item.id")
    agent_id: UUID
    seq: int
    state: str = Field(default="pending", sa_type=Text)
    offered_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    # Why it came to this operator, in codes (`matching.py`).
    reason: str = Field(default="", sa_type=Text)


class AgentSession(SQLModel, table=True):
    """An operator's presence. A new sign-on raises `epoch`: windows of an older one may look, and do nothing any more.

    state: `offline`, `available`, `break` (reason says which), `missed` (an offer passed unanswered), `leaving` (finishes what
    they hold). lease_until: a desk that has not been heard of by then is gone. idle_since: when something of theirs last began
    or ended. offer_id: the offer they are looking at; one at a time. beside_leg_id: their leg of a call that is another's, who
    asked them or whom they listen to; nothing is offered until it has ended.
    """

    __tablename__ = "agent_session"
    __table_args__ = (
        CheckConstraint("state IN ('offline', 'available', 'break', 'missed', 'leaving')", name="state"),
        CheckConstraint("load_points >= 0 AND load_points <= cap_points", name="load_points"),
        Index("ix_agent_session_jurisdiction_id", "jurisdiction_id"),
    )

    agent_id: UUID = Field(primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    name: str = Field(sa_type=Text)
    epoch: int = 1
    state: str = Field(default="offline", sa_type=Text)
    state_since: datetime = Field(sa_type=Instant)
    reason: str = Field(default="", sa_type=Text)
    idle_since: datetime = Field(sa_type=Instant)
    lease_until: datetime = Field(sa_type=Instant)
    load_points: int = 0
    cap_points: int = 100
    offer_id: UUID | None = None
    beside_leg_id: UUID | None = None


class AgentSkill(SQLModel, table=True):
    """What an operator can do: a skill, or a language as `lang:en`. level: the higher is asked first."""

    __tablename__ = "agent_skill"

    agent_id: UUID = Field(primary_key=True)
    skill: str = Field(sa_type=Text, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id", index=True)
    level: int = 1
    expires_at: datetime | None = Field(default=None, sa_type=Instant)


class DistributionEvent(SQLModel, table=True):
    """What happened in the line, append-only: the state can be built from it again, and every figure is computed from it."""

    __tablename__ = "distribution_event"
    __table_args__ = (
        Index("ix_distribution_event_jurisdiction_id_at", "jurisdiction_id", "at"),
        Index("ix_distribution_event_work_item_id", "work_item_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    jurisdiction_id: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    work_item_id: UUID | None = None
    agent_id: UUID | None = None
    data: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(Json, nullable=False, server_default=text("'{}'::jsonb"))
    )
