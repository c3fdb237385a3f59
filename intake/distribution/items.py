"""Writes on work items. Whoever changes one holds its row first, then its operator's: two never wait for each other."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from intake.distribution import agents, lifecycle
from intake.distribution.ledger import note_item
from intake.distribution.lifecycle import ASSIGNED, ENDED, HELD, OFFERED, QUEUED
from intake.distribution.matching import rank_at
from intake.distribution.models import ContactQueue, Offer, WorkItem
from intake.distribution.values import COSTS, GENERAL, WRAP_S
from kernel import db
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.inserts import insert_together
from kernel.rows import HELD as KEPT
from kernel.rows import change, fresh, load_one

# Why a callback is over whose person has called again, and was answered.
CALLED_AGAIN = "called_again"
# How often an operator may ask for more time for the notes of one contact.
MOST_EXTENSIONS = 10
_EXTENDED = "SELECT count(*) FROM distribution_event WHERE work_item_id = $1 AND name = 'wrap_extended'"

_LIVE = "state IN ('queued', 'offered', 'assigned', 'wrapping')"
_STANDS = f"SELECT 1 FROM work_item WHERE instead_of_id = $1 AND id <> $2 AND {_LIVE} LIMIT 1"  # noqa: S608  # words of our own
# Of a waiting item: not the callback of somebody who is in the line by a call of their own, in its place. Said to be not null,
# those calls are found by their index also where the planner reads all of them at once, and not every item there ever was.
NOT_STOOD_FOR = f"""NOT (work_item.kind = 'callback' AND EXISTS (
    SELECT 1 FROM work_item AS own WHERE own.instead_of_id IS NOT NULL AND own.instead_of_id = work_item.id
        AND own.{_LIVE}))"""  # noqa: S608  # words of our own


def enqueue(
    session: Session,
    *,
    jurisdiction_id: str,
    kind: str,
    source_ref: str,
    conversation_id: UUID | None = None,
    queue_code: str = GENERAL,
    priority: int = 0,
    language: str = "es",
    skills: Iterable[str] = (),
    topic: str = "",
    preferred_agent_id: UUID | None = None,
    preferred_for: timedelta = timedelta(seconds=20),
    due_at: datetime | None = None,
    now: datetime,
) -> WorkItem:
    """Puts somebody in the line, in this transaction; the same source_ref again gives the first item, whatever became of it.

    Of a thread (kind `text`) that is in the line already the item it has is given. Raises InvalidInput for an unknown kind,
    NotFound for a line that is not there. Records `work_item.queued`.
    """
    if kind not in COSTS:
        raise InvalidInput("No existe esa clase de contacto.", field="kind")
    queue = queue_of(session, jurisdiction_id, queue_code)
    item = fresh(
        WorkItem,
        jurisdiction_id=jurisdiction_id,
        queue_id=queue.id,
        kind=kind,
        conversation_id=conversation_id,
        source_ref=source_ref,
        priority=priority,
        language=language,
        skills=sorted(set(skills)),
        topic=topic,
        cost=COSTS[kind],
        enqueued_at=now,
        rank_at=rank_at(now, priority, queue.head_start_s),
        waiting_since=now,
        due_at=due_at,
        preferred_agent_id=preferred_agent_id,
        preferred_until=now + preferred_for if preferred_agent_id else None,
    )
    if not insert_together(session, item, []):
        known = load_one(session, WorkItem, "WHERE source_ref = $1", [source_ref]) or live_of(session, conversation_id)
        assert known is not None, "what stood in the way is there"
        return known
    note_item(
        session,
        item,
        "queued",
        now=now,
        tell="work_item.queued",
        queue=queue.code,
        kind=kind,
        priority=priority,
        cost=item.cost,
    )
    return item


def queue_of(session: Session, jurisdiction_id: str, code: str) -> ContactQueue:
    """The line of that code; the general one is made when it is first asked for. Raises NotFound."""
    found = load_one(session, ContactQueue, "WHERE jurisdiction_id = $1 AND code = $2", [jurisdiction_id, code])
    if found is not None:
        return found
    if code != GENERAL:
        raise NotFound("No existe la fila {code}.", code=code)
    return open_queue(session, jurisdiction_id, GENERAL, name="General")


def open_queue(session: Session, jurisdiction_id: str, code: str, *, name: str, **settings: object) -> ContactQueue:
    """Makes a line, or gives an old one these settings; settings: as on `ContactQueue`."""
    values = {"name": name, "closed_at": None, **settings}
    row = ContactQueue(jurisdiction_id=jurisdiction_id, code=code, name=name)
    session.execute(
        insert(ContactQueue)
        .values(**{**row.model_dump(), **values})
        .on_conflict_do_update(index_elements=["jurisdiction_id", "code"], set_=values)
    )
    found = load_one(session, ContactQueue, "WHERE jurisdiction_id = $1 AND code = $2", [jurisdiction_id, code])
    assert found is not None, "it was just written"
    return found


def live_of(session: Session, conversation_id: UUID | None) -> WorkItem | None:
    """The item of this thread that is not over, locked."""
    if conversation_id is None:
        return None
    tail = f"WHERE conversation_id = $1 AND kind = 'text' AND {_LIVE} {KEPT}"
    return load_one(session, WorkItem, tail, [conversation_id])


def held_item(session: Session, work_item_id: UUID) -> WorkItem:
    """The item, locked until this transaction ends, as it is now. Raises NotFound."""
    found = load_one(session, WorkItem, f"WHERE id = $1 {KEPT}", [work_item_id])
    if found is None:
        raise NotFound("No encontramos ese contacto.")
    return found


def held_source(session: Session, source_ref: str) -> WorkItem | None:
    return load_one(session, WorkItem, f"WHERE source_ref = $1 {KEPT}", [source_ref])


def abandon(session: Session, source_ref: str, *, why: str, now: datetime) -> WorkItem | None:
    """The person went away: out of the line, or from under an offer, which nobody can accept any more.

    From an operator's hands it goes to the notes afterwards (`finish`). None when nothing has this source; twice does it once.
    """
    item = held_source(session, source_ref)
    if item is None or item.state in ENDED:
        return item
    if item.state in HELD:
        return finish(session, item.id, why=why, now=now)
    _end(session, item, "abandon", why=why, now=now)
    return item


def wait_for_callback(session: Session, source_ref: str, *, due_at: datetime | None, now: datetime) -> bool:
    """Whoever waits on the line is called back instead, and keeps their place. False when an operator is being asked already.

    due_at: not before then. Twice does it once. A place that was another callback's stays with that one.
    """
    item = held_source(session, source_ref)
    if item is None or item.state != QUEUED:
        return False
    if item.kind != "callback":
        if item.instead_of_id is not None:
            queue = session.get_one(ContactQueue, item.queue_id)
            own = rank_at(item.enqueued_at, item.priority, queue.head_start_s)
            change(session, item, instead_of_id=None, rank_at=own)
        change(session, item, kind="callback", cost=COSTS["callback"], due_at=due_at)
        note_item(session, item, "callback_asked", now=now, tell="work_item.queued")
    return True


def note_callback_kept(session: Session, callback: WorkItem, *, now: datetime) -> None:
    """Whoever is to be called back has asked for it again, and has what they had: the (held) item changes in nothing else."""
    note_item(session, callback, "callback_kept", now=now)


def take_place(session: Session, item: WorkItem, callback_id: UUID, *, now: datetime) -> bool:
    """Whoever seems to have asked for it calls again: the (voice) item has the callback's place. False if that waits no more.

    The callback is offered to nobody while the item lives, and is over once they were answered (`settle`). Else it is as before.
    """
    callback = held_item(session, callback_id)
    if callback.state != QUEUED or callback.kind != "callback":
        return False
    # Of two calls that came at once the second sees it only now.
    if db.fetch(session, _STANDS, [callback.id, item.id], prepare=True):
        return False
    change(session, item, rank_at=min(item.rank_at, callback.rank_at), instead_of_id=callback.id)
    note_item(session, item, "took_place", now=now, of=str(callback.id))
    return True


def settle(session: Session, item: WorkItem, *, now: datetime) -> None:
    """Somebody has talked with whoever has a callback's place: they are not called back any more. Twice does it once."""
    if item.instead_of_id is None:
        return
    callback = held_item(session, item.instead_of_id)
    if callback.state == QUEUED:
        _end(session, callback, "cancel", why=CALLED_AGAIN, now=now)
    change(session, item, instead_of_id=None)


