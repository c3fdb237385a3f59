"""A service that the city retires in the middle of a conversation: what was said stays, and another one is asked for."""

from dataclasses import replace

import pytest
from sqlmodel import Session, select

from intake.catalog.models import Jurisdiction, Service
from intake.conversations import wording
from intake.conversations.dialogue.next_step import next_step
from intake.conversations.dialogue.state import DialogueState, Draft
from intake.conversations.dialogue.steps import DialogueContext, Step, Submit
from tests.factories import CITY, NOW, make_service
from tests.intake.conversations.conftest import Phone
from tests.intake.conversations.talk import context

LAMP = Draft(words=("no prende la luz",), service_code="LUMINARIA", place_words="El Carmen", is_placed=True)


def without(*codes: str) -> DialogueContext:
    whole = context()
    return replace(
        whole,
        services={code: service for code, service in whole.services.items() if code not in codes},
        retired={code: whole.services[code] for code in codes},
    )


def body(step: Step) -> str:
    (text,) = step.texts
    return wording.say(step.state.language, "dialogue", text.key, emergency="911", **text.params)


def test_what_was_said_stays_and_the_closest_are_offered() -> None:
    known = without("FUGA")
    draft = Draft(words=("problema con el agua",), service_code="FUGA")
    step = next_step(DialogueState(step="where", draft=draft), "en niebla y sabinos", known)
    assert step.texts[0].key == "which_gone"
    assert "guardamos lo que escribiste" in body(step)
    draft = step.state.draft
    assert draft is not None
    assert draft.service_code is None
    assert draft.words == ("problema con el agua", "en niebla y sabinos")
    assert step.state.services
    assert "FUGA" not in step.state.services
    gone_on = next_step(step.state, "1", known)
    if isinstance(gone_on.effect, Submit):
        assert (gone_on.effect.service_code, gone_on.effect.place_words) == (
            step.state.services[0],
            "en niebla y sabinos",
        )
    else:
        assert gone_on.state.draft is not None
        assert gone_on.state.draft.service_code == step.state.services[0]


def test_an_answer_to_a_question_that_nobody_asks_any_more_is_kept_as_words() -> None:
    service = context().services["LUMINARIA"]
    question = next(one for one in service.attributes if one.is_required and one.options)
    draft = replace(LAMP, answers={question.code: [question.options[0].key]})
    step = next_step(DialogueState(step="question", draft=draft), "cinco postes", without("LUMINARIA"))
    assert step.state.draft is not None
    told = "\n".join(step.state.draft.words)
    assert "cinco postes" in told
    assert f"{question.description['es']}: {question.options[0].name['es']}" in told
    assert step.state.draft.answers == {}
    assert step.texts[0].key in ("which_gone", "what_gone")


def test_where_nothing_is_close_they_say_it_in_other_words_or_talk_to_a_person() -> None:
    draft = Draft(words=("zzz",), service_code="BACHE", is_placed=True)
    step = next_step(DialogueState(step="question", draft=draft), "qqq", without("BACHE"))
    assert [text.key for text in step.texts] == ["what_gone"]
    assert "HABLAR" in body(step)
    other = next_step(step.state, "hay una fuga de agua", without("BACHE"))
    assert other.state.draft is None or other.state.draft.service_code
    assert isinstance(other.effect, Submit) or other.texts


@pytest.mark.parametrize("answer", ["1", "2", "9"])
def test_a_choice_offered_before_is_numbered_as_it_was_read(answer: str) -> None:
    """Of 1 BACHE, 2 FUGA the first was retired: 2 still means FUGA, and what is written out anew counts anew."""
    state = DialogueState(step="which", draft=Draft(words=("zzz",), is_placed=True), services=("BACHE", "FUGA"))
    step = next_step(state, answer, without("BACHE"))
    if answer == "2":
        assert isinstance(step.effect, Submit) or (step.state.draft and step.state.draft.service_code == "FUGA")
    elif answer == "1":
        assert [text.key for text in step.texts] == ["what_gone"]
    else:
        assert step.state.services == ("FUGA",)
        assert step.texts[0].params["other"] == 2


@pytest.mark.database
def test_over_the_database(phone: Phone, session: Session) -> None:
    make_service(session, "HUNDIMIENTO", "Hundimiento en la calle", keywords=["hundimiento", "hoyo", "bache"])
    city = session.get_one(Jurisdiction, CITY)
    city.catalog_changed_at = NOW
    city.settings = city.settings | {"emergency_phone": "066"}
    session.flush()
    assert phone.write("bache en la calle")
    session.exec(select(Service).where(Service.code == "BACHE")).one().is_active = False
    city.catalog_changed_at = NOW.replace(hour=20)
    session.flush()
    (asked,) = phone.write("en avenida sabinos 214, el carmen")
    assert asked.startswith(
        "Ese tipo de reporte ya no se toma, pero guardamos lo que escribiste. ¿Cuál se le parece? 1 "
    )
    (answer,) = phone.write("1")
    assert "Folio" in answer
    (request,) = phone.requests
    assert (request.service_code, request.agency_code) == ("HUNDIMIENTO", "ALC-N")
    assert request.description == "bache en la calle\nen avenida sabinos 214, el carmen"
    (helped,) = phone.write("ayuda")
    assert "llama al 066" in helped
