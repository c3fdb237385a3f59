"""Reserve, accept, or let go: an offer holds the operator's capacity from the moment it is made."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import orjson
from sqlmodel import Session

from intake.distribution import agents, lifecycle
from intake.distribution.items import NOT_STOOD_FOR, give_back, held_item
from intake.distribution.ledger import note_item
from intake.distribution.lifecycle import ABANDONED, ENDED, OFFERED
from intake.distribution.matching import Match
from intake.distribution.models import Offer, WorkItem
from intake.distribution.values import OFFER_S, SHUN_DECLINED, SHUN_EXPIRED
from kernel import db
from kernel.errors import Conflict, NotFound
from kernel.ids import new_id
from kernel.outbox import record
from kernel.rows import HELD, change, load_one

_OFFER_S = orjson.dumps(OFFER_S).decode()

# One statement: an item's row is kept first, its operator's points are taken only if it still waits, and both or neither change.
# A row that somebody else is changing is passed by: whoever matches never waits, and so can stand in nobody's way.
_OFFER = f"""
    WITH wanted AS (
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) AS wanted (item_id, agent_id, offer_id, reason)
    ), item AS (
        SELECT work_item.id, jurisdiction_id, conversation_id, cost, offer_seq + 1 AS seq, kind, queue_id, wanted.*
        FROM work_item JOIN wanted ON wanted.item_id = work_item.id
        WHERE state = 'queued' AND (due_at IS NULL OR due_at <= $5) AND {NOT_STOOD_FOR}
        FOR NO KEY UPDATE OF work_item SKIP LOCKED
    ), free AS (
        SELECT agent_session.agent_id FROM agent_session JOIN item USING (agent_id) {agents.HANDS}
        WHERE state = 'available' AND lease_until > $5 AND agent_session.offer_id IS NULL
            AND beside_leg_id IS NULL AND NOT is_talking AND load_points + beyond + item.cost <= cap_points
        FOR NO KEY UPDATE OF agent_session SKIP LOCKED
    ), agent AS (
        UPDATE agent_session SET load_points = load_points + item.cost, offer_id = item.offer_id, idle_since = $5
        FROM free JOIN item USING (agent_id) WHERE agent_session.agent_id = free.agent_id RETURNING item.id
    ), moved AS (
        UPDATE work_item SET state = 'offered', offer_seq = item.seq, held_points = item.cost
        FROM agent JOIN item USING (id) WHERE work_item.id = agent.id
        RETURNING item.*
    ), made AS (
        INSERT INTO offer (id, work_item_id, agent_id, seq, state, offered_at, expires_at, reason)
        SELECT offer_id, id, agent_id, seq, 'pending', $5,
            $5 + make_interval(secs => coalesce(
                (SELECT offer_s FROM contact_queue WHERE contact_queue.id = moved.queue_id), ($6::jsonb ->> kind)::int
            )), reason
        FROM moved
    ), noted AS (
        INSERT INTO distribution_event (jurisdiction_id, name, at, work_item_id, agent_id, data)
        SELECT jurisdiction_id, 'offered', $5, id, agent_id, jsonb_build_object('seq', seq, 'reason', reason) FROM moved
    )
    SELECT id, agent_id, offer_id, conversation_id FROM moved
