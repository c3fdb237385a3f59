"""A report that was told by telephone is never lost: not in the line, not at a question, not when its end is told of first."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from sqlmodel import Session, select

from intake.calls import actions as calls
from intake.calls.jobs import end_call
from intake.calls.line_models import CallLeg
from intake.calls.models import Call
from intake.catalog.models import Jurisdiction, Service
from intake.conversations.models import Conversation, Message
from intake.distribution import actions as distribution
from intake.distribution.models import AgentSession, WorkItem
from intake.service_requests.models import Report, ServiceRequest
from tests.channels.conftest import ANA
from tests.channels.voice.ivr.caller import Caller, offer_duplicates
from tests.channels.voice.ivr.conftest import LEAK
from tests.factories import CITY, NOW
from tests.intake.distribution.desk import sign_on

pytestmark = pytest.mark.database
LAMP = "no sirve la luz de la calle en la esquina de Niebla y Sabinos"


@pytest.fixture(autouse=True)
def at_one_o_clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def end(session: Session) -> None:
    """Twice: the job may run again, later."""
    for minutes in range(2):
        with time_machine.travel(NOW + timedelta(minutes=minutes), tick=False):
            for call in session.exec(select(Call)).all():
                end_call(str(call.id))
    session.expire_all()


def made(session: Session) -> list[str]:
    return [request.service_code for request in session.exec(select(ServiceRequest))]


def work(session: Session) -> list[tuple[str, str]]:
    return [(item.kind, item.state) for item in session.exec(select(WorkItem))]


def queued(session: Session) -> list[str]:
    return [kind for kind, state in work(session) if state == "queued"]


def threads(session: Session) -> list[str]:
    return [thread.state for thread in session.exec(select(Conversation).where(Conversation.channel == "voice"))]


@pytest.mark.parametrize(("how", "number"), [("key", ANA), ("words", ANA), ("silence", ANA), ("key", "anonymous")])
def test_who_asked_for_a_person_and_hung_up_in_the_line_has_reported(
    session: Session, caller: Caller, how: str, number: str
) -> None:
    caller.number = number
    caller.call()
    caller.say(LEAK)
    if how == "key":
        caller.press("0")
    elif how == "words":
        caller.say("operadora")
    else:
        for _ in range(3):
            caller.keep_quiet()
    assert "persona número 1" in caller.said[-1]
    caller.keep_quiet()
    caller.hang_up()
    end(session)
    assert made(session) == ["FUGA"]
    assert work(session) == [("voice", "abandoned")]
    assert threads(session) == ["closed"]
    told = session.exec(select(Message).where(Message.channel == "sms")).all()
    assert len(told) == (0 if number == "anonymous" else 1)


def test_also_who_was_asked_whether_it_is_the_same(session: Session, caller: Caller) -> None:
    offer_duplicates(session)
    caller.call()
    caller.say(LEAK)
    caller.say("sí")
    other = Caller(caller.provider, sid="CA2", number="+525598765432")
    other.call()
    assert "¿Es este el mismo?" in other.say(LEAK)
    other.press("0")
    other.hang_up()
    end(session)
    assert made(session) == ["FUGA", "FUGA"]
    assert len(session.exec(select(Report)).all()) == 2


@pytest.mark.parametrize("has_met", [False, True])
def test_whoever_talked_with_an_operator_has_left_it_to_them(session: Session, caller: Caller, has_met: bool) -> None:
    amir = sign_on(session)
    caller.call()
    caller.say(LEAK)
    caller.press("0")
    item = answered(session, amir)
    call = session.exec(select(Call)).one()
    if has_met:
        session.add(
            CallLeg(call_id=call.id, role="operator", agent_id=amir.agent_id, agent_name=amir.name, state="joined",
                    address="x", created_at=NOW, joined_at=NOW)
        )  # fmt: skip
    session.flush()
    calls.report(session, call, "completed", now=NOW)
    session.flush()
    if has_met:
        distribution.complete(session, item.id, disposition_code="reported", now=NOW)
        session.flush()
    end(session)
    assert made(session) == ([] if has_met else ["FUGA"])
    assert threads(session) == ["closed"]


LEFT_AT = {
    "fix": (LEAK, "corregir", "¿Qué corregimos?"),
    "question": (LAMP, "TIPO"),
    "place": (LEAK, "corregir", "dónde", "¿Dónde"),
    "back": (LEAK, "regresar", "¿Dónde"),
    "other place": (LEAK, "la dirección es otra", "¿Dónde"),
    "service": (LEAK, "corregir", "qué pasa", "¿Qué pasa"),
    "both": (LEAK, "corregir", "qué pasa", "regresar", "¿Dónde"),
}


@pytest.mark.parametrize(("at", "in_line"), [*((at, False) for at in LEFT_AT), ("question", True), ("place", True)])
def test_where_a_part_is_left_to_ask_people_read_it(session: Session, caller: Caller, at: str, in_line: bool) -> None:
    caller.call()
    *said, asked = LEFT_AT[at]
    for words in said:
        caller.say(words)
    assert asked in caller.said[-1]
    if in_line:
        caller.press("0")
    caller.hang_up()
    end(session)
    assert made(session) == []
    assert queued(session) == ["text"]
    assert threads(session) == ["with_agent"]


def test_what_a_person_has_read_is_given_to_nobody_again(session: Session, caller: Caller) -> None:
    caller.call()
    caller.say(LAMP)
    caller.hang_up()
    end(session)
    item = answered(session, sign_on(session))
    distribution.complete(session, item.id, disposition_code="reported", now=NOW)
    session.flush()
    end(session)
    assert work(session) == [("text", "done")]


def answered(session: Session, amir: AgentSession) -> WorkItem:
    """What waits, in Amir's hands."""
    item = session.exec(select(WorkItem)).one()
    offer = distribution.offer(session, item.id, amir.agent_id, now=NOW)
    assert offer is not None
    return distribution.accept(session, offer.id, agent_id=amir.agent_id, epoch=amir.epoch, now=NOW)


@pytest.mark.parametrize("said", [[], ["hay una fuga de agua"], [LEAK, "cancelar"], [LEAK, "sí"]])
def test_where_nothing_is_left_to_do_nobody_is_bothered(session: Session, caller: Caller, said: list[str]) -> None:
    caller.call()
    for words in said:
        caller.say(words)
    caller.hang_up()
    end(session)
    assert made(session) == (["FUGA"] if said == [LEAK, "sí"] else [])
    assert work(session) == []
    assert threads(session) == ["closed"]


@pytest.mark.parametrize("why", ["service", "answer"])
def test_what_cannot_be_made_is_read(session: Session, caller: Caller, why: str) -> None:
    """The catalogue changed while they waited: the service is gone, or what they answered is no answer any more."""
    caller.call()
    caller.say(LEAK)
    caller.press("0")
    thread = session.exec(select(Conversation).where(Conversation.channel == "voice")).one()
    if why == "service":
        session.exec(select(Service).where(Service.code == "FUGA")).one().is_active = False
        session.get_one(Jurisdiction, CITY).catalog_changed_at = NOW
    else:
        draft = {"service_code": "LUMINARIA", "answers": {"TIPO_FALLA": ["vendida"]}}
        thread.dialogue = {**thread.dialogue, "draft": {**thread.dialogue["draft"], **draft}}
    session.flush()
    caller.hang_up()
    end(session)
    assert made(session) == []
    assert queued(session) == ["text"]
