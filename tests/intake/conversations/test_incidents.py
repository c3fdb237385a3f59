"""A first message about what the city knows of already: it is announced, and they may be told instead of reporting again."""

from typing import Any

import pytest
from sqlmodel import Session, select

from intake.conversations.advance import make_unanswered
from intake.conversations.dialogue.next_step import next_step
from intake.conversations.dialogue.state import Announced, DialogueState, Place
from intake.conversations.dialogue.steps import Attach, Step, Submit
from intake.incidents import actions, jobs, queries
from intake.incidents.models import Incident, IncidentContact
from tests.factories import make_city
from tests.intake.conversations.conftest import Phone
from tests.intake.conversations.talk import NOW, context
from tests.intake.incidents.cast import SUSANA, opened

WHOLE = "hay un bache en el mercado de la calera"
TOLD = Announced("0190a0a0-0000-7000-8000-000000000000", {"es": "Hay una fuga grande en Sabinos", "en": "A big leak"})


def said(text: str, state: DialogueState | None = None, found: tuple[Announced, ...] = (TOLD,), **values: Any) -> Step:
    known = context()

    def find(service_code: str | None, place: Place | None) -> tuple[Announced, ...]:
        return found if service_code is None or place is not None else ()

    told = type(known)(**{**known.__dict__, "find_incidents": find, **values})
    return next_step(DialogueState.from_json((state or DialogueState()).to_json()), text, told)


class TestPure:
    def test_it_is_announced_with_one_question(self) -> None:
        step = said("fuga de agua en niebla y sabinos")
        assert (step.state.step, step.effect) == ("incident", None)
        (text,) = step.texts
        assert (text.key, text.params) == ("incident", {"words": "Hay una fuga grande en Sabinos."})

    def test_nothing_open_nothing_asked(self) -> None:
        assert isinstance(said("fuga de agua en niebla y sabinos", found=()).effect, Submit)

    def test_in_danger_nothing_is_asked(self) -> None:
        assert said("cable caído sacando chispas en niebla y sabinos").state.step != "incident"

    @pytest.mark.parametrize("answer", ["1", "sí", "si por favor"])
    def test_yes_attaches(self, answer: str) -> None:
        step = said(answer, said("fuga de agua en niebla y sabinos").state)
        assert isinstance(step.effect, Attach)
        assert step.effect.announced == TOLD
        assert step.state.draft is None

    @pytest.mark.parametrize("answer", ["2", "no", "no, es otra cosa"])
    def test_no_goes_on_with_the_report_and_says_so(self, answer: str) -> None:
        step = said(answer, said("fuga de agua en niebla y sabinos").state)
        assert isinstance(step.effect, Submit)
        assert step.effect.apart_from == TOLD.incident_id

    def test_neither_is_asked_once_more_and_then_goes_on_with_all_that_was_said(self) -> None:
        again = said("mucha agua", said("fuga de agua en niebla y sabinos").state)
        assert (again.state.step, [text.key for text in again.texts]) == ("incident", ["incident_again"])
        step = said("la banqueta está inundada", again.state)
        assert isinstance(step.effect, Submit)
        assert "inundada" in step.effect.description
        assert "mucha agua" in step.effect.description
        assert step.effect.apart_from == ""

    def test_what_is_everywhere_is_announced_before_anybody_is_asked_where(self) -> None:
        step = said("bache", find_incidents=lambda *_: (TOLD,))
        assert step.state.step == "incident"
        # And after a no the question that was due is asked.
        assert said("no", step.state).state.step == "where"

    def test_a_colonia_is_where_enough(self) -> None:
        step = said("fuga de agua en la colonia ahuehuete")
        assert step.state.step == "incident"
        assert said("no", step.state).state.step == "where"

    def test_who_greets_hears_what_is_going_on(self) -> None:
        assert [text.key for text in said("hola").texts] == ["announced", "greeting"]
        many = (TOLD,) * 5
        assert [text.key for text in said("hola", found=many).texts] == ["announced", "announced", "greeting"]

    def test_who_is_told_already_hears_that(self) -> None:
        known = Announced(TOLD.incident_id, TOLD.written, is_attached=True)
        step = said("fuga de agua en niebla y sabinos", found=(known,))
        assert step.texts[0].key == "incident_known"

    def test_a_language_without_words_hears_the_spanish_ones(self) -> None:
        known = Announced(TOLD.incident_id, {"es": "Hay una fuga"})
        step = said("water leak at niebla y sabinos, please hurry", found=(known,))
        assert step.state.language == "en"
        assert step.texts[0].params["words"] == "Hay una fuga."

    def test_a_state_that_was_written_without_it_is_read(self) -> None:
        written = said("fuga de agua en niebla y sabinos").state.to_json()
        del written["incident"]
        assert DialogueState.from_json(written).incident is None


@pytest.mark.database
class TestThread:
    @pytest.fixture
    def phone(self, session: Session) -> Phone:
        make_city(session)
        return Phone(session)

    @pytest.fixture
    def incident(self, phone: Phone) -> Incident:
        return opened(phone.session, service_codes=("BACHE",), geometry=None, areas=())

    def test_yes_is_one_contact_and_no_request(self, phone: Phone, incident: Incident) -> None:
        (asked,) = phone.write("hay un bache enorme")
        assert asked.startswith("Sabemos de la lluvia en Sur. Ya se atiende. ¿Es eso?")
        (done,) = phone.write("1")
        assert done.startswith("Listo, te sumamos al aviso.")
        assert phone.requests == []
        (contact,) = phone.session.exec(select(IncidentContact))
        assert contact.conversation_id == phone.conversation.id
        # Again, they are asked whether it is anything else, and are still attached once.
        (known,) = phone.write("sigue el bache enorme")
        assert "Ya te sumamos a este aviso" in known
        phone.write("si")
        assert queries.attached(phone.session, [incident.id])[incident.id] == (1, 0)

    def test_ended_while_they_answer_is_said_and_the_report_goes_on(self, phone: Phone, incident: Incident) -> None:
        phone.write("hay un bache enorme")
        actions.end(phone.session, incident.id, {"es": "Ya."}, version=1, by=SUSANA, now=NOW)
        over, where = phone.write("1")
        assert over == "Ese aviso ya terminó. Si sigue pasando, seguimos con tu reporte."
        assert where.startswith("¿Dónde es?")
        assert phone.session.exec(select(IncidentContact)).all() == []

    def test_no_makes_a_request_that_is_no_part_of_it(self, phone: Phone, incident: Incident) -> None:
        phone.write("hay un bache enorme")
        phone.write("2")
        phone.write("El Carmen")
        phone.write("no sé")
        (request,) = phone.requests
        jobs.attach_reported(str(request.id))
        assert queries.incident_of(phone.session, request.id) is None

    def test_who_never_answers_has_their_report_go_on(self, phone: Phone, incident: Incident) -> None:
        phone.write("hay un bache enorme")
        assert make_unanswered(phone.session, phone.conversation.id, now=phone.now)
        assert phone.unread()[0].startswith("¿Dónde es?")

    def test_who_wants_no_messages_is_told_how_to_get_this_one(self, phone: Phone, incident: Incident) -> None:
        phone.write("ALTO")
        phone.write("hay un bache enorme")
        (done,) = phone.write("1")
        assert "responde ALTA" in done
