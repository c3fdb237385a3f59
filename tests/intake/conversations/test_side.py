"""One short question near a border of two agencies: which side is it on? Each answer, and none."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from intake.conversations.advance import make_unanswered
from intake.conversations.dialogue.next_step import next_step
from intake.conversations.dialogue.state import Border, DialogueState, Side
from intake.conversations.dialogue.steps import Step, Submit
from intake.service_requests import queries
from intake.service_requests.models import ServiceRequest
from kernel import clock
from routing.models import GazetteerPlace
from tests.factories import CITY
from tests.intake.conversations.conftest import Phone
from tests.intake.conversations.talk import context

WHOLE = "hay un bache en el quiosco de la frontera"
AVENUE = Side({"es": "Avenida Juárez", "en": "Avenida Juárez"}, {"road": "JUAREZ"})
STREET = Side({"es": "La calle lateral", "en": "The side street"}, {"road": ""})
BORDER = Border(
    {"es": "¿Está en Avenida Juárez o en la calle lateral?", "en": "On Juárez or beside it?"}, (AVENUE, STREET)
)


def asked(text: str = "fuga de agua en niebla y sabinos", border: Border | None = BORDER) -> Step:
    return next_step(DialogueState(), text, replace(context(), find_border=lambda _: border))


def answered(text: str, state: DialogueState | None = None) -> Step:
    known = replace(context(), find_border=lambda _: BORDER)
    return next_step(DialogueState.from_json((state or asked().state).to_json()), text, known)


def test_it_is_asked_with_numbers() -> None:
    step = asked()
    assert (step.state.step, step.effect) == ("side", None)
    assert step.texts[0].key == "side"
    assert step.texts[0].params == {
        "question": "¿Está en Avenida Juárez o en la calle lateral?",
        "choices": "1 Avenida Juárez, 2 La calle lateral",
        "other": 3,
    }


def test_where_it_is_plain_nothing_is_asked() -> None:
    assert isinstance(asked(border=None).effect, Submit)


def test_in_danger_nothing_is_asked() -> None:
    assert asked("huele a gas, fuga de gas en niebla y sabinos, hay heridos").state.step != "side"


@pytest.mark.parametrize(
    ("said", "settled"),
    [
        ("1", {"road": "JUAREZ"}),
        ("la 1", {"road": "JUAREZ"}),
        ("en la avenida", {"road": "JUAREZ"}),
        ("Juárez", {"road": "JUAREZ"}),
        ("2", {"road": ""}),
        ("en la lateral", {"road": ""}),
        ("dos", {"road": ""}),
        ("3", {}),
        ("no sé", {}),
    ],
)
def test_each_reply_makes_the_report(said: str, settled: dict[str, str]) -> None:
    step = answered(said)
    assert isinstance(step.effect, Submit)
    assert step.effect.settled == settled
    assert step.effect.description == "fuga de agua en niebla y sabinos"
    assert (step.state.draft, step.state.border) == (None, None)


def test_what_names_both_sides_is_asked_once_more_and_then_made() -> None:
    again = answered("entre la avenida y la lateral")
    assert (again.state.step, again.texts[0].key, again.effect) == ("side", "side", None)
    made = answered("frente a la farmacia", again.state)
    assert isinstance(made.effect, Submit)
    assert made.effect.settled == {}
    assert "frente a la farmacia" in made.effect.description


def test_a_photo_or_another_language_keeps_the_question() -> None:
    english = answered("english")
    assert english.state.step == "side"
    assert english.texts[-1].params["question"] == "On Juárez or beside it?"


def test_a_day_later_the_reply_still_counts() -> None:
    known = replace(context(), find_border=lambda _: BORDER)
    late = replace(known, now=known.now + timedelta(days=2))
    step = next_step(DialogueState.from_json(asked().state.to_json()), "1", late)
    assert isinstance(step.effect, Submit)
    assert step.effect.settled == {"road": "JUAREZ"}


@pytest.mark.database
class TestOverSms:
    @pytest.fixture(autouse=True)
    def kiosk(self, session: Session, phone: Phone) -> None:
        # Some twenty metres north of where Norte ends.
        session.add(
            GazetteerPlace(
                jurisdiction_id=CITY,
                kind="landmark",
                name="Quiosco de la Frontera",
                lon=-99.15,
                lat=19.4002,
                precision_m=30,
                context="Norte",
            )
        )
        session.flush()

    def made(self, session: Session) -> ServiceRequest | None:
        return session.exec(select(ServiceRequest)).one_or_none()

    def test_the_reply_decides_the_agency_and_is_in_the_receipt(self, session: Session, phone: Phone) -> None:
        (question,) = phone.write(WHOLE)
        assert "1 Norte, 2 Sur, 3 no sé" in question
        assert self.made(session) is None
        (folio,) = phone.write("2")
        request = self.made(session)
        assert request is not None
        assert request.agency_code == "ALC-S"
        assert "Alcaldía Sur" in folio
        decision = queries.decision_of(session, request.id)
        assert decision is not None
        assert decision.receipt["settled"] == {"district": "S"}

    def test_nobody_who_knows_is_no_reason_to_lose_a_report(self, session: Session, phone: Phone) -> None:
        phone.write(WHOLE)
        phone.write("no sé")
        request = self.made(session)
        assert request is not None
        decision = queries.decision_of(session, request.id)
        assert decision is not None
        assert decision.receipt["border_case"]["question"]["es"]

    def test_silence_makes_the_report(self, session: Session, phone: Phone) -> None:
        phone.write(WHOLE)
        conversation_id = phone.conversation.id
        assert make_unanswered(session, conversation_id, now=clock.now())
        assert self.made(session) is not None
        assert not make_unanswered(session, conversation_id, now=clock.now())
