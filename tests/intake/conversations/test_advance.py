"""From a text message to a request, an answer and the news: on the database."""

import time
from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from georef.points import LonLat
from intake.conversations import actions, arrivals, queries
from intake.conversations.advance import advance
from intake.conversations.models import Conversation, Message
from intake.conversations.notices import tell_reporters
from intake.people import actions as people
from intake.people.models import Consent
from intake.service_requests import actions as service_requests
from intake.service_requests import queries as service_request_queries
from intake.service_requests.models import Report, ServiceRequestEvent
from intake.service_requests.values import Actor, Reporter, Submission
from kernel.outbox import OutboxEvent
from tests.factories import CITY, IN_NORTE, OUTSIDE
from tests.intake.conversations.conftest import Phone, inbound

pytestmark = pytest.mark.database

AGENCY = Actor("agency", "Alcaldía Norte")
LAMP = "se fundió la luz del poste en avenida sabinos 214, el carmen"


def events(session: Session, name: str) -> list[OutboxEvent]:
    return list(session.exec(select(OutboxEvent).where(OutboxEvent.name == name)))


def close(phone: Phone, outcome: str = "resolved", note: str = "Lo tapamos hoy.") -> int:
    """Closes the newest request; the id of the event."""
    return change(phone, "closed", outcome, note)


def change(phone: Phone, life: str, outcome: str | None = None, note: str = "") -> int:
    request = phone.requests[-1]
    service_requests.change_status(
        phone.session, request.id, life=life, outcome_code=outcome, note=note, actor=AGENCY, now=phone.now
    )
    newest = select(ServiceRequestEvent).order_by(col(ServiceRequestEvent.id).desc()).limit(1)
    event_id = phone.session.exec(newest).one().id
    assert event_id is not None
    return event_id


def tell(phone: Phone, event_id: int | None) -> list[str]:
    tell_reporters(phone.session, phone.requests[-1].id, event_id, now=phone.now)
    return phone.unread()


@pytest.mark.parametrize("copied", ["{lat}, {lon}", "https://www.google.com/maps?q={lat},{lon}"])
def test_a_place_copied_out_of_a_map_is_as_good_as_a_shared_one(phone: Phone, copied: str) -> None:
    lon, lat = IN_NORTE
    phone.write("hay un bache")
    phone.write(copied.format(lat=f"{lat:.6f}", lon=f"{lon:.6f}"))
    (request,) = phone.requests
    assert (request.lon, request.lat) == pytest.approx(IN_NORTE)


def test_a_report_becomes_a_request_of_the_agency_with_a_date(phone: Phone) -> None:
    (answer,) = phone.write("hay un bache en avenida sabinos 214, el carmen")
    (request,) = phone.requests
    folio = f"{request.folio[:2]} {request.folio[2:6]} {request.folio[6:]}"
    assert answer == (
        f"Listo, recibimos tu reporte. Folio {folio}. Lo atiende Alcaldía Norte, a más tardar el jueves 26 de noviembre."
    )
    assert (request.service_code, request.channel, request.agency_code) == ("BACHE", "sms", "ALC-N")
    assert request.address_string == "Avenida Sabinos 214"
    assert request.requested_at == phone.now
    (report,) = phone.session.exec(select(Report)).all()
    assert report.conversation_id == phone.conversation.id
    assert report.person_id == phone.conversation.person_id
    assert len(events(phone.session, "service_request.submitted")) == 1
    assert len(events(phone.session, "message.queued")) == 1


def test_a_thread_knows_when_its_last_answer_was(phone: Phone) -> None:
    told = arrivals.receive(phone.session, inbound("late", "hola"), jurisdiction_id=CITY, now=phone.now)
    answered_at = phone.now + timedelta(minutes=3)
    advance(phone.session, told.conversation_id, now=answered_at)
    phone.session.expire_all()
    assert (phone.conversation.last_message_at, phone.conversation.waiting_since) == (answered_at, None)


def test_advancing_twice_answers_and_submits_once(phone: Phone) -> None:
    phone.write("hay un bache en avenida sabinos 214, el carmen")
    for message in phone.session.exec(select(Message).where(Message.direction == "inbound")):
        message.status = "received"  # as if the first job had crashed after its effects
    phone.session.flush()
    advance(phone.session, phone.conversation.id, now=phone.now)
    assert len(phone.requests) == 1
    assert phone.unread() == []
    advance(phone.session, phone.conversation.id, now=phone.now)
    assert phone.unread() == []


def test_messages_are_handled_in_the_order_they_came(phone: Phone) -> None:
    for n, body in enumerate((LAMP, "2")):
        arrivals.receive(phone.session, inbound(f"M{n}", body), jurisdiction_id=CITY, now=phone.now)
    advance(phone.session, phone.conversation.id, now=phone.now)
    assert [request.attributes for request in phone.requests] == [{"TIPO_FALLA": "parpadea"}]


