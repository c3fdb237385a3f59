"""The way to a person: in the line, called back without losing the place, or a message after the tone."""

from datetime import timedelta

import pytest
import time_machine
from sqlmodel import Session, col, select

from channels.voice.ivr.answering import MOST_DOCUMENTS
from channels.voice.ivr.operators import MOST_WAITS
from intake.calls.jobs import end_call
from intake.calls.models import Call
from intake.catalog.models import Jurisdiction
from intake.conversations.models import Conversation, Message
from intake.distribution import actions as distribution
from intake.distribution.models import WorkItem
from intake.people.actions import address_of
from intake.people.models import ContactPoint
from kernel.errors import Conflict
from tests.channels.voice.ivr.caller import Caller
from tests.channels.voice.ivr.conftest import LEAK
from tests.channels.voice.ivr.test_ways import close
from tests.factories import CITY, NOW
from tests.intake.distribution.desk import sign_on

pytestmark = [pytest.mark.database]


@pytest.fixture(autouse=True)
def at_one_o_clock() -> object:
    with time_machine.travel(NOW, tick=False):
        yield


def item(session: Session) -> WorkItem:
    session.expire_all()
    return session.exec(select(WorkItem)).one()


def item_or_none(session: Session) -> WorkItem | None:
    session.expire_all()
    return session.exec(select(WorkItem)).one_or_none()


def the_call(session: Session) -> Call:
    session.expire_all()
    return session.exec(select(Call)).one()


@pytest.mark.parametrize("how", ["press", "say", "in a report"])
def test_a_person_at_any_time(session: Session, caller: Caller, how: str) -> None:
    caller.call()
    if how == "in a report":
        caller.say("hay una fuga de agua")
    told = caller.press("0") if how == "press" else caller.say("quiero hablar con una persona")
    assert "Le comunico con una persona" in told
    assert "persona número 1" in told
    assert "/webhooks/voice/music" in caller.document
    waiting = item(session)
    assert (waiting.kind, waiting.state, waiting.source_ref) == ("voice", "queued", "call:CA1")
    assert the_call(session).work_item_id == waiting.id


def heard_of(session: Session) -> list[str]:
    """What the thread says that the caller said, and that it is all dealt with."""
    kept = session.exec(select(Message).where(Message.direction == "inbound").order_by(col(Message.seq))).all()
    assert {message.status for message in kept} <= {"handled"}
    return [message.body for message in kept]


@pytest.mark.parametrize("is_open", [True, False])
def test_who_asks_for_a_person_is_read_in_their_own_words(session: Session, caller: Caller, is_open: bool) -> None:
    if not is_open:
        close(session)
    caller.call()
    words = "quiero hablar con alguien del bache de Sabinos 214"
    caller.say(words)
    assert heard_of(session) == [words]
    thread = session.exec(select(Conversation)).one()
    assert (thread.state, thread.waiting_since is not None) == (
        ("with_agent", True) if is_open else ("automatic", False)
    )


def test_who_was_never_heard_has_not_asked_for_a_person(session: Session, caller: Caller) -> None:
    caller.call()
    for _ in range(3):
        caller.keep_quiet()
    assert "Le comunico con una persona" in caller.said[-1]
    assert heard_of(session) == []
    assert item(session).state == "queued"


def reopen(session: Session) -> None:
    city = session.get_one(Jurisdiction, CITY)
    city.settings = {name: value for name, value in city.settings.items() if name != "voice"}
    session.flush()


def disputed(session: Session, caller: Caller) -> str:
    """Somebody says at closed hours that their report is wrong, which a person has to read."""
    close(session)
    caller.call()
    caller.say(LEAK)
    caller.say("sí")
    return caller.say("me equivoqué de lugar")


