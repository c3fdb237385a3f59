"""What a caller said last is kept, also where the network tells first that they have hung up."""

from collections.abc import Iterator

import pytest
import time_machine
from sqlmodel import Session, select

from intake.calls.jobs import end_call
from intake.calls.models import Call, CallTurn
from intake.conversations.models import Conversation, Message
from intake.distribution import actions as distribution
from intake.distribution.models import WorkItem
from intake.incidents.models import IncidentContact
from intake.people.code_models import ContactCode
from intake.people.models import ContactPoint
from intake.service_requests.models import Report, ServiceRequest
from kernel.outbox import OutboxEvent
from tests.channels.voice.ivr.caller import Caller, offer_duplicates
from tests.channels.voice.ivr.conftest import LEAK
from tests.channels.voice.ivr.test_lost_reports import LAMP, end, made, threads, work
from tests.channels.voice.ivr.test_ways import close
from tests.factories import NOW
from tests.intake.distribution.desk import sign_on
from tests.intake.incidents.cast import opened

pytestmark = pytest.mark.database
both = pytest.mark.parametrize("has_ended", [False, True], ids=["before the end", "after the end"])


@pytest.fixture(autouse=True)
def at_one_o_clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def late(session: Session, caller: Caller, *, has_ended: bool, **heard: str) -> None:
    """They are told to have hung up, and what they did before comes afterwards, twice."""
    action = caller.action
    caller.hang_up()
    if has_ended:
        end(session)
    ended = len(ends(session))
    answer = dict(heard) | ({"Confidence": "0.1"} if "SpeechResult" in heard else {})
    assert caller.ask(action, **answer) == ""
    empty = caller.document
    assert caller.ask(action, SpeechResult="otra cosa", Confidence="0.9") == ""
    assert caller.document == empty
    session.expire_all()
    assert len(ends(session)) == ended + 1
    assert ("voice", "queued") not in work(session)
    end(session)


def ends(session: Session) -> list[OutboxEvent]:
    return list(session.exec(select(OutboxEvent).where(OutboxEvent.name == "call.ended")))


def heard(session: Session) -> list[str]:
    inbound = select(Message).where(Message.direction == "inbound").order_by(Message.seq)  # type: ignore[arg-type]  # a column
    return [message.body for message in session.exec(inbound)]


def sent(session: Session) -> list[str]:
    return [message.status for message in session.exec(select(Message).where(Message.channel == "sms"))]


def nobody_waits(session: Session) -> None:
    assert [one for one in work(session) if one[1] == "queued"] == []


@both
@pytest.mark.parametrize("said", [{"SpeechResult": "sí"}, {"SpeechResult": "enviar"}, {"Digits": "1"}])
def test_yes_to_what_is_read_back(session: Session, caller: Caller, has_ended: bool, said: dict[str, str]) -> None:
    caller.call()
    caller.say(LEAK)
    late(session, caller, has_ended=has_ended, **said)
    assert made(session) == ["FUGA"]
    assert len(heard(session)) == 2
    assert threads(session) == ["closed"]
    assert sent(session) == ["queued"]
    assert work(session) == []


@both
@pytest.mark.parametrize("said", [{"SpeechResult": "no, es en otra calle"}, {"Digits": "2"}])
def test_it_is_not_right(session: Session, caller: Caller, has_ended: bool, said: dict[str, str]) -> None:
    """Whatever was made of it by then: a person reads that it is wrong."""
    caller.call()
    caller.say(LEAK)
    late(session, caller, has_ended=has_ended, **said)
    assert made(session) == ([] if not has_ended and "Digits" in said else ["FUGA"])
    assert work(session) == [("text", "queued")]
    assert threads(session) == ["with_agent"]
    if has_ended and "Digits" in said:
        assert heard(session)[-1] == "Corregir"  # not the bare key


def test_another_report_is_never_made_of_the_same(session: Session, caller: Caller) -> None:
    caller.call()
    caller.say(LEAK)
    late(session, caller, has_ended=True, SpeechResult="no, la fuga de agua es en Niebla 20")
    assert made(session) == ["FUGA"]
    assert heard(session)[-1] == "no, la fuga de agua es en Niebla 20"
    assert work(session) == [("text", "queued")]


@both
def test_where_it_is(session: Session, caller: Caller, has_ended: bool) -> None:
    caller.call()
    caller.say("hay una fuga de agua")
    late(session, caller, has_ended=has_ended, SpeechResult="en la esquina de Niebla y Sabinos")
    assert made(session) == ["FUGA"]
    assert threads(session) == ["closed"]
    assert sent(session) == ["queued"]