def finish(session: Session, work_item_id: UUID, *, why: str = "", now: datetime) -> WorkItem:
    """The talk is over, the notes begin: the operator keeps the item for the line's wrap-up time. Twice does it once."""
    item = held_item(session, work_item_id)
    if item.state != ASSIGNED:
        return item
    queue = session.get_one(ContactQueue, item.queue_id)
    until = now + timedelta(seconds=queue.wrap_s if queue.wrap_s is not None else WRAP_S[item.kind])
    change(session, item, state=lifecycle.after(item.state, "wrap"), wrap_until=until, why=why, **awake(item, now))
    note_item(session, item, "wrapping", now=now, agent_id=item.agent_id, tell="work_item.wrapping", why=why)
    return item


def extend_wrap(session: Session, work_item_id: UUID, *, agent_id: UUID, by: timedelta, now: datetime) -> WorkItem:
    """More time for the notes, a few times. Raises Conflict when they are over, of somebody else, or given often enough."""
    item = _own(session, work_item_id, agent_id)
    if item.wrap_until is None or item.state not in HELD:
        raise Conflict("Ese contacto ya cambió: míralo otra vez.")
    ((given,),) = db.fetch(session, _EXTENDED, [item.id], prepare=True)
    if given >= MOST_EXTENSIONS:
        raise Conflict(
            "Ya pediste más tiempo {times} veces: guarda lo que tengas.",
            times=given,
        )
    change(session, item, wrap_until=max(item.wrap_until, now) + by)
    note_item(session, item, "wrap_extended", now=now, agent_id=agent_id)
    return item