def test_who_left_the_line_and_asks_again_waits_again(session: Session, caller: Caller) -> None:
    disputed(session, caller)
    caller.press("1")
    assert item(session).state == "abandoned"
    reopen(session)
    stayed = NOW - timedelta(seconds=1)
    distribution.enqueue(session, jurisdiction_id=CITY, kind="voice", source_ref="call:X1", now=stayed)
    told = caller.press("0")
    assert "Le comunico con una persona" in told
    assert "persona número 2" in told
    again = session.exec(select(WorkItem).where(WorkItem.source_ref == "call:CA1:2")).one()
    assert (again.kind, again.state) == ("voice", "queued")
    assert the_call(session).work_item_id == again.id
    caller.keep_quiet()
    caller.hang_up()
    session.expire_all()
    assert again.state == "abandoned"


def test_what_a_person_was_to_read_is_read_though_they_hung_up(session: Session, caller: Caller) -> None:
    told = disputed(session, caller)
    assert "Una persona del tres once revisa su reporte" in told
    assert "Le comunico" not in told
    caller.hang_up()
    for _ in range(2):
        end_call(str(the_call(session).id))
    session.expire_all()
    waiting = [one for one in session.exec(select(WorkItem)) if one.state == "queued"]
    assert [one.kind for one in waiting] == ["text"]
    assert session.get_one(Conversation, the_call(session).conversation_id).state == "with_agent"


def test_nobody_is_said_to_be_connected_when_nobody_answers(session: Session, caller: Caller) -> None:
    close(session)
    caller.call()
    told = caller.say("cómo saco una licencia de manejo")
    for _ in range(4):
        if "A esta hora no hay operadores" in told:
            break
        told = caller.say("bla bla bla bla")
    assert "Le comunico" not in " ".join(caller.said)


def test_who_says_no_number_to_be_called_at_goes_on_waiting(session: Session, caller: Caller) -> None:
    caller.call()
    caller.press("0")
    assert "seguir esperando" in caller.press("1")
    for _ in range(3):
        caller.keep_quiet()
    assert "persona número 1" in caller.said[-1]
    assert not caller.is_over
    assert item(session).state == "queued"


def test_whoever_used_up_the_call_can_still_be_called_back(session: Session, caller: Caller) -> None:
    caller.call()
    documents = 0
    while item_or_none(session) is None:
        caller.press("*")
        documents += 1
    assert documents == MOST_DOCUMENTS + 1
    caller.press("1")
    caller.press("1")
    assert "Le llamamos en cuanto" in caller.said[-1]


def test_that_the_call_is_recorded_is_said_first_and_nothing_cuts_it_short(session: Session, caller: Caller) -> None:
    city = session.get_one(Jurisdiction, CITY)
    city.settings = {**city.settings, "recordings": {"enabled": True}}
    session.add(city)
    session.flush()
    assert "se graba" not in caller.call()
    assert caller.press("0").startswith("Esta llamada se graba.")
    assert caller.document.index("se graba") < caller.document.index("<Gather")
    assert the_call(session).is_recording_announced
    for _ in range(4):
        assert "se graba" not in caller.keep_quiet()


def test_how_many_go_first_and_how_long_it_takes(session: Session, caller: Caller) -> None:
    sign_on(session)
    for number in range(3):
        earlier = NOW - timedelta(seconds=30)
        distribution.enqueue(session, jurisdiction_id=CITY, kind="voice", source_ref=f"call:X{number}", now=earlier)
    session.flush()
    caller.call()
    told = caller.press("0")
    assert "persona número 4" in told
    assert "unos 20 minutos" in told


def test_who_hangs_up_is_in_the_line_no_more(session: Session, caller: Caller) -> None:
    caller.call()
    caller.press("0")
    caller.hang_up()
    assert item(session).state == "abandoned"
    end_call(str(the_call(session).id))
    assert session.get_one(Conversation, the_call(session).conversation_id).state == "closed"