def test_status_by_folio_and_of_the_newest(phone: Phone) -> None:
    phone.write("hay un bache en avenida sabinos 214, el carmen")
    request = phone.requests[0]
    (by_folio,) = phone.write(f"estado {request.folio}")
    (newest,) = phone.write("¿cómo va mi reporte?")
    assert by_folio == newest
    assert "lo atiende Alcaldía Norte, a más tardar el jueves 26 de noviembre" in newest
    change(phone, "in_progress")
    assert "ya trabaja en él" in phone.write("estado")[0]
    phone.now += timedelta(days=8)
    (late,) = phone.write(f"estado {request.folio}")
    assert "va tarde: debía estar el jueves 26 de noviembre" in late


def test_a_confidential_request_is_told_only_to_who_reported_it(phone: Phone) -> None:
    (answer,) = phone.write("mucho ruido en avenida sabinos 214, el carmen")
    (request,) = phone.requests
    assert not request.is_public
    assert request.folio[6:] not in answer
    assert "lo atiende" in phone.write(f"estado {request.folio}")[0]
    other = Phone(phone.session, sender="+525587654321", now=phone.now)
    other.unread()
    assert "No encontramos" in other.write(f"estado {request.folio}")[0]


def test_outside_the_city_is_kept_and_said(phone: Phone) -> None:
    contact = people.find_or_create(phone.session, CITY, "phone", "+525512345678", now=phone.now)
    request = service_requests.submit(
        phone.session,
        Submission(CITY, "BACHE", "web", point=LonLat(*OUTSIDE), reporter=Reporter(contact.person_id, contact.id)),
        now=phone.now,
    )
    (told,) = tell(phone, None)
    assert told.startswith(f"Guardamos tu reporte, folio {request.folio[:2]} ")
    assert "fuera de Ciudad Prueba" in told


def test_a_web_reporter_with_a_phone_is_told_by_sms_once(phone: Phone) -> None:
    contact = people.find_or_create(phone.session, CITY, "phone", "55 1234 5678", now=phone.now)
    service_requests.submit(
        phone.session,
        Submission(CITY, "BACHE", "web", point=LonLat(*IN_NORTE), reporter=Reporter(contact.person_id, contact.id)),
        now=phone.now,
    )
    assert len(tell(phone, None)) == 1
    assert tell(phone, None) == []


def test_the_dialogue_already_answered_its_own_reporter(phone: Phone) -> None:
    phone.write("hay un bache en avenida sabinos 214, el carmen")
    assert tell(phone, None) == []


def test_each_public_change_is_told_once(phone: Phone) -> None:
    phone.write("hay un bache en avenida sabinos 214, el carmen")
    started = change(phone, "in_progress")
    assert "ya trabaja en él. Fecha comprometida: jueves 26 de noviembre." in tell(phone, started)[0]
    done = close(phone)
    (told,) = tell(phone, done)
    assert "ya quedó: Alcaldía Norte lo resolvió. Lo tapamos hoy. Si no es así" in told
    assert tell(phone, done) == []
    assert tell(phone, started) == []


def test_internal_notes_are_told_to_nobody(phone: Phone) -> None:
    phone.write("hay un bache en avenida sabinos 214, el carmen")
    note = service_requests.add_note(
        phone.session, phone.requests[0].id, text="revisar", audience="internal", actor=AGENCY, now=phone.now
    )
    assert tell(phone, note.id) == []


def test_who_opted_out_gets_no_news_but_still_answers(phone: Phone) -> None:
    phone.write("hay un bache en avenida sabinos 214, el carmen")
    event_id = close(phone)
    assert phone.write("ALTO")[0].startswith("Listo, ya no te mandamos avisos")
    assert phone.write("alto") == []
    assert tell(phone, event_id) == []
    assert "quedó resuelto" in phone.write("estado")[0]
    phone.write("ALTA")
    assert len(tell(phone, event_id)) == 1
    assert [consent.words for consent in phone.session.exec(select(Consent).order_by(col(Consent.id)))] == [
        "ALTO", "alto", "ALTA",
    ]  # fmt: skip


def test_a_notice_still_waiting_is_taken_back_by_an_opt_out(phone: Phone) -> None:
    phone.write("hay un bache en avenida sabinos 214, el carmen")
    tell(phone, close(phone))
    phone.write("ALTO")
    notices = phone.session.exec(select(Message).where(Message.author_kind == "notice")).all()
    phone.session.expire_all()
    assert [notice.status for notice in notices] == ["suppressed"]


def test_an_answer_to_news_reaches_the_agency(phone: Phone) -> None:
    phone.write("hay un bache en avenida sabinos 214, el carmen")
    tell(phone, change(phone, "waiting_resident", note="¿Qué número de casa?"))
    assert phone.write("es el 216, puerta azul")[0].startswith("Gracias, lo agregamos")
    (note,) = service_request_queries.events_of(phone.session, phone.requests[0].id, ("agency",))
    assert (note.note, note.actor_kind) == ("es el 216, puerta azul", "resident")


