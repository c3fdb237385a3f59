"""Buttons pressed in time, twice and too late; places shared instead of written."""

from dataclasses import replace

from sqlmodel import Session, col, select

from intake.conversations import arrivals
from intake.conversations.advance import advance
from intake.conversations.dialogue.next_step import next_step, press
from intake.conversations.dialogue.state import DialogueState, Place
from intake.conversations.dialogue.steps import Step, Submit
from intake.conversations.models import Message
from intake.conversations.values import SharedPlace
from tests.factories import CITY, IN_SUR
from tests.intake.conversations.conftest import Phone, inbound
from tests.intake.conversations.talk import NOW, Talk, context

HERE = Place("El lugar que compartiste", -99.1502, 19.4005, 20)


class TestAPlaceThatWasShared:
    def test_answers_where(self) -> None:
        step = Talk().say("hay un bache").say("", shared=HERE).step
        assert isinstance(step.effect, Submit)
        assert step.effect.place == HERE

    def test_comes_first_and_then_what(self) -> None:
        talk = Talk().say("", shared=HERE)
        assert talk.keys == ["what_short"]
        step = talk.say("un bache").step
        assert isinstance(step.effect, Submit)
        assert step.effect.place == HERE

    def test_comes_with_words(self) -> None:
        step = Talk().say("hay un bache", shared=HERE).step
        assert isinstance(step.effect, Submit)
        assert (step.effect.place, step.effect.description) == (HERE, "hay un bache")

    def test_corrects_the_one_that_was_told(self) -> None:
        talk = Talk().say("no hay luz en la calle en niebla y sabinos")
        assert talk.keys[-1] == "ask_choice"
        talk.say("", shared=HERE)
        assert talk.keys == ["ask_choice"]
        step = talk.say("1").step
        assert isinstance(step.effect, Submit)
        assert step.effect.place == HERE

    def test_still_warns_of_danger(self) -> None:
        assert Talk().say("huele a gas en mi casa", shared=HERE).keys[0].startswith("emergency")


class TestPressing:
    def asked(self) -> DialogueState:
        return replace(Talk().say("no hay luz en la calle en niebla y sabinos").state, turn=4)

    def test_the_button_of_the_question_that_stands_is_its_number(self) -> None:
        state = self.asked()
        assert press(state, "4.2", context()) == "2"
        assert isinstance(next_step(state, "2", context(NOW)).effect, Submit)

    def test_one_of_an_old_question_is_said_to_have_passed_and_asks_again(self) -> None:
        step = press(self.asked(), "3.1", context())
        assert isinstance(step, Step)
        assert [text.key for text in step.texts] == ["passed", "ask_choice"]

    def test_with_nothing_asked_it_is_said_what_one_can_do(self) -> None:
        step = press(DialogueState(turn=4), "4.1", context())
        assert isinstance(step, Step)
        assert [text.key for text in step.texts] == ["passed_idle"]

    def test_anything_else_is_no_answer(self) -> None:
        for choice in (".", "4", "4.", "4.x", "x.1", "4.1.1", "4.-1"):
            assert isinstance(press(self.asked(), choice, context()), Step), choice


def tap(phone: Phone, provider_id: str, choice: str) -> list[str]:
    told = replace(inbound(provider_id, "Sí", sender=phone.sender, at=phone.now), choice=choice)
    message = arrivals.receive(phone.session, told, jurisdiction_id=CITY, now=phone.now)
    advance(phone.session, message.conversation_id, now=phone.now)
    return phone.unread()


def last(session: Session) -> Message:
    statement = select(Message).where(Message.direction == "outbound").order_by(col(Message.seq).desc()).limit(1)
    return session.exec(statement).one()


def test_a_question_goes_out_with_its_answers_and_each_is_heard_once(phone: Phone, session: Session) -> None:
    phone.write("no hay luz en la calle en niebla y sabinos")
    question = last(session)
    assert question.body == f"{question.prompt} 1 No enciende, 2 Parpadea."
    assert [choice["label"] for choice in question.choices] == ["No enciende", "Parpadea"]
    pressed = question.choices[1]["value"]

    [told] = tap(phone, "P1", pressed)
    assert "Folio" in told
    assert [request.attributes for request in phone.requests] == [{"TIPO_FALLA": "parpadea"}]
    assert tap(phone, "P2", pressed) == []
    assert len(phone.requests) == 1
    [told] = tap(phone, "P3", question.choices[0]["value"])
    assert told.startswith("Esa pregunta ya pasó.")


def test_where_it_is_can_be_shared(phone: Phone, session: Session) -> None:
    phone.write("hay un bache")
    assert (last(session).asks_place, last(session).choices) == (True, [])
    told = replace(inbound("S1", "", sender=phone.sender, at=phone.now), place=SharedPlace(*IN_SUR))
    message = arrivals.receive(session, told, jurisdiction_id=CITY, now=phone.now)
    advance(session, message.conversation_id, now=phone.now)
    [request] = phone.requests
    assert (request.lon, request.lat, request.agency_code) == (*IN_SUR, "ALC-S")