def test_called_back_in_the_same_place(session: Session, caller: Caller) -> None:
    caller.call()
    caller.press("0")
    place = item(session).rank_at
    told = caller.press("1")
    assert "termina en cinco, seis, siete, ocho" in told
    told = caller.press("1")
    assert "Le llamamos" in told
    assert caller.is_over
    caller.hang_up()
    end_call(str(the_call(session).id))
    kept = item(session)
    assert (kept.kind, kept.state, kept.rank_at) == ("callback", "queued", place)
    assert session.get_one(Conversation, the_call(session).conversation_id).state == "with_agent"


def test_who_calls_again_hears_nothing_of_the_call_back(session: Session, caller: Caller) -> None:
    """The number that shows may not be theirs."""
    caller.call()
    told_first = caller.press("0")
    caller.press("1")
    caller.press("1")
    caller.hang_up()
    caller.sid = "CA2"
    caller.call()
    assert caller.press("0") == told_first


def test_called_back_at_another_number_after_it_was_read_back(session: Session, caller: Caller) -> None:
    caller.number = "anonymous"
    caller.call()
    caller.press("0")
    assert "10 números" in caller.press("1")
    assert "no parece de este país" in caller.press("1234567890")
    told = caller.press("5587654321")
    assert "cinco, cinco; ocho, siete, seis, cinco; cuatro, tres, dos, uno" in told
    caller.press("1")
    assert caller.is_over
    other = session.get_one(ContactPoint, the_call(session).callback_contact_point_id)
    assert address_of(other) == "+525587654321"


def test_nobody_waits_for_ever(session: Session, caller: Caller) -> None:
    caller.call()
    caller.press("0")
    documents = 0
    while not caller.is_over:
        caller.keep_quiet()
        documents += 1
    assert documents == MOST_WAITS
    assert "sin perder su lugar" in caller.said[-1]
    assert item(session).kind == "callback"


def test_an_operator_who_answers_ends_no_music(session: Session, caller: Caller) -> None:
    """The leg is moved to them by whoever bridges; until then it is heard that they come."""
    amir = sign_on(session)
    caller.call()
    caller.press("0")
    offer = distribution.offer(session, item(session).id, amir.agent_id, now=NOW)
    assert offer is not None
    distribution.accept(session, offer.id, agent_id=amir.agent_id, epoch=amir.epoch, now=NOW)
    session.flush()
    assert "Ya le van a contestar" in caller.press("1")
    assert item(session).kind == "voice"


def test_hanging_up_beats_accepting(session: Session, caller: Caller) -> None:
    amir = sign_on(session)
    caller.call()
    caller.press("0")
    offer = distribution.offer(session, item(session).id, amir.agent_id, now=NOW)
    assert offer is not None
    session.flush()
    caller.hang_up()
    session.expire_all()
    with pytest.raises(Conflict):
        distribution.accept(session, offer.id, agent_id=amir.agent_id, epoch=amir.epoch, now=NOW)


def test_at_closed_hours_the_report_is_made_here(session: Session, caller: Caller) -> None:
    close(session)
    told = caller.call()
    assert "Ahora no hay operadores" in told
    assert "sábado 21 de noviembre de las 9 a las 14" in told
    assert "oprima 3" in caller.press("0")
    assert session.exec(select(WorkItem)).all() == []
    assert "Diga qué pasa" in caller.press("1")


def test_called_back_once_they_are_open(session: Session, caller: Caller) -> None:
    close(session)
    caller.call()
    caller.press("0")
    caller.press("2")
    caller.press("1")
    assert caller.is_over
    waiting = item(session)
    assert waiting.kind == "callback"
    assert waiting.due_at == NOW + timedelta(days=2, hours=-4)


def test_a_number_from_abroad_is_asked_for_one_that_is_called(session: Session, caller: Caller) -> None:
    caller.number = "+252611234567"
    caller.call()
    caller.press("0")
    assert "del teléfono al que le llamamos" in caller.press("1")
    caller.press("5512345678")
    caller.press("1")
    assert item(session).kind == "callback"
