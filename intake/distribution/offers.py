"""Reserve, accept, or let go: an offer holds the operator's capacity from the moment it is made."""

from datetime import datetime, timedelta
from uuid import UUID

import orjson
from sqlmodel import Session

from intake.distribution import agents, lifecycle
from intake.distribution.items import give_back, held_item
from intake.distribution.ledger import note_item
from intake.distribution.lifecycle import ABANDONED, ENDED, OFFERED
from intake.distribution.models import Offer, WorkItem
from intake.distribution.values import OFFER_S, SHUN_DECLINED, SHUN_EXPIRED
from kernel import db
from kernel.errors import Conflict, NotFound
from kernel.ids import new_id
from kernel.rows import HELD, change, load_one

# One statement: the item's row is kept first, the operator's points are taken only if it still waits, and both or neither change.
_OFFER = """
    WITH item AS (
        SELECT id, cost, offer_seq, kind, queue_id FROM work_item
        WHERE id = $1 AND state = 'queued' AND (due_at IS NULL OR due_at <= $4) FOR NO KEY UPDATE SKIP LOCKED
    ), agent AS (
        UPDATE agent_session SET load_points = load_points + item.cost, offer_id = $3, idle_since = $4
        FROM item WHERE agent_id = $2 AND agent_session.state = 'available' AND agent_session.lease_until > $4
            AND agent_session.offer_id IS NULL AND agent_session.load_points + item.cost <= agent_session.cap_points
        RETURNING agent_id
    ), moved AS (
        UPDATE work_item SET state = 'offered', offer_seq = work_item.offer_seq + 1, held_points = work_item.cost
        FROM item, agent WHERE work_item.id = item.id RETURNING work_item.id, work_item.offer_seq
    )
    INSERT INTO offer (id, work_item_id, agent_id, seq, state, offered_at, expires_at, reason)
    SELECT $3, moved.id, $2, moved.offer_seq, 'pending', $4,
        $4 + make_interval(secs => coalesce(
            (SELECT offer_s FROM contact_queue WHERE contact_queue.id = item.queue_id), ($6::jsonb ->> item.kind)::int
        )), $5
    FROM moved, item RETURNING id
"""


def offer(session: Session, work_item_id: UUID, agent_id: UUID, *, reason: str = "", now: datetime) -> Offer | None:
    """Shows a waiting item to a free operator; None when either of them is not so any more. Records `work_item.offered`."""
    offer_id = new_id()
    values = [work_item_id, agent_id, offer_id, now, reason, orjson.dumps(OFFER_S).decode()]
    if not db.fetch(session, _OFFER, values, prepare=True):
        return None
    item = load_one(session, WorkItem, "WHERE id = $1", [work_item_id])
    made = load_one(session, Offer, "WHERE id = $1", [offer_id])
    assert item is not None
    assert made is not None
    agents.forget(session, agent_id)
    note_item(
        session,
        item,
        "offered",
        now=now,
        agent_id=agent_id,
        offer_id=offer_id,
        tell="work_item.offered",
        seq=made.seq,
        reason=reason,
    )
    return made


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
    change(session, item, state=lifecycle.after(item.state, "accept"), agent_id=agent_id, assigned_at=now, shunned={})
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
