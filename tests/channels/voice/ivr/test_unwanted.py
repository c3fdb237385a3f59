"""Messages that a caller does not want, or was never told of: none goes, and none is promised."""

import pytest
from sqlmodel import Session, select

from intake.calls.jobs import end_call
from intake.calls.models import Call
from intake.conversations.dialogue import words
from intake.conversations.models import Message
from intake.incidents.models import IncidentContact
from intake.service_requests.models import Report, ServiceRequest
from tests.channels.voice.ivr.caller import Caller
from tests.channels.voice.ivr.conftest import CORNER, LEAK
from tests.intake.incidents.cast import opened

pytestmark = pytest.mark.database


def sent_after(session: Session, caller: Caller) -> list[str]:
    """What goes by message once they have hung up."""
    caller.hang_up()
    for call in session.exec(select(Call)).all():
        end_call(str(call.id))
    session.expire_all()
    return [message.body for message in session.exec(select(Message).where(Message.channel == "sms"))]


@pytest.mark.parametrize(
    ("said", "rest"),
    [
        ("sin mensajes por favor", ""),
        ("Sin mensajes, gracias.", ""),
        ("no mensajes", ""),
        ("prefiero sin mensajes", ""),
        ("que no me manden mensajes", ""),
        ("no quiero que me envíen mensajes", ""),
        ("no, gracias, no me manden nada", ""),
        ("no thanks, no messages", ""),
        ("please don't send me any text messages", ""),
        ("fuga en Sabinos 214, sin mensajes por favor", "fuga en Sabinos 214"),
        ("sin mensajes, hay una fuga en Sabinos", "hay una fuga en Sabinos"),
        ("no me mandan mensajes de mi reporte", None),
        ("no llegan los mensajes", None),
        ("un poste sin luz", None),
        ("no hay agua", None),
        ("there is no water", None),
    ],
)
def test_how_no_messages_is_said(said: str, rest: str | None) -> None:
    assert words.without_messages(said) == rest


@pytest.mark.parametrize(
    "said", ["sin mensajes por favor", "que no me manden mensajes", "no thanks, no messages", "cancelar", "alto"]
)
def test_nothing_goes_to_who_says_so_in_any_way(session: Session, caller: Caller, said: str) -> None:
    caller.call()
    caller.press("1")
    told = caller.say(said)
    assert "no le mandamos mensajes" in told
    assert "sin mensajes" not in told
    caller.say(LEAK)
    assert "mensaje" not in caller.say("sí")
    assert sent_after(session, caller) == []
    assert [report.wants_notices for report in session.exec(select(Report))] == [False]


@pytest.mark.parametrize("stage", ["menu", "tell", "review", "person"])
def test_what_else_they_say_is_heard(session: Session, caller: Caller, stage: str) -> None:
    caller.call()
    if stage == "tell":
        caller.press("1")
    if stage == "person":
        caller.say("operador, sin mensajes")
        assert "<Play>" in caller.document
        caller.hang_up()
        assert session.exec(select(Call)).one().script["no_messages"]
        return
    told = caller.say(LEAK if stage == "review" else f"{LEAK}, sin mensajes por favor")
    assert "Niebla" in told
    assert ("no le mandamos mensajes" in told) == (stage != "review")
    told = caller.say("sí, sin mensajes" if stage == "review" else "sí")
    made = session.exec(select(ServiceRequest)).one()
    assert (made.service_code, made.lon, made.lat) == ("FUGA", *CORNER)
    assert "También" not in told
    assert sent_after(session, caller) == []


def test_after_the_report_none_is_promised_any_more(session: Session, caller: Caller) -> None:
    caller.call()
    caller.say(LEAK)
    assert "por mensaje" in caller.say("sí")
    told = caller.say("sin mensajes, por favor")
    assert "no le mandamos mensajes" in told
    assert "por mensaje" not in told
    again = caller.press("*")
    assert "por mensaje" not in again
    assert "folio" in again
    assert sent_after(session, caller) == []


def test_a_warning_comes_before_it(session: Session, caller: Caller) -> None:
    caller.call()
    assert caller.say("huele a gas en Niebla y Sabinos, sin mensajes").startswith("Salga de ahí")
    assert sent_after(session, caller) == []
    assert session.exec(select(Call)).one().script["no_messages"]


@pytest.mark.parametrize("before", [True, False])
def test_nobody_who_wants_no_messages_is_told_of_an_incident(session: Session, caller: Caller, before: bool) -> None:
    opened(session, geometry=None, areas=())
    caller.call()
    if before:
        caller.press("1")
        caller.say("sin mensajes")
    caller.say(LEAK)
    told = caller.say("sí")
    assert ("avisamos por mensaje" in told) is not before
    if not before:
        caller.say("sin mensajes")
    assert sent_after(session, caller) == []
    assert [contact.wants_notices for contact in session.exec(select(IncidentContact))] == [False]


def test_who_tells_it_at_once_hears_of_messages_once_before_the_first_question(
    session: Session, caller: Caller
) -> None:
    caller.call()
    told = caller.say(LEAK)
    assert told.index("le mandamos el folio") < told.index("Niebla")
    assert caller.press("*") == told
    assert "le mandamos el folio" not in caller.say("sí").split("Su folio")[0]
    assert "le mandamos el folio" not in caller.press("1")
    assert len(sent_after(session, caller)) == 1


def test_nothing_goes_to_who_never_heard_of_messages(session: Session, caller: Caller) -> None:
    """The warning came in between, and they hung up."""
    caller.call()
    assert "le mandamos el folio" not in caller.say(f"huele a gas y {LEAK}")
    call = session.exec(select(Call)).one()
    assert not call.script["is_consent_told"]
    assert sent_after(session, caller) == []
