"""One short question before a report is made: is it the one that is there? Each answer, and none."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import Session, col, select

from georef.points import LonLat
from intake.catalog.models import Service
from intake.conversations import jobs
from intake.conversations.advance import make_unanswered
from intake.conversations.dialogue.next_step import next_step
from intake.conversations.dialogue.state import Alike, DialogueState
from intake.conversations.dialogue.steps import Join, Step, Submit
from intake.people.actions import find_or_create
from intake.service_requests import actions, queries
from intake.service_requests.duplicates.models import DuplicateDecision
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor, Submission
from kernel import clock
from tests.factories import CITY, NOW, make_city
from tests.intake.conversations.conftest import ROSA, Phone
from tests.intake.conversations.talk import context

WHOLE = "hay un bache en el mercado de la calera"
PLACE = LonLat(-99.13, 19.36)
LIKE_IT = Alike(
    "0190a0a0-0000-7000-8000-000000000000", 62, 17.2, "Sale agua de la banqueta, frente a la tortillería", False, {}
)


def asked(text: str = "fuga de agua en niebla y sabinos", alike: Alike | None = LIKE_IT) -> Step:
    known = context()
    with_alike = type(known)(**{**known.__dict__, "find_alike": lambda _: alike})
    return next_step(DialogueState(), text, with_alike)


def answered(text: str, state: DialogueState | None = None, **values: Any) -> Step:
    known = context()
    with_alike = type(known)(**{**known.__dict__, "find_alike": lambda _: LIKE_IT, **values})
    return next_step(DialogueState.from_json((state or asked().state).to_json()), text, with_alike)


class TestPure:
    def test_it_is_asked_in_one_message(self) -> None:
        step = asked()
        assert (step.state.step, step.effect) == ("same", None)
        assert step.texts[0].key == "same_open"
        assert step.texts[0].params == {
            "metres": 62,
            "span": "17 h",
            "words": '"Sale agua de la banqueta..." ',
        }

    @pytest.mark.parametrize(
        ("words", "quoted"),
        [
            ("Buenas tardes:\n\nHay un bache hondo", "Hay un bache hondo"),
            ("Hola, buen día, hay un bache hondo", "hay un bache hondo"),
            ("Hola", ""),
        ],
    )
    def test_its_greeting_is_not_quoted(self, words: str, quoted: str) -> None:
        params = asked(alike=replace(LIKE_IT, words=words)).texts[0].params
        assert params["words"] == (f'"{quoted}" ' if quoted else "")

    def test_nothing_alike_nothing_asked(self) -> None:
        assert isinstance(asked(alike=None).effect, Submit)

    def test_in_danger_nothing_is_asked(self) -> None:
        step = asked("huele a gas, fuga de gas en niebla y sabinos, hay heridos")
        assert step.state.step != "same"

    @pytest.mark.parametrize("said", ["1", "sí", "Sí, es el mismo", "la misma", "yes", "1️⃣", "es la misma"])
    def test_yes_joins(self, said: str) -> None:
        step = answered(said)
        assert isinstance(step.effect, Join)
        assert step.effect.alike == LIKE_IT
        assert step.effect.report.description == "fuga de agua en niebla y sabinos"
        assert step.state.draft is None
        assert step.state.alike is None

    @pytest.mark.parametrize("said", ["2", "no", "es otra", "No es el mismo", "otro"])
    def test_no_makes_one_of_its_own(self, said: str) -> None:
        step = answered(said)
        assert isinstance(step.effect, Submit)
        assert step.effect.ruled_out == LIKE_IT.shown

    def test_neither_is_asked_once_more_and_then_made(self) -> None:
        again = answered("está frente a la farmacia")
        assert (again.state.step, [text.key for text in again.texts]) == ("same", ["same_again"])
        step = answered("de veras", again.state)
        assert isinstance(step.effect, Submit)
        assert step.effect.ruled_out is None
        assert "farmacia" in step.effect.description

    def test_a_photo_without_words_leaves_the_question_standing(self) -> None:
        step = answered("", media_count=1)
        assert (step.state.step, step.effect) == ("same", None)

    def test_a_day_later_it_is_still_there(self) -> None:
        state = asked().state
        step = answered("1", state, now=NOW + timedelta(days=3))
        assert isinstance(step.effect, Join)

    def test_it_can_be_dropped_or_kept(self) -> None:
        dropping = answered("olvídalo")
        assert dropping.state.step == "drop"
        assert answered("sí", dropping.state).state.draft is None
        assert answered("no", dropping.state).state.step == "same"

    def test_a_closed_one_is_asked_in_other_words(self) -> None:
        closed = Alike(LIKE_IT.service_request_id, 40, 72, "", True, {})
        assert asked(alike=closed).texts[0].key == "same_closed"

    def test_a_state_that_was_written_without_it_is_read(self) -> None:
        values = asked().state.to_json()
        del values["alike"]
        assert isinstance(answered("1", DialogueState.from_json(values)), Step)


@pytest.fixture
def near(session: Session) -> Session:
    make_city(session)
    session.execute(update(Service).values(duplicates={"radius_m": 300}))
    return session


def there(session: Session, **values: Any) -> ServiceRequest:
    given: dict[str, Any] = {
        "jurisdiction_id": CITY,
        "service_code": "BACHE",
        "channel": "web",
        "description": "Hay un bache en el mercado",
        "point": PLACE,
    }
    return actions.submit(session, Submission(**(given | values)), now=NOW - timedelta(hours=2))


@pytest.mark.database
class TestBySms:
    def test_yes_is_one_report_more_under_the_folio_that_is_there(self, near: Session) -> None:
        made = there(near)
        phone = Phone(near)
        (question,) = phone.write(WHOLE)
        assert question.startswith("Ya hay un reporte igual a menos de 10 m, de hace 2 h.")
        assert len(question) <= 160
        (told,) = phone.write("sí")
        assert f"{made.folio[:2]} {made.folio[2:6]}" in told
        assert [row.id for row in phone.requests] == [made.id]
        assert near.get_one(ServiceRequest, made.id).report_count == 2
        said = queries.reports_of(near, made.id)[-1]
        assert (said.words, said.conversation_id) == (WHOLE, phone.conversation.id)
        decided = near.exec(select(DuplicateDecision)).one()
        assert (decided.decision, decided.channel, decided.report_id) == ("same", "sms", said.id)
        (status,) = phone.write("estado")
        assert f"{made.folio[:2]} {made.folio[2:6]}" in status

    def test_whoever_joined_is_told_when_it_is_done(self, near: Session) -> None:
        made = there(near)
        phone = Phone(near)
        phone.write(WHOLE)
        phone.write("1")
        actions.change_status(
            near, made.id, life="closed", outcome_code="resolved", note="", actor=Actor("agency"), now=phone.now
        )
        jobs.tell_resident(str(made.id), queries.events_of(near, made.id)[-1].id)
        assert "ya quedó" in phone.unread()[0]

    def test_no_is_a_request_of_its_own(self, near: Session) -> None:
        made = there(near)
        phone = Phone(near)
        phone.write(WHOLE)
        (told,) = phone.write("no")
        assert "Folio" in told
        assert len(phone.requests) == 2
        decided = near.exec(select(DuplicateDecision)).one()
        assert (decided.decision, decided.candidate_id) == ("other", made.id)

    def test_closed_before_the_answer_is_said_and_the_report_is_made(self, near: Session) -> None:
        made = there(near)
        phone = Phone(near)
        phone.write(WHOLE)
        actions.change_status(
            near, made.id, life="closed", outcome_code="resolved", note="", actor=Actor("agency"), now=phone.now
        )
        told = phone.write("sí")
        assert told[0].startswith("Ese reporte ya cambió")
        assert "Folio" in told[1]
        assert len(phone.requests) == 2

    def test_what_is_not_public_is_not_asked_about(self, near: Session) -> None:
        made = there(near)
        made.is_public = False
        near.flush()
        (told,) = Phone(near).write(WHOLE)
        assert "Folio" in told

    def test_another_s_contact_is_no_part_of_the_question(self, near: Session) -> None:
        find_or_create(near, CITY, "phone", ROSA, now=NOW)
        there(near)
        (question,) = Phone(near).write(WHOLE)
        assert ROSA[-4:] not in question

    def test_who_never_answers_has_reported_all_the_same(self, near: Session) -> None:
        there(near)
        phone = Phone(near)
        phone.write(WHOLE)
        assert len(phone.requests) == 1
        late = phone.now + timedelta(minutes=31)
        assert make_unanswered(near, phone.conversation.id, now=late)
        (told,) = phone.unread()
        assert "Folio" in told
        assert phone.requests[-1].description == WHOLE
        assert not make_unanswered(near, phone.conversation.id, now=late)
        assert near.exec(select(DuplicateDecision)).all() == []

    def test_the_job_finds_those_that_wait_long_enough(self, near: Session) -> None:
        there(near)
        phone = Phone(near, now=clock.now() - timedelta(minutes=40))
        near.execute(update(ServiceRequest).values(requested_at=phone.now - timedelta(hours=1)))
        phone.write(WHOLE)
        jobs.make_unanswered_reports()
        assert len(near.exec(select(ServiceRequest).where(col(ServiceRequest.channel) == "sms")).all()) == 1