@both
def test_all_of_it_in_one_breath(session: Session, caller: Caller, has_ended: bool) -> None:
    """They had heard nothing of messages: none is sent."""
    caller.call()
    late(session, caller, has_ended=has_ended, SpeechResult=LEAK)
    assert made(session) == ["FUGA"]
    assert threads(session) == ["closed"]
    assert sent(session) == []


@both
def test_a_detail_of_a_report_that_people_read_else(session: Session, caller: Caller, has_ended: bool) -> None:
    caller.call()
    assert "TIPO" in caller.say(LAMP)
    late(session, caller, has_ended=has_ended, Digits="1")
    assert made(session) == ([] if has_ended else ["LUMINARIA"])
    assert work(session) == ([("text", "queued")] if has_ended else [])
    assert len(heard(session)) == 2


@both
def test_it_is_the_same_as_another(session: Session, caller: Caller, has_ended: bool) -> None:
    offer_duplicates(session)
    caller.call()
    caller.say(LEAK)
    caller.say("sí")
    caller.hang_up()
    other = Caller(caller.provider, sid="CA2", number="+525598765432")
    other.call()
    assert "¿Es este el mismo?" in other.say(LEAK)
    late(session, other, has_ended=has_ended, SpeechResult="sí")
    assert made(session) == (["FUGA", "FUGA"] if has_ended else ["FUGA"])
    assert len(session.exec(select(Report)).all()) == 2
    assert work(session) == ([("text", "queued")] if has_ended else [])


@both
@pytest.mark.parametrize("said", [{"SpeechResult": "sin mensajes"}, {"Digits": "2"}])
@pytest.mark.parametrize("at", ["review", "reported"])
def test_no_messages(session: Session, caller: Caller, has_ended: bool, said: dict[str, str], at: str) -> None:
    caller.call()
    caller.press("1")
    caller.say(LEAK)
    if at == "reported":
        caller.say("sí")
    elif "Digits" in said:
        said = {"SpeechResult": "sí, sin mensajes"}
    late(session, caller, has_ended=has_ended, **said)
    assert made(session) == ["FUGA"]
    assert [report.wants_notices for report in session.exec(select(Report))] == [False]
    assert sent(session) == (["suppressed"] if has_ended else [])
    assert work(session) == []


@both
@pytest.mark.parametrize("said", [{"SpeechResult": "quiero hablar con una persona"}, {"Digits": "0"}])
@pytest.mark.parametrize("at", ["menu", "review"])
def test_nobody_is_offered_who_is_not_there(
    session: Session, caller: Caller, has_ended: bool, said: dict[str, str], at: str
) -> None:
    caller.call()
    if at == "review":
        caller.say(LEAK)
    late(session, caller, has_ended=has_ended, **said)
    assert made(session) == (["FUGA"] if at == "review" else [])
    assert work(session) == []
    assert threads(session) == ["closed"]


@both
def test_nor_who_presses_nothing_of_use(session: Session, caller: Caller, has_ended: bool) -> None:
    caller.call()
    caller.press("7")
    caller.press("7")
    late(session, caller, has_ended=has_ended, Digits="7")
    assert work(session) == []


@both
def test_what_the_dialogue_gives_to_people_is_read(session: Session, caller: Caller, has_ended: bool) -> None:
    caller.call()
    caller.say("reporte en la esquina de Niebla y Sabinos")
    caller.say("la cosa esa")
    late(session, caller, has_ended=has_ended, SpeechResult="lo de siempre")
    assert heard(session)[-1] == "lo de siempre"
    assert [item for item in work(session) if item[1] == "queued"] == [("text", "queued")]
    assert threads(session) == ["with_agent"]


@both
@pytest.mark.parametrize("way", ["line", "closed"])
@pytest.mark.parametrize("keys", ["", "5599887766"])
def test_a_call_back_that_was_confirmed(session: Session, caller: Caller, has_ended: bool, way: str, keys: str) -> None:
    if way == "closed":
        close(session)
    caller.call()
    caller.say(LEAK)
    caller.press("0")
    caller.press("1" if way == "line" else "2")
    if keys:
        caller.press("2")
        caller.press(keys)
    late(session, caller, has_ended=has_ended, Digits="1")
    call = session.exec(select(Call)).one()
    assert [item for item in work(session) if item[1] == "queued"] == [("callback", "queued")]
    assert threads(session) == ["with_agent"]
    number = session.get(ContactPoint, call.callback_contact_point_id) if call.callback_contact_point_id else None
    assert (number.last_digits if number else "") == keys[-4:]
    assert not call.script["is_promised"]  # who calls them back hears it
    item = session.exec(select(WorkItem).where(WorkItem.kind == "callback")).one()
    assert (item.due_at is not None) is (way == "closed")


