"""What the rules are not sure of waits for a person; meanwhile the strict text is public, and what a person decides stands."""

import pytest
from sqlmodel import Session, select

from georef.points import LonLat
from intake.service_requests import queries, reviewing
from intake.service_requests.actions import add_note, submit
from intake.service_requests.models import PublicTextReview, ServiceRequest
from intake.service_requests.values import Actor, Submission
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.outbox import OutboxEvent
from tests.factories import CITY, IN_NORTE, NOW, make_city

pytestmark = pytest.mark.database
IVAN, ROSA = Actor("agent", "Iván Soto"), Actor("agent", "Rosa Cruz")
WORDS = "Alejandro tira cascajo, 55 1234 5678"


@pytest.fixture(autouse=True)
def city(session: Session) -> None:
    make_city(session)


def made(session: Session, description: str = WORDS, service_code: str = "BACHE") -> ServiceRequest:
    point = LonLat(*IN_NORTE)
    return submit(session, Submission(CITY, service_code, "web", description=description, point=point), now=NOW)


def waiting(session: Session) -> list[str]:
    return [request.folio for _, request in reviewing.pending(session, CITY)]


def test_names_wait_and_phones_do_not(session: Session) -> None:
    found = made(session)
    made(session, "Un hoyo, 55 1234 5678")
    assert waiting(session) == [found.folio]
    assert reviewing.pending_count(session, CITY) == 1
    assert found.public_description == "[…] tira cascajo, […]"
    review = reviewing.of_request(session, found.id)
    assert review is not None
    assert review.doubts == [
        {"field": "description", "start": 0, "end": 9, "kind": "name", "score": 0.6, "why": "given name alone"}
    ]


def test_what_the_public_never_sees_needs_no_review(session: Session) -> None:
    made(session, service_code="RUIDO")
    assert waiting(session) == []


def test_publishing_is_an_event_and_wakes_who_follows(session: Session) -> None:
    found = made(session)
    before = found.version
    reviewing.publish(session, found.id, {"description": "Tiran cascajo"}, actor=IVAN, now=NOW, expected_version=1)
    session.refresh(found)
    assert (found.description, found.public_description) == (WORDS, "Tiran cascajo")
    assert found.version == before + 1
    assert waiting(session) == []
    (event,) = queries.events_of(session, found.id, ("internal",))
    assert (event.name, event.actor_name, event.at, event.data["state"]) == (
        "text_reviewed",
        "Iván Soto",
        NOW,
        "published",
    )
    told = session.exec(select(OutboxEvent).where(OutboxEvent.name == "service_request.updated")).all()
    assert told[-1].payload["event_id"] == event.id


def test_the_second_reviewer_is_told_who_was_first(session: Session) -> None:
    found = made(session)
    reviewing.publish(session, found.id, {"description": "Tiran cascajo"}, actor=IVAN, now=NOW, expected_version=1)
    for again in (
        lambda: reviewing.publish(session, found.id, {"description": WORDS}, actor=ROSA, now=NOW, expected_version=1),
        lambda: reviewing.hide(session, found.id, actor=ROSA, now=NOW, expected_version=1),
    ):
        with pytest.raises(Conflict, match="Iván Soto ya revisó"):
            again()
    session.refresh(found)
    assert found.public_description == "Tiran cascajo"
    assert found.is_public


def test_hiding_takes_it_away_and_publishing_brings_it_back(session: Session) -> None:
    found = made(session)
    reviewing.hide(session, found.id, actor=IVAN, now=NOW, expected_version=1)
    session.refresh(found)
    assert not found.is_public
    assert waiting(session) == []
    add_note(session, found.id, text="Hablé con Alejandro", audience="public", actor=IVAN, now=NOW)
    assert waiting(session) == []
    reviewing.publish(session, found.id, {}, actor=IVAN, now=NOW, expected_version=2)
    session.refresh(found)
    assert found.is_public


def test_a_note_is_reviewed_where_it_stands(session: Session) -> None:
    found = made(session, "Un hoyo")
    note = add_note(session, found.id, text="Hablé con Alejandro", audience="public", actor=IVAN, now=NOW)
    assert waiting(session) == [found.folio]
    assert found.public_status_notes == "Hablé con […]"
    name = f"note:{note.id}"
    reviewing.publish(session, found.id, {name: "Hablé con el vecino"}, actor=IVAN, now=NOW, expected_version=1)
    session.refresh(found)
    assert (found.public_status_notes, note.public_note) == ("Hablé con el vecino", "Hablé con el vecino")
    assert (found.status_notes, note.note) == ("Hablé con Alejandro", "Hablé con Alejandro")


def test_nobody_writes_into_another_request(session: Session) -> None:
    found, other = made(session), made(session, "Un hoyo")
    note = add_note(session, other.id, text="Vamos", audience="public", actor=IVAN, now=NOW)
    for name in (f"note:{note.id}", "note:x", "status_notes", "description; x"):
        with pytest.raises(InvalidInput):
            reviewing.publish(session, found.id, {name: "x"}, actor=IVAN, now=NOW, expected_version=1)
    with pytest.raises(NotFound):
        reviewing.hide(session, other.id, actor=IVAN, now=NOW, expected_version=1)
    assert session.get(PublicTextReview, other.id) is None
