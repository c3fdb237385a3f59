"""Operators' presence and capacity. Points are taken and given back in one statement each, which cannot pass the limit."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from intake.distribution.ledger import note_agent
from intake.distribution.models import AgentSession, AgentSkill
from intake.distribution.values import CAPACITY, COSTS, LEASE
from kernel import db
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.inserts import insert_together
from kernel.rows import HELD, change, fresh, load_one

# What an operator may choose.
CHOSEN = ("available", "break", "leaving")

# Beside a row of `agent_session`: what its operator has in hand `beyond` the points that it holds, taken by hand or passed on to
# them; it counts in full. Whoever talks has no ear for anything else, whatever is left of theirs.
HANDS = """
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(cost - held_points), 0)::int AS beyond,
            coalesce(bool_or(kind <> 'text' AND state = 'assigned'), false) AS is_talking
        FROM work_item WHERE work_item.agent_id = agent_session.agent_id
            AND work_item.state IN ('assigned', 'wrapping') AND resting_since IS NULL
    ) AS hands
"""
_TAKE = """
    UPDATE agent_session SET load_points = load_points + taken.points, idle_since = $3
    FROM (SELECT agent_id AS id, least($2, cap_points - load_points) AS points FROM agent_session
          WHERE agent_id = $1 AND state <> 'offline' FOR NO KEY UPDATE) AS taken
    WHERE agent_id = taken.id RETURNING taken.points
"""
_GIVE = """
    UPDATE agent_session SET load_points = greatest(load_points - $2, 0), idle_since = $3,
        offer_id = CASE WHEN offer_id = $4 THEN NULL ELSE offer_id END
    WHERE agent_id = $1 RETURNING 1
"""
_BEAT = """
    UPDATE agent_session SET lease_until = $3 WHERE agent_id = $1 AND epoch = $2 AND state <> 'offline' RETURNING 1
"""
_HELD_POINTS = """
    WITH held AS (
        SELECT id, cost, sum(cost) OVER (ORDER BY assigned_at, id) AS total FROM work_item
        WHERE agent_id = $1 AND state IN ('assigned', 'wrapping') AND resting_since IS NULL
    ), counted AS (
        UPDATE work_item SET held_points = CASE WHEN held.total <= $2 THEN held.cost ELSE 0 END
        FROM held WHERE work_item.id = held.id RETURNING work_item.held_points
    ) SELECT coalesce(sum(held_points), 0) FROM counted
"""
_IN_CALL = "SELECT 1 FROM work_item WHERE agent_id = $1 AND state = 'assigned' AND kind <> 'text'"
_RISE = "UPDATE agent_session SET beside_leg_id = NULL, idle_since = $3 WHERE agent_id = $1 AND beside_leg_id = $2 RETURNING 1"
_KEEP_ITEMS = (
    "SELECT 1 FROM work_item WHERE agent_id = $1 AND state IN ('assigned', 'wrapping') ORDER BY id FOR NO KEY UPDATE"
)
_KEEP = "SELECT 1 FROM agent_session WHERE agent_id = ANY($1) ORDER BY agent_id FOR NO KEY UPDATE"


def sign_on(
    session: Session, *, jurisdiction_id: str, agent_id: UUID, name: str, cap_points: int = CAPACITY, now: datetime
) -> AgentSession:
    """The operator's desk opens: available, with what they still hold. One that is open elsewhere may only look."""
    db.fetch(session, _KEEP_ITEMS, [agent_id])
    agent = load_one(session, AgentSession, f"WHERE agent_id = $1 {HELD}", [agent_id])
    if agent is None:
        made = fresh(
            AgentSession,
            agent_id=agent_id,
            jurisdiction_id=jurisdiction_id,
            name=name,
            epoch=0,
            state_since=now,
            idle_since=now,
            lease_until=now,
            cap_points=cap_points,
        )
        insert_together(session, made, [])
        agent = held_agent(session, agent_id)
    # Opened again elsewhere, by a page that can or cannot take calls; whoever was about to leave is back.
    values: dict[str, object] = {"cap_points": cap_points}
    if agent.state == "leaving":
        values |= {"state": "available", "state_since": now, "reason": "", "idle_since": now}
    if agent.state == "offline":
        # Taken by hand while away, it held none: it counts from now on, as far as it fits.
        ((points,),) = db.fetch(session, _HELD_POINTS, [agent_id, cap_points])
        values = {
            "cap_points": cap_points,
            "load_points": int(points),
            "state": "available",
            "state_since": now,
            "reason": "",
            "idle_since": now,
        }
    change(session, agent, epoch=agent.epoch + 1, name=name, lease_until=now + LEASE, **values)
    note_agent(session, agent, "signed_on", now=now, epoch=agent.epoch, cap=agent.cap_points, load=agent.load_points)
    return agent


def database_now(session: Session) -> datetime:
    """The instant by the database's clock: what a lease is written and judged by, whichever machine does either."""
    ((at,),) = db.fetch(session, "SELECT clock_timestamp()", [], prepare=True)
    assert isinstance(at, datetime)
    return at


def heartbeat(session: Session, agent_id: UUID, *, epoch: int, lease: timedelta = LEASE, now: datetime) -> None:
    """The desk is there. lease: for how long it need not say so again; a page without scripts says it seldom.

    Raises Conflict for a desk that was opened again elsewhere, or was given up.
    """
    if not db.fetch(session, _BEAT, [agent_id, epoch, now + lease], prepare=True):
        raise Conflict("Tu turno se abrió en otra ventana, o terminó. Recarga la página para volver.")