def complete(
    session: Session, work_item_id: UUID, *, disposition_code: str | None, agent_id: UUID | None = None, now: datetime
) -> WorkItem:
    """Over: the operator's capacity is free again. What nobody had yet leaves the line. Twice does it once.

    agent_id: whose it must be, when an operator asks. Raises NotFound, Conflict.
    """
    item = held_item(session, work_item_id) if agent_id is None else _own(session, work_item_id, agent_id)
    if item.state in ENDED:
        return item
    _end(
        session,
        item,
        "complete" if item.state in HELD else "cancel",
        why=item.why,
        disposition_code=disposition_code,
        now=now,
    )
    return item


def claim(session: Session, work_item_id: UUID, *, agent_id: UUID, now: datetime) -> WorkItem:
    """Somebody takes it by hand: out of the line, from under another's offer, or over from a colleague.

    It is theirs even beyond their capacity (then it holds fewer points, and nothing more is offered). Raises Conflict when it is
    over.
    """
    item = held_item(session, work_item_id)
    if item.agent_id == agent_id and item.state in HELD:
        return item
    if item.state in ENDED or not lifecycle.may(item.state, "claim"):
        raise Conflict("Ese contacto ya terminó.")
    before = item.agent_id
    agents.keep(session, [one for one in (whose_is(session, item), agent_id) if one is not None])
    let_go(session, item, now=now)
    points = agents.take_points(session, agent_id, item.cost, now=now)
    change(
        session,
        item,
        state=lifecycle.after(item.state, "claim"),
        agent_id=agent_id,
        assigned_at=now,
        held_points=points,
        **awake(item, now) | {"rested_s": 0},
    )
    note_item(
        session,
        item,
        "claimed",
        now=now,
        agent_id=agent_id,
        tell="work_item.accepted",
        before=str(before) if before else None,
        points=points,
    )
    return item


def requeue_front(
    session: Session, work_item_id: UUID, *, why: str, queue_code: str | None = None, now: datetime
) -> WorkItem:
    """Back to the head of the line: its operator was lost, or passes it on (queue_code: to another line).

    It keeps the place it had, and goes before all who have not been answered yet. Raises Conflict when it is over.
    """
    item = held_item(session, work_item_id)
    return give_back(session, item, why=why, queue_code=queue_code, is_front=True, now=now)


