"""Whoever was to be called back calls again: what they and the operators do, step by step, for the tests of it."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, select

from agent_console.accounts import Viewer
from intake.calls import actions as calls
from intake.calls import queries, waiting
from intake.calls.line_actions import Somebody
from intake.calls.models import Call
from intake.distribution import actions as distribution
from intake.distribution.models import WorkItem
from intake.people.addresses import read_phone
from intake.people.models import ContactPoint, ContactPointPerson, Person
from kernel import clock, db
from kernel.ids import new_id
from tests.channels.voice.desk import SID, Desk
from tests.factories import CITY

NUMBER = "+525512345678"
HOUR = timedelta(hours=1)
BOSS = Viewer(
    new_id(),
    new_id(),
    "",
    "Eva",
    "eva@example.org",
    "supervisor",
    None,
    None,
    "es",
    CITY,
    "CDMX",
    "America/Mexico_City",
)


def ask(desk: Desk, due_at: datetime | None = None) -> WorkItem:
    """They wait, choose to be called back, and hang up; a minute passes."""
    with db.transaction() as session:
        assert distribution.wait_for_callback(session, f"call:{SID}", due_at=due_at, now=clock.now())
    desk.line.end(SID)
    desk.hear()
    desk.time.shift(60)
    return desk.item


def begin(session: Session, number: str, sid: str) -> tuple[Call, bool]:
    return calls.begin(
        session,
        jurisdiction_id=CITY,
        provider="twilio",
        provider_call_id=sid,
        other_end=read_phone(number),
        to_number="+525500000311",
        now=clock.now(),
    )


def call_again(desk: Desk, number: str = NUMBER, sid: str = "CA" + "2" * 32) -> tuple[Call, WorkItem]:
    with db.transaction() as session:
        call, _ = begin(session, number, sid)
        waiting.join(session, call, now=clock.now())
        waiting.join(session, call, now=clock.now())
    desk.line.caller(sid)
    desk.work()
    desk.session.expire_all()
    return call, desk.session.exec(select(WorkItem).where(WorkItem.source_ref == f"call:{sid}")).one()


def accept(desk: Desk, item: WorkItem, who: Somebody) -> None:
    """Before their browser has answered: nobody talks yet."""
    with db.transaction() as session:
        made = distribution.offer(session, item.id, who.id, now=clock.now())
        assert made is not None
        distribution.accept(session, made.id, agent_id=who.id, epoch=1, now=clock.now())
    desk.work()


def talk(desk: Desk, item: WorkItem, who: Somebody) -> None:
    accept(desk, item, who)
    desk.answer(who)
    desk.hear()


def hang_up(desk: Desk, call_id: UUID) -> None:
    for _ in range(2):
        with db.transaction() as session:
            calls.report(session, queries.held(session, call_id), "completed", now=clock.now())
    desk.work()
    desk.session.expire_all()


def share(desk: Desk) -> ContactPointPerson:
    """Their number is a sister's too."""
    point = desk.session.exec(select(ContactPoint).where(ContactPoint.id == desk.call.contact_point_id)).one()
    sister = Person(id=new_id(), jurisdiction_id=CITY, created_at=clock.now())
    desk.session.add(sister)
    desk.session.flush()
    shared = ContactPointPerson(contact_point_id=point.id, person_id=sister.id, added_at=clock.now())
    desk.session.add(shared)
    desk.session.flush()
    return shared


def is_offered(desk: Desk, item: WorkItem, who: Somebody) -> bool:
    """Whether the line would show it to this operator; it is not, afterwards."""
    with db.transaction() as session:
        made = distribution.offer(session, item.id, who.id, now=clock.now())
        if made is not None:
            distribution.decline(session, made.id, agent_id=who.id, epoch=1, now=clock.now())
    return made is not None


def waiting_callbacks(desk: Desk) -> list[WorkItem]:
    return list(desk.session.exec(select(WorkItem).where(WorkItem.kind == "callback", WorkItem.state == "queued")))