def set_state(
    session: Session, agent_id: UUID, *, epoch: int, state: str, reason: str = "", now: datetime
) -> AgentSession:
    """Available, on a break (reason says which), or leaving; what they hold stays with them. Raises InvalidInput, Conflict."""
    if state not in CHOSEN:
        raise InvalidInput("Ese estado no se puede elegir.", field="state")
    if state == "break" and not reason:
        raise InvalidInput("Di qué pausa es.", field="reason")
    agent = live_agent(session, agent_id, epoch)
    put_state(session, agent, state, reason=reason, now=now)
    return agent


def put_state(session: Session, agent: AgentSession, state: str, *, reason: str = "", now: datetime) -> None:
    """The (locked) operator is in this state from now on; the same again keeps its clock."""
    if (agent.state, agent.reason) == (state, reason):
        return
    before = agent.state
    values: dict[str, object] = {"idle_since": now} if state == "available" else {}
    change(
        session, agent, state=state, reason=reason, state_since=now, lease_until=max(agent.lease_until, now), **values
    )
    note_agent(session, agent, "state", now=now, state=state, reason=reason, before=before)


def set_capacity(session: Session, agent_id: UUID, cap_points: int, *, now: datetime) -> AgentSession:
    """How many points they take. Raises Conflict while they hold more."""
    agent = held_agent(session, agent_id)
    if cap_points < max(agent.load_points, 0):
        raise Conflict("Ahora atiende más que eso. Espera a que termine algo.")
    change(session, agent, cap_points=cap_points)
    note_agent(session, agent, "capacity", now=now, cap=cap_points)
    return agent


def grant_skill(
    session: Session,
    agent_id: UUID,
    skill: str,
    *,
    jurisdiction_id: str,
    level: int = 1,
    expires_at: datetime | None = None,
) -> None:
    """They can do this from now on, until `expires_at` if it is given; a language is `lang:en`."""
    values = {"level": level, "expires_at": expires_at}
    session.execute(
        insert(AgentSkill)
        .values(agent_id=agent_id, skill=skill, jurisdiction_id=jurisdiction_id, **values)
        .on_conflict_do_update(index_elements=["agent_id", "skill"], set_=values)
    )


def revoke_skills(session: Session, jurisdiction_id: str, skill: str, agent_ids: Iterable[UUID] | None = None) -> None:
    """Nobody (or none of these) has this skill any more; what they hold of it they finish."""
    wanted = delete(AgentSkill).where(
        col(AgentSkill.jurisdiction_id) == jurisdiction_id, col(AgentSkill.skill) == skill
    )
    if agent_ids is not None:
        wanted = wanted.where(col(AgentSkill.agent_id).in_(list(agent_ids)))
    session.execute(wanted)


def held_agent(session: Session, agent_id: UUID) -> AgentSession:
    """Their presence, locked, as it is now. Raises NotFound for somebody who never signed on."""
    found = load_one(session, AgentSession, f"WHERE agent_id = $1 {HELD}", [agent_id])
    if found is None:
        raise NotFound("Ese operador no ha abierto su turno.")
    return found


def live_agent(session: Session, agent_id: UUID, epoch: int) -> AgentSession:
    """As `held_agent`, of this very desk. Raises Conflict when it was opened again elsewhere, or given up."""
    agent = held_agent(session, agent_id)
    if agent.epoch != epoch or agent.state == "offline":
        raise Conflict("Tu turno se abrió en otra ventana, o terminó. Recarga la página para volver.")
    return agent


def sit_beside(session: Session, agent_id: UUID, leg_id: UUID, *, now: datetime) -> None:
    """They are asked into a call that is another's, or listen to one: nothing is offered to them until they `rise`.

    Raises Conflict where they could not hear it: nobody is there, something is being offered to them, or another call is.
    """
    agent = held_agent(session, agent_id)
    if agent.beside_leg_id == leg_id:
        return
    if agent.state == "offline":
        raise Conflict("Esa persona no está en su puesto.")
    if agent.cap_points < COSTS["voice"]:
        raise Conflict("Desde ese puesto no se contestan llamadas.")
    if agent.beside_leg_id is not None or db.fetch(session, _IN_CALL, [agent_id], prepare=True):
        raise Conflict("En ese puesto ya hay otra llamada.")
    if agent.offer_id is not None:
        raise Conflict("A ese puesto le está llegando otro contacto. Prueba en un momento.")
    change(session, agent, beside_leg_id=leg_id, idle_since=now)
    note_agent(session, agent, "beside", now=now, leg=str(leg_id))


def rise(session: Session, agent_id: UUID, leg_id: UUID, *, now: datetime) -> None:
    """They are not in that call any more, or it is theirs now. Twice does it once."""
    if not db.fetch(session, _RISE, [agent_id, leg_id, now], prepare=True):
        return
    forget(session, agent_id)
    note_agent(session, held_agent(session, agent_id), "rose", now=now, leg=str(leg_id))


def keep(session: Session, agent_ids: Iterable[UUID]) -> None:
    """Locks the presence of several, in one order for everybody."""
    db.fetch(session, _KEEP, [sorted(set(agent_ids))])


def take_points(session: Session, agent_id: UUID, points: int, *, now: datetime) -> int:
    """Takes as many of these points as they have left; 0 of somebody who is not signed on."""
    taken = db.fetch(session, _TAKE, [agent_id, points, now], prepare=True)
    forget(session, agent_id)
    return int(taken[0][0]) if taken else 0


def give_points(session: Session, agent_id: UUID, points: int, *, offer_id: UUID | None = None, now: datetime) -> None:
    """offer_id: it was for this offer, which they do not look at any more."""
    db.fetch(session, _GIVE, [agent_id, points, now, offer_id], prepare=True)
    forget(session, agent_id)


def forget(session: Session, agent_id: UUID) -> None:
    """What the session has read of them is old."""
    known = session.identity_map.get(session.identity_key(AgentSession, agent_id))
    if known is not None:
        session.expire(known)