@both
@pytest.mark.parametrize("has_reader", [False, True])
def test_whoever_calls_back_does_what_is_left(
    session: Session, caller: Caller, has_ended: bool, has_reader: bool
) -> None:
    """A detail was left to ask, which people would have read; somebody who reads it already goes on."""
    amir = sign_on(session)
    caller.call()
    caller.say(LAMP)
    caller.press("0")
    caller.press("1")
    action = caller.action
    caller.hang_up()
    if has_ended:
        end(session)
        item = session.exec(select(WorkItem).where(WorkItem.kind == "text")).one()
        if has_reader:
            distribution.claim(session, item.id, agent_id=amir.agent_id, now=NOW)
    caller.ask(action, Digits="1")
    end(session)
    is_read = has_ended and has_reader
    live = [item for item in work(session) if item[1] in ("queued", "assigned")]
    assert sorted(live) == [("callback", "queued"), *([("text", "assigned")] if is_read else [])]


@both
def test_who_wants_no_messages_is_told_of_no_incident(session: Session, caller: Caller, has_ended: bool) -> None:
    opened(session, geometry=None, areas=())
    caller.call()
    caller.say(LEAK)
    assert "avisamos por mensaje" in caller.say("sí")
    late(session, caller, has_ended=has_ended, SpeechResult="sin mensajes")
    assert [contact.wants_notices for contact in session.exec(select(IncidentContact))] == [False]
    assert "queued" not in sent(session)


@both
def test_danger_comes_to_people_who_can_still_do_something(session: Session, caller: Caller, has_ended: bool) -> None:
    caller.call()
    late(session, caller, has_ended=has_ended, SpeechResult="huele mucho a gas")
    assert work(session) == [("text", "queued")]
    assert "gas" in heard(session)[-1]


@pytest.mark.parametrize("at", ["menu", "waiting", "closed", "over", "older", "silence"])
def test_what_stands_without_them_changes_nothing(session: Session, caller: Caller, at: str) -> None:
    if at == "closed":
        close(session)
    caller.call()
    older = caller.action
    answer = {"Digits": "1"}
    if at in ("waiting", "closed"):
        caller.press("0")
    elif at == "over":
        caller.press("1")
        caller.say(LEAK)
        caller.say("sí")
        caller.say("no, gracias")
    elif at == "older":
        caller.say(LEAK)
    action = older if at in ("older", "over") else caller.action
    if at == "over":
        action = f"/webhooks/voice/turn?k={session.exec(select(Call)).one().turn}"
    turns = len(session.exec(select(CallTurn)).all())
    before = heard(session)
    caller.hang_up()
    caller.ask(action, **({} if at == "silence" else answer))
    end(session)
    # A key of the menu is a turn, which leads to nothing.
    assert len(session.exec(select(CallTurn)).all()) == turns + (at == "menu")
    assert heard(session) == before
    nobody_waits(session)
    assert threads(session) == ["closed"]


def test_no_code_is_sent_to_who_has_gone(session: Session, caller: Caller, noise: ServiceRequest) -> None:
    again = Caller(caller.provider, sid="CA2")
    again.call()
    again.press("2")
    assert "código" in again.press(noise.folio)
    late(session, again, has_ended=False, Digits="1")
    assert session.exec(select(ContactCode)).all() == []


def test_told_while_the_job_waits_it_is_one_end(session: Session, caller: Caller) -> None:
    """The end's job runs only once both are there, and again."""
    caller.call()
    caller.say("hay una fuga de agua")
    action = caller.action
    caller.hang_up()
    caller.ask(action, SpeechResult="en la esquina de Niebla y Sabinos", Confidence="0.9")
    call_id = str(session.exec(select(Call)).one().id)
    for _ in range(3):
        end_call(call_id)
    session.expire_all()
    assert made(session) == ["FUGA"]
    assert sent(session) == ["queued"]
    assert session.exec(select(Conversation).where(Conversation.channel == "voice")).one().state == "closed"


@both
@pytest.mark.parametrize("heard", [{"Digits": "3"}, {"SpeechResult": "sí, mándeme el folio por mensaje"}, {}], ids=str)
def test_messages_about_what_is_confidential_may_be_asked_for_last(
    session: Session, caller: Caller, heard: dict[str, str], has_ended: bool
) -> None:
    caller.call()
    caller.say("hay mucho ruido en la esquina de Niebla y Sabinos")
    caller.say("sí")
    if heard:
        late(session, caller, has_ended=has_ended, **heard)
    else:
        caller.hang_up()
        end(session)
    assert sent(session) == ["queued"] * bool(heard)
    assert [report.wants_notices for report in session.exec(select(Report))] == [bool(heard)]