"""  # noqa: S608  # words of our own


class Made(NamedTuple):
    work_item_id: UUID
    agent_id: UUID
    offer_id: UUID


def offer_all(session: Session, matches: Sequence[Match], *, now: datetime) -> list[Made]:
    """Shows each waiting item to its free operator; what is not so any more is passed by. Records `work_item.offered`.

    No operator may be named twice.
    """
    values = [
        [match.item_id for match in matches],
        [match.agent_id for match in matches],
        [new_id() for _ in matches],
        [match.reason for match in matches],
        now,
        _OFFER_S,
    ]
    session.flush()
    made = []
    for work_item_id, agent_id, offer_id, conversation_id in db.fetch(session, _OFFER, values, prepare=True):
        agents.forget(session, agent_id)
        ids = {"work_item_id": work_item_id, "agent_id": agent_id, "offer_id": offer_id}
        record(
            session,
            "work_item.offered",
            at=now,
            **ids,
            **({"conversation_id": conversation_id} if conversation_id else {}),
        )
        made.append(Made(work_item_id, agent_id, offer_id))
    return made


def offer(session: Session, work_item_id: UUID, agent_id: UUID, *, reason: str = "", now: datetime) -> Offer | None:
    """Shows one waiting item to one free operator; None when either of them is not so any more."""
    made = offer_all(session, [Match(work_item_id, agent_id, reason)], now=now)
    return load_one(session, Offer, "WHERE id = $1", [made[0].offer_id]) if made else None


def accept(session: Session, offer_id: UUID, *, agent_id: UUID, epoch: int, now: datetime) -> WorkItem:
    """The operator takes it. Records `work_item.accepted`; a second tap is told the same.

    Raises Conflict, and changes nothing, when the person has gone, the time is over, somebody else has it, or the desk was opened
    again elsewhere. A person who hangs up at the same moment has gone.
    """
    item, made = _held(session, offer_id, agent_id)
    if made.state == "accepted" and item.agent_id == agent_id and item.state in lifecycle.HELD:
        return item
    _refuse_unless_pending(item, made)
    if now >= made.expires_at:
        raise Conflict("Se acabó el tiempo para contestar.")
    agents.live_agent(session, agent_id, epoch)
    change(session, made, state="accepted", ended_at=now)
    _look_away(session, made, now)
    target = lifecycle.after(item.state, "accept")
    change(session, item, state=target, agent_id=agent_id, assigned_at=now, shunned={}, rested_s=0)
    waited = int((now - item.enqueued_at).total_seconds() * 1000)
    note_item(
        session,
        item,
        "accepted",
        now=now,
        agent_id=agent_id,
        offer_id=made.id,
        tell="work_item.accepted",
        points=item.held_points,
        waited_ms=waited,
    )
    return item


def decline(
    session: Session, offer_id: UUID, *, agent_id: UUID, epoch: int, reason: str = "", now: datetime
) -> WorkItem:
    """Back to its place in the line, and not to the same operator for a while. Raises Conflict as `accept` does."""
    item, made = _held(session, offer_id, agent_id)
    if made.state == "declined":
        return item
    _refuse_unless_pending(item, made)
    agents.live_agent(session, agent_id, epoch)
    return _return(session, item, made, "declined", why=reason, shun=SHUN_DECLINED, now=now)


def expire(session: Session, offer_id: UUID, *, now: datetime) -> bool:
    """Ends an offer whose time is over: the item has its place again, the operator is `missed` until they say otherwise."""
    item, made = _held(session, offer_id, None)
    if made.state != "pending" or now < made.expires_at or item.state != OFFERED:
        return False
    _return(session, item, made, "expired", why="expired", shun=SHUN_EXPIRED, now=now)
    agent = agents.held_agent(session, made.agent_id)
    if agent.state == "available":
        agents.put_state(session, agent, "missed", now=now)
    return True


def _return(
    session: Session, item: WorkItem, made: Offer, state: str, *, why: str, shun: timedelta, now: datetime
) -> WorkItem:
    change(session, made, state=state, ended_at=now)
    agents.give_points(session, made.agent_id, item.held_points, offer_id=made.id, now=now)
    note_item(session, item, state, now=now, agent_id=made.agent_id, offer_id=made.id, why=why)
    return give_back(session, item, why=state, shun_until=now + shun, now=now)


def _look_away(session: Session, made: Offer, now: datetime) -> None:
    agents.give_points(session, made.agent_id, 0, offer_id=made.id, now=now)


def _held(session: Session, offer_id: UUID, agent_id: UUID | None) -> tuple[WorkItem, Offer]:
    """The offer and its item, the item's row first. Raises NotFound for an offer of somebody else."""
    seen = load_one(session, Offer, "WHERE id = $1", [offer_id])
    if seen is None or agent_id not in (None, seen.agent_id):
        raise NotFound("No encontramos esa oferta.")
    item = held_item(session, seen.work_item_id)
    made = load_one(session, Offer, f"WHERE id = $1 {HELD}", [offer_id])
    assert made is not None
    return item, made


def _refuse_unless_pending(item: WorkItem, made: Offer) -> None:
    if item.state == ABANDONED:
        raise Conflict("La persona ya se fue.")
    if item.state in ENDED:
        raise Conflict("Ese contacto ya terminó.")
    if made.state == "expired":
        raise Conflict("Se acabó el tiempo para contestar.")
    if made.state != "pending" or item.state != OFFERED:
        raise Conflict("Ya no es tu turno: lo tomó alguien más.")