def give_back(
    session: Session,
    item: WorkItem,
    *,
    why: str,
    queue_code: str | None = None,
    is_front: bool = False,
    shun_until: datetime | None = None,
    preferred_for: timedelta | None = None,
    now: datetime,
) -> WorkItem:
    """The (locked) item waits again, in the place that it had.

    shun_until: not shown to the same operator before. preferred_for: kept for them so long, if they are there and have room.
    """
    if item.state == QUEUED:
        return item
    target = lifecycle.after(item.state, "give_back")
    joins: str | None = None
    whose = whose_is(session, item)
    let_go(session, item, now=now)
    values: dict[str, object] = awake(item, now) | {"preferred_agent_id": None, "preferred_until": None}
    if preferred_for is not None:
        values |= {"preferred_agent_id": whose, "preferred_until": now + preferred_for}
    if item.state == ASSIGNED:
        values["waiting_since"] = now
    if queue_code is not None or is_front:
        queue = (
            session.get_one(ContactQueue, item.queue_id)
            if queue_code is None
            else queue_of(session, item.jurisdiction_id, queue_code)
        )
        if queue.id != item.queue_id:
            joins = queue.code
        values["queue_id"] = queue.id
        values["rank_at"] = rank_at(item.enqueued_at, item.priority, queue.head_start_s, is_front=is_front)
    if whose is not None and shun_until is not None:
        values["shunned"] = {**item.shunned, str(whose): shun_until.isoformat()}
    change(session, item, state=target, agent_id=None, assigned_at=None, held_points=0, **values)
    note_item(
        session,
        item,
        "requeued",
        now=now,
        agent_id=whose,
        tell="work_item.requeued",
        why=why,
        queue=joins,
        kind=item.kind if joins else None,
    )
    return item


def let_go(session: Session, item: WorkItem, *, now: datetime) -> None:
    """Whoever has the (locked) item, or is shown it, has its points back; an offer of it ends unanswered."""
    if item.state == OFFERED:
        offer = load_one(session, Offer, f"WHERE work_item_id = $1 AND state = 'pending' {KEPT}", [item.id])
        if offer is not None:
            change(session, offer, state="rescinded", ended_at=now)
            agents.give_points(session, offer.agent_id, item.held_points, offer_id=offer.id, now=now)
    elif item.agent_id is not None and item.state in HELD:
        agents.give_points(session, item.agent_id, item.held_points, now=now)


def awake(item: WorkItem, now: datetime) -> dict[str, object]:
    """What is written with whatever makes an item rest no more."""
    slept = now - item.resting_since if item.resting_since is not None else timedelta()
    return {"rest_at": None, "resting_since": None, "rested_s": item.rested_s + int(slept.total_seconds())}


def whose_is(session: Session, item: WorkItem) -> UUID | None:
    """Whoever has the (locked) item, or is asked to take it."""
    if item.state != OFFERED:
        return item.agent_id
    # The newest one: the caller may have ended it a moment ago.
    offer = load_one(session, Offer, "WHERE work_item_id = $1 AND seq = $2", [item.id, item.offer_seq])
    return offer.agent_id if offer else None


def _end(
    session: Session,
    item: WorkItem,
    step: str,
    *,
    why: str,
    disposition_code: str | None = None,
    now: datetime,
) -> None:
    target = lifecycle.after(item.state, step)
    whose = whose_is(session, item)
    let_go(session, item, now=now)
    change(
        session,
        item,
        state=target,
        held_points=0,
        wrap_until=None,
        ended_at=now,
        why=why,
        disposition_code=disposition_code,
        **awake(item, now),
    )
    note_item(
        session,
        item,
        target,
        now=now,
        agent_id=whose,
        tell="work_item.ended",
        why=why,
        disposition=disposition_code,
    )


def _own(session: Session, work_item_id: UUID, agent_id: UUID) -> WorkItem:
    item = held_item(session, work_item_id)
    if item.agent_id != agent_id:
        raise Conflict("Ese contacto ya no es tuyo.")
    return item