def test_a_closing_that_is_not_true_goes_to_a_person(phone: Phone) -> None:
    phone.write("hay un bache en avenida sabinos 214, el carmen")
    tell(phone, close(phone))
    assert "revisa tu reporte" in phone.write("no es cierto, sigue igual")[0]
    assert phone.conversation.state == "with_agent"


def test_with_a_person_the_dialogue_is_quiet_and_comes_back(phone: Phone) -> None:
    assert "Una persona" in phone.write("hablar")[0]
    assert len(events(phone.session, "conversation.handed_to_agent")) == 1
    assert phone.write("hay un bache en avenida sabinos 214, el carmen") == []
    actions.queue_message(
        phone.session, phone.conversation.id, "Buenas tardes", client_ref="a1", author_kind="agent", author_name="Amir",
        now=phone.now,
    )  # fmt: skip
    assert phone.write("ALTO")[-1].startswith("Listo")
    actions.hand_back(phone.session, phone.conversation.id, now=phone.now)
    phone.unread()
    assert phone.write("hay un bache en avenida sabinos 214, el carmen")[0].startswith("Listo, recibimos")


def test_a_thread_nobody_answered_for_a_day_is_automatic_again(phone: Phone) -> None:
    phone.write("hablar")
    (answer,) = phone.write("hay un bache en avenida sabinos 214, el carmen", after=timedelta(hours=25))
    assert answer.startswith("Listo, recibimos")


def test_an_agent_takes_over_and_reopens(phone: Phone) -> None:
    phone.write("hola")
    old = phone.conversation
    old.state = "closed"
    phone.session.flush()
    sent = actions.queue_message(
        phone.session, old.id, "Le llamo del 311", client_ref="a1", author_kind="agent", now=phone.now
    )
    assert sent.conversation_id != old.id
    assert phone.conversation.state == "with_agent"
    again = actions.queue_message(
        phone.session, phone.conversation.id, "otra vez", client_ref="a1", author_kind="agent", now=phone.now
    )
    assert again.id == sent.id


def test_machines_are_read_and_not_answered(phone: Phone) -> None:
    machine = Phone(phone.session, sender="46464")
    assert machine.write("Tu codigo es 1234") == []
    (message,) = queries.messages_of(phone.session, phone.session.exec(select(Conversation)).one().id)
    assert message.status == "handled"


def test_a_report_the_catalogue_no_longer_takes_goes_to_a_person(phone: Phone) -> None:
    phone.write(LAMP)
    draft = dict(phone.conversation.dialogue)
    draft["draft"] = draft["draft"] | {"answers": {"TIPO_FALLA": ["ya-no-existe"]}}
    phone.conversation.dialogue = draft
    phone.session.flush()
    (answer,) = phone.write("2")
    assert answer.startswith("No pudimos terminar tu reporte")
    assert phone.requests == []
    assert phone.conversation.state == "with_agent"


def test_the_longest_text_is_a_report_and_takes_no_time(phone: Phone) -> None:
    long = "hay un bache en avenida sabinos 214, el carmen. " + "muy hondo y lleno de agua, " * 600
    began = time.perf_counter()
    (answer,) = phone.write(long)
    assert answer.startswith("Listo, recibimos")
    assert time.perf_counter() - began < 5
    assert len(phone.requests[0].description) == 4000


def test_english_from_the_first_word_to_the_news(phone: Phone) -> None:
    (answer,) = phone.write("there is a big bache in the street at Avenida Sabinos 214, El Carmen")
    assert "Alcaldía Norte will take care of it by Thursday 26 November." in answer
    (told,) = tell(phone, close(phone, "not_found", ""))
    assert "did not find the problem" in told


def _about(phone: Phone) -> dict[str, str]:
    """The folio that each of the resident's messages is marked with."""
    folios = {request.id: request.folio for request in phone.requests}
    messages = phone.session.exec(select(Message).where(Message.direction == "inbound").order_by(col(Message.seq)))
    return {
        message.body: folios[message.service_request_id] if message.service_request_id else "" for message in messages
    }


def test_the_messages_that_told_a_report_are_marked_with_its_request_and_no_others(phone: Phone) -> None:
    phone.write("cuántos reportes llevo")
    phone.write("no prende la luz del poste")
    phone.write("Avenida Sabinos 214")
    while not phone.requests:
        phone.write("1")
    phone.write("Hola, mi vecino toma mucho")
    [lamp] = phone.requests
    about = _about(phone)
    assert about["no prende la luz del poste"] == about["Avenida Sabinos 214"] == lamp.folio
    assert about["cuántos reportes llevo"] == about["Hola, mi vecino toma mucho"] == ""
    phone.write("hay un bache en Avenida Sabinos 214")
    phone.session.expire_all()
    if len(phone.requests) == 1:
        phone.write("1")
    pothole = next(request for request in phone.requests if request.id != lamp.id)
    assert _about(phone)["hay un bache en Avenida Sabinos 214"] == pothole.folio
