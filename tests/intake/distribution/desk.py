"""A small room of operators, and people who call."""

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from sqlmodel import Session, select

from intake.distribution import actions
from intake.distribution.models import AgentSession, Offer, WorkItem
from tests.factories import CITY, NOW

_NAMES = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


def who(name: str) -> UUID:
    return uuid5(_NAMES, name)


def sign_on(session: Session, name: str = "Amir", *skills: str, cap: int = 100, now: datetime = NOW) -> AgentSession:
    agent = actions.sign_on(session, jurisdiction_id=CITY, agent_id=who(name), name=name, cap_points=cap, now=now)
    for skill in skills:
        actions.grant_skill(session, agent.agent_id, skill, jurisdiction_id=CITY)
    return agent


def ring(
    session: Session, ref: str = "call:CA1", *, kind: str = "voice", now: datetime = NOW, **more: object
) -> WorkItem:
    return actions.enqueue(session, jurisdiction_id=CITY, kind=kind, source_ref=ref, now=now, **more)  # type: ignore[arg-type]  # the rest by name


def offered(session: Session, item: WorkItem, name: str = "Amir", now: datetime = NOW) -> Offer:
    made = actions.offer(session, item.id, who(name), now=now)
    assert made is not None
    return made


def accepted(session: Session, item: WorkItem, agent: AgentSession, now: datetime = NOW) -> WorkItem:
    made = offered(session, item, agent.name, now)
    return actions.accept(session, made.id, agent_id=agent.agent_id, epoch=agent.epoch, now=now)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def load_of(session: Session, name: str = "Amir") -> int:
    return session.exec(select(AgentSession.load_points).where(AgentSession.agent_id == who(name))).one()
