from datetime import timedelta

import pytest
from sqlmodel import Session, select

from georef.points import LonLat
from intake.service_requests import actions, queries
from intake.service_requests.models import ServiceRequest
from intake.service_requests.queries import After, Filters
from intake.service_requests.values import Actor, Submission
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.ids import new_id
from kernel.outbox import OutboxEvent
from tests.factories import CITY, IN_NORTE, IN_SUR, NOW, make_city

pytestmark = pytest.mark.database
AMIR = Actor("agent", "Amir")
CREW = Actor("agency", "Cuadrilla 7")
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def kept(session: Session) -> ServiceRequest:
    make_city(session)
    return actions.submit(session, Submission(CITY, "BACHE", "sms", point=LonLat(*IN_NORTE)), now=NOW)


def updates(session: Session) -> list[dict[str, object]]:
    found = session.exec(select(OutboxEvent).where(OutboxEvent.name == "service_request.updated"))
    return [event.payload for event in found]


def test_closing_writes_state_story_and_event(session: Session, kept: ServiceRequest) -> None:
    actions.change_status(
        session, kept.id, life="closed", outcome_code="resolved", note="Quedó reparado", actor=AMIR, now=LATER
    )
    assert (kept.life, kept.outcome_code, kept.closed_at, kept.updated_at) == ("closed", "resolved", LATER, LATER)
    assert (kept.status_notes, kept.version) == ("Quedó reparado", 2)
    event = queries.events_of(session, kept.id)[-1]
    assert (event.name, event.actor_kind, event.actor_name, event.note) == (
        "status_changed",
        "agent",
        "Amir",
        "Quedó reparado",
    )
    assert event.data == {"life": "closed", "before": "new", "outcome_code": "resolved"}
    assert updates(session) == [{"service_request_id": str(kept.id), "event_id": event.id}]


def test_reopening_takes_outcome_and_closing_time_away(session: Session, kept: ServiceRequest) -> None:
    actions.change_status(session, kept.id, life="closed", outcome_code="not_found", actor=CREW, now=LATER)
    actions.change_status(session, kept.id, life="reopened", note="Sigue ahí", actor=AMIR, now=LATER)
    assert (kept.life, kept.outcome_code, kept.closed_at) == ("reopened", None, None)


def test_an_agency_that_works_on_it_has_accepted_it(session: Session, kept: ServiceRequest) -> None:
    actions.change_status(session, kept.id, life="waiting_resident", actor=AMIR, now=LATER)
    assert kept.handover == "pending"
    actions.change_status(session, kept.id, life="in_progress", actor=CREW, now=LATER)
    assert kept.handover == "accepted"


def test_whoever_saw_an_older_version_is_told(session: Session, kept: ServiceRequest) -> None:
    seen = kept.version
    actions.change_status(session, kept.id, life="in_progress", actor=CREW, now=LATER, expected_version=seen)
    with pytest.raises(Conflict):
        actions.change_status(
            session, kept.id, life="closed", outcome_code="duplicate", actor=AMIR, now=LATER, expected_version=seen
        )
    assert kept.life == "in_progress"
    assert len(updates(session)) == 1


@pytest.mark.parametrize(
    ("life", "outcome_code", "error"),
    [
        ("new", None, Conflict),
        ("reopened", None, Conflict),
        ("closed", None, InvalidInput),
        ("closed", "because", InvalidInput),
        ("in_progress", "resolved", InvalidInput),
        ("lost", None, InvalidInput),
    ],
)
def test_what_the_table_does_not_have(
    session: Session, kept: ServiceRequest, life: str, outcome_code: str | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        actions.change_status(session, kept.id, life=life, outcome_code=outcome_code, actor=AMIR, now=LATER)
    assert (kept.life, kept.version, updates(session)) == ("new", 1, [])


def test_a_note_is_for_its_audience(session: Session, kept: ServiceRequest) -> None:
    actions.add_note(session, kept.id, text="Ojo con el perro", audience="agency", actor=AMIR, now=LATER)
    assert kept.status_notes == ""
    assert "noted" not in [event.name for event in queries.events_of(session, kept.id)]
    assert "noted" in [event.name for event in queries.events_of(session, kept.id, ("public", "agency"))]
    actions.add_note(session, kept.id, text="Programado para el lunes", audience="public", actor=CREW, now=LATER)
    assert kept.status_notes == "Programado para el lunes"
    assert len(updates(session)) == 2


def test_empty_endless_and_lost_notes(session: Session, kept: ServiceRequest) -> None:
    for text in ("", "  \n", "a" * 4001):
        with pytest.raises(InvalidInput):
            actions.add_note(session, kept.id, text=text, audience="internal", actor=AMIR, now=LATER)
    with pytest.raises(NotFound):
        actions.add_note(session, new_id(), text="hola", audience="internal", actor=AMIR, now=LATER)


def test_a_request_of_another_city_is_not_found(session: Session, kept: ServiceRequest) -> None:
    make_city(session, "vecina.gob.example", sms_number=None)
    assert queries.get(session, kept.id, CITY) is kept
    with pytest.raises(NotFound):
        queries.get(session, kept.id, "vecina.gob.example")
    assert queries.by_folio(session, kept.folio) is kept
    assert queries.by_folio(session, kept.folio, jurisdiction_id="vecina.gob.example") is None


def test_lists_are_filtered_and_paged_by_key(session: Session, kept: ServiceRequest) -> None:
    made = [kept]
    for n in range(1, 7):
        point = LonLat(*(IN_SUR if n % 2 else IN_NORTE))
        words = "Árbol 100% caído" if n == 3 else f"hoyo {n}"
        submission = Submission(CITY, "BACHE", "web", description=words, point=point)
        made.append(actions.submit(session, submission, now=NOW + timedelta(minutes=n // 2)))
    newest = sorted(made, key=lambda one: (one.requested_at, one.id), reverse=True)
    pages: list[ServiceRequest] = []
    after = None
    while page := queries.search(session, Filters(CITY), after=after, limit=2):
        pages += page
        after = After(page[-1].requested_at, page[-1].id)
    assert [one.id for one in pages] == [one.id for one in newest]

    def found(**filters: object) -> set[str]:
        return {one.folio for one in queries.search(session, Filters(CITY, **filters))}  # type: ignore[arg-type]  # by name

    assert found(agency_codes=["ALC-S"]) == {one.folio for one in made if one.agency_code == "ALC-S"}
    assert found(channels=["sms"]) == {kept.folio}
    assert found(words="100% caído") == {made[3].folio}
    assert found(words=kept.folio[:6]) >= {kept.folio}
    assert found(words="_") == set()
    assert found(lives=["closed"]) == set()
    assert found(requested_from=NOW + timedelta(minutes=3)) == {made[6].folio}
    assert queries.search(session, Filters("vecina.gob.example")) == []
