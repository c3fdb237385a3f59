"""Handlers of the supervisor's page: who is in which state since when, who waits, and putting somebody in another state."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session, col, func, select

from agent_console.access import BASE, ViewerDep, WriterDep, only
from agent_console.accounts import Viewer
from agent_console.lists import start_of_day
from agent_console.pages.desk import shown, waiting
from agent_console.pages.desk.seat import Seat
from agent_console.rendering import render_for, see_other, wants_fragment
from intake.distribution import actions as distribution
from intake.distribution.figures import Figures, figures
from intake.distribution.lifecycle import ASSIGNED, DONE, WRAPPING
from intake.distribution.models import AgentSession, WorkItem
from kernel import clock
from kernel.bodies import FormDep
from kernel.errors import InvalidInput, NotFound
from kernel.sessions import SessionDep

router = APIRouter(
    prefix="/atencion/equipo", include_in_schema=False, dependencies=[Depends(only("supervisor", "admin"))]
)
FORCED = ("available", "break", "offline")


@dataclass(frozen=True)
class Member:
    """One operator: state in words and since when, what they hold, how many threads rest, and what they ended today."""

    agent: AgentSession
    presence: shown.Presence
    held: list[shown.Held]
    resting: int
    done: int


@router.get("")
def show(
    http_request: Request, session: SessionDep, viewer: ViewerDep, todos: Annotated[bool, Query()] = False
) -> HTMLResponse:
    now = clock.now()
    template = "desk/_team.html" if wants_fragment(http_request) else "desk/team.html"
    return render_for(
        http_request,
        viewer,
        template,
        members=members(session, viewer, now, everybody=todos),
        line=waiting.summary(session, viewer, now),
        waiting=waiting.listed(session, viewer, now),
        everybody=todos,
        breaks=shown.BREAKS,
        figures=[] if wants_fragment(http_request) else _today(session, viewer, now),
        now=now,
    )


@router.get("/cifras")
def show_figures(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    """Apart from who waits, which is read at every event: a whole day is read for these."""
    found = _today(session, viewer, clock.now())
    return render_for(http_request, viewer, "desk/_figures.html", figures=found)


def _today(session: Session, viewer: Viewer, now: datetime) -> list[Figures]:
    return figures(session, viewer.jurisdiction_id, start_of_day(now, viewer.timezone), now)


@router.post("/{agent_id}/estado")
def force(session: SessionDep, viewer: WriterDep, agent_id: UUID, form: FormDep) -> Response:
    """A supervisor's word goes before the operator's own; both are in the record of the line."""
    state = form.get("state")
    if state not in FORCED:
        raise InvalidInput("Ese estado no se puede elegir.", field="state")
    agent = session.get(AgentSession, agent_id)
    if agent is None or agent.jurisdiction_id != viewer.jurisdiction_id or agent.state == "offline":
        raise NotFound("Ese operador no ha abierto su turno.")
    if state == "offline":
        distribution.force_off(session, agent_id, why=f"forced:{viewer.user_id}", now=clock.now())
    else:
        reason = "" if state == "available" else "technical"
        distribution.set_state(session, agent_id, epoch=agent.epoch, state=state, reason=reason, now=clock.now())
    return see_other(f"{BASE}/atencion/equipo#quien-{agent_id}")


def members(session: Session, viewer: Viewer, now: datetime, *, everybody: bool) -> list[Member]:
    """Those at work first, longest in their state first; everybody: those off shift too."""
    wanted = select(AgentSession).where(AgentSession.jurisdiction_id == viewer.jurisdiction_id)
    if not everybody:
        wanted = wanted.where(AgentSession.state != "offline")
    found = session.exec(wanted.order_by(col(AgentSession.state) == "offline", col(AgentSession.state_since))).all()
    done = _done_today(session, viewer, now)
    return [_member(session, viewer, agent, done.get(agent.agent_id, 0), now) for agent in found]


def _member(session: Session, viewer: Viewer, agent: AgentSession, done: int, now: datetime) -> Member:
    items = session.exec(
        select(WorkItem)
        .where(WorkItem.agent_id == agent.agent_id, col(WorkItem.state).in_((ASSIGNED, WRAPPING)))
        .order_by(col(WorkItem.assigned_at))
    ).all()
    standing = "off" if agent.state == "offline" else "mine"
    presence = shown.presence_of_other(Seat(agent, agent.epoch, standing, items, None, ()), viewer.language)
    awake = [item for item in items if item.resting_since is None]
    return Member(agent, presence, shown.held_lines(session, viewer, awake, now), len(items) - len(awake), done)


def _done_today(session: Session, viewer: Viewer, now: datetime) -> dict[UUID | None, int]:
    since = start_of_day(now, viewer.timezone)
    counted = (
        select(WorkItem.agent_id, func.count())
        .where(
            WorkItem.jurisdiction_id == viewer.jurisdiction_id,
            WorkItem.state == DONE,
            col(WorkItem.ended_at) >= since,
        )
        .group_by(col(WorkItem.agent_id))
    )
    return dict(session.exec(counted).all())
