"""A thread that is handed to people is in the line in the same moment, and leaves it when nobody needs to answer."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from intake.conversations import actions, arrivals, in_line, jobs
from intake.conversations.advance import advance
from intake.conversations.models import Conversation, Message
from intake.distribution import actions as distribution
from intake.distribution.models import WorkItem
from intake.people.models import ContactPoint
from tests.factories import CITY, NOW, make_city
from tests.intake.conversations.conftest import inbound
from tests.intake.distribution.desk import load_of, offered, ring, sign_on, who

pytestmark = pytest.mark.database


@pytest.fixture
def thread(session: Session) -> Conversation:
    make_city(session)
    said = arrivals.receive(session, inbound("SM-1", "agente"), jurisdiction_id=CITY, now=NOW)
    return actions.held(session, said.conversation_id)


def items(session: Session) -> list[tuple[str, str]]:
    return [(item.kind, item.state) for item in session.exec(select(WorkItem).order_by(WorkItem.source_ref))]  # type: ignore[arg-type]  # a column


def test_asking_for_a_person_waits_in_line_once(session: Session, thread: Conversation) -> None:
    jobs.advance_conversation(str(_message(session, thread)))
    session.expire_all()
    assert actions.held(session, thread.id).state == "with_agent"
    assert items(session) == [("text", "queued")]
    actions.hand_to_agent(session, thread, now=NOW)
    assert items(session) == [("text", "queued")]


def _message(session: Session, thread: Conversation) -> object:
    return session.exec(select(Message.id).where(Message.conversation_id == thread.id)).one()


def test_a_call_waits_as_a_call(session: Session, thread: Conversation) -> None:
    said = arrivals.receive(
        session, replace(inbound("CA7:2", "agente"), channel="voice"), jurisdiction_id=CITY, now=NOW
    )
    call = actions.held(session, said.conversation_id)
    actions.hand_to_agent(session, call, said=said, now=NOW)
    assert items(session) == [("voice", "queued")]
    gone = distribution.abandon(session, in_line.source_of_call("CA7"), why="hang_up", now=NOW)
    assert gone is not None
    assert gone.state == "abandoned"


def test_taking_a_thread_claims_its_place(session: Session, thread: Conversation) -> None:
    actions.hand_to_agent(session, thread, now=NOW)
    actions.take(session, thread.id, who("Amir"), "Amir", seen=None, now=NOW)
    assert items(session) == [("text", "assigned")]
    actions.take(session, thread.id, who("Beatriz"), "Beatriz", seen=who("Amir"), now=NOW)
    item = session.exec(select(WorkItem)).one()
    session.refresh(item)
    assert item.agent_id == who("Beatriz")


def test_giving_back_ends_it_and_a_new_hand_over_is_a_new_item(session: Session, thread: Conversation) -> None:
    actions.take(session, thread.id, who("Amir"), "Amir", seen=None, now=NOW)
    actions.hand_back(session, thread.id, now=NOW)
    assert items(session) == [("text", "done")]
    actions.hand_to_agent(session, thread, now=NOW + timedelta(seconds=1))
    assert items(session) == [("text", "done"), ("text", "queued")]


def test_a_thread_that_falls_silent_leaves_the_line(session: Session, thread: Conversation) -> None:
    actions.hand_to_agent(session, thread, now=NOW)
    contact = session.get_one(ContactPoint, thread.contact_point_id)
    actions.open_conversation(session, contact, thread.channel, now=NOW + actions.IDLE_AFTER)
    assert items(session) == [("text", "cancelled")]


def test_accepting_an_offer_makes_the_thread_theirs(session: Session, thread: Conversation) -> None:
    agent = sign_on(session)
    actions.hand_to_agent(session, thread, now=NOW)
    made = offered(session, session.exec(select(WorkItem)).one())
    in_line.accept(session, made.id, agent_id=agent.agent_id, epoch=agent.epoch, now=NOW)
    held = actions.held(session, thread.id)
    assert (held.taken_by, held.taken_by_name, load_of(session)) == (agent.agent_id, "Amir", 25)


def test_a_thread_follows_its_item(session: Session, thread: Conversation) -> None:
    agent = sign_on(session)
    actions.hand_to_agent(session, thread, now=NOW)
    made = offered(session, session.exec(select(WorkItem)).one())
    item = distribution.accept(session, made.id, agent_id=agent.agent_id, epoch=agent.epoch, now=NOW)
    jobs.follow_work_item(str(item.id), str(agent.agent_id))
    session.expire_all()
    assert actions.held(session, thread.id).taken_by == agent.agent_id
    distribution.requeue_front(session, item.id, why="lost", now=NOW)
    jobs.follow_work_item(str(item.id), str(who("Beatriz")))
    session.expire_all()
    assert actions.held(session, thread.id).taken_by == agent.agent_id
    jobs.follow_work_item(str(item.id), str(agent.agent_id))
    session.expire_all()
    assert actions.held(session, thread.id).taken_by is None


def test_the_item_of_no_thread_is_followed_by_none(session: Session, thread: Conversation) -> None:
    in_line.follow(session, ring(session).id, None, now=NOW)
    assert actions.held(session, thread.id).taken_by is None


def test_an_answered_thread_rests_and_its_resident_finds_the_same_operator(
    session: Session, thread: Conversation
) -> None:
    agent = sign_on(session)
    actions.hand_to_agent(session, thread, now=NOW)
    item = session.exec(select(WorkItem)).one()
    in_line.accept(session, offered(session, item).id, agent_id=agent.agent_id, epoch=agent.epoch, now=NOW)
    for kind in ("notice", "agent"):
        assert item.rest_at is None
        actions.queue_message(session, thread.id, "¿Cuál es la calle?", client_ref=kind, author_kind=kind, now=NOW)
        session.refresh(item)
    assert item.rest_at is not None
    distribution.rest(session, item.id, now=NOW)
    assert load_of(session) == 0
    arrivals.receive(session, inbound("SM-2", "Juárez"), jurisdiction_id=CITY, now=NOW + timedelta(seconds=2))
    advance(session, thread.id, now=NOW + timedelta(seconds=2))
    session.expire_all()
    assert (items(session), load_of(session)) == ([("text", "assigned")], 25)
    assert actions.held(session, thread.id).taken_by == agent.agent_id


def test_work_that_ended_by_itself_leaves_no_thread_with_nobody(session: Session, thread: Conversation) -> None:
    actions.take(session, thread.id, who("Amir"), "Amir", seen=None, now=NOW)
    item = session.exec(select(WorkItem)).one()
    jobs.follow_ended_work(str(item.id))
    assert items(session) == [("text", "assigned")]
    # They wrote while the notes ran out of time: somebody is to read it.
    distribution.complete(session, item.id, disposition_code=None, now=NOW)
    jobs.follow_ended_work(str(item.id))
    jobs.follow_ended_work(str(item.id))
    session.expire_all()
    assert items(session) == [("text", "done"), ("text", "queued")]
    newer = session.exec(select(WorkItem).where(WorkItem.state == "queued")).one()
    assert newer.preferred_agent_id == who("Amir")
    # They were answered and wrote no more: the dialogue answers next time.
    actions.queue_message(session, thread.id, "Listo", client_ref="a", author_kind="agent", now=NOW)
    distribution.complete(session, newer.id, disposition_code=None, now=NOW)
    jobs.follow_ended_work(str(newer.id))
    session.expire_all()
    assert actions.held(session, thread.id).state == "automatic"
