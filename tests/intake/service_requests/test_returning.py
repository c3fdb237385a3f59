"""What agencies give back: told, counted per rule, proposed as a test, and given to somebody else by hand."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from georef.points import LonLat
from intake.changes import numbering
from intake.changes.models import ServiceRequestChange
from intake.service_requests import actions, queries, returning
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.rule_models import ReturnedRequest
from intake.service_requests.values import Actor, Submission
from kernel.errors import Conflict, InvalidInput, NotFound
from routing import drafts
from tests.factories import CITY, IN_NORTE, NOW, make_city

pytestmark = pytest.mark.database
CREW, DESK = Actor("agency", "Cuadrilla Norte"), Actor("agent", "Amir Torres")
SUBMISSION = Submission(CITY, "BACHE", "web", description="Hay un bache", point=LonLat(*IN_NORTE))


@pytest.fixture
def found(session: Session) -> ServiceRequest:
    make_city(session)
    return actions.submit(session, SUBMISSION, now=NOW)


def back(session: Session, found: ServiceRequest, suggested: str | None = "AGUAS") -> ReturnedRequest:
    returning.give_back(
        session, found.id, reason="Es un hundimiento por fuga", suggested=suggested, actor=CREW, now=NOW
    )
    kept = returning.last_return(session, found)
    assert kept is not None
    return kept


def test_it_goes_back_with_its_reason_and_the_rule_that_decided(session: Session, found: ServiceRequest) -> None:
    kept = back(session, found)
    assert (kept.rule_code, kept.rule_set_version, kept.agency_code) == ("NORTE-1", 1, "ALC-N")
    assert (kept.reason, kept.suggested_agency_code, kept.state) == ("Es un hundimiento por fuga", "AGUAS", "proposed")
    assert (found.handover, found.agency_code, found.life) == ("returned", "ALC-N", "new")
    assert queries.events_of(session, found.id, ("agency",))[-1].note == "Es un hundimiento por fuga"
    assert "Es un hundimiento por fuga" not in [event.note for event in queries.events_of(session, found.id)]
    today = date(2026, 11, 19)
    assert returning.counts_by_rule(session, CITY, today, "America/Mexico_City") == {"NORTE-1": 1}
    assert returning.counts_by_rule(session, CITY, today + timedelta(days=1), "America/Mexico_City") == {}
    with pytest.raises(Conflict):
        back(session, found)


@pytest.mark.parametrize("suggested", ["NADIE", "ALC-N"])
def test_a_suggestion_is_another_agency(session: Session, found: ServiceRequest, suggested: str) -> None:
    with pytest.raises(InvalidInput):
        back(session, found, suggested)
    with pytest.raises(InvalidInput):
        returning.give_back(session, found.id, reason=" ", suggested=None, actor=CREW, now=NOW)
    assert session.exec(select(ReturnedRequest)).all() == []


def test_the_desk_gives_it_to_another_and_everybody_hears_of_it(session: Session, found: ServiceRequest) -> None:
    back(session, found)
    numbering.number(session)
    promised = found.expected_at
    returning.reassign(session, found.id, agency_code="AGUAS", reason="Ver la fuga", actor=DESK, now=NOW)
    assert (found.agency_code, found.handover, found.expected_at) == ("AGUAS", "transferred", promised)
    told = queries.events_of(session, found.id)[-1]
    assert (told.name, told.data["before"], told.data["agency_name"]) == ("routed", "ALC-N", "Aguas de Prueba")
    assert returning.last_return(session, found) is None
    by_hand = returning.last_by_hand(session, found.id)
    assert by_hand is not None
    assert by_hand.actor_name == "Amir Torres"
    decision = queries.decision_of(session, found.id)
    assert decision is not None
    assert decision.receipt["agency"]["code"] == "ALC-N", "what the rules said stays"
    numbering.number(session)
    changes = session.exec(select(ServiceRequestChange).order_by(ServiceRequestChange.seq)).all()  # type: ignore[arg-type]
    assert ("ALC-N", True) in [(change.agency_code, change.is_farewell) for change in changes]
    assert changes[-1].agency_code == "AGUAS"


@pytest.mark.parametrize("agency", ["ALC-N", "NADIE", ""])
def test_it_is_given_to_another_agency_that_is_there(session: Session, found: ServiceRequest, agency: str) -> None:
    with pytest.raises(InvalidInput):
        returning.reassign(session, found.id, agency_code=agency, actor=DESK, now=NOW)


def test_what_is_closed_or_was_changed_meanwhile_stays(session: Session, found: ServiceRequest) -> None:
    version = found.version
    actions.change_status(session, found.id, life="in_progress", actor=CREW, now=NOW)
    with pytest.raises(Conflict):
        returning.reassign(session, found.id, agency_code="AGUAS", actor=DESK, now=NOW, expected_version=version)
    actions.change_status(session, found.id, life="closed", outcome_code="resolved", actor=CREW, now=NOW)
    with pytest.raises(Conflict):
        returning.reassign(session, found.id, agency_code="AGUAS", actor=DESK, now=NOW)
    with pytest.raises(Conflict):
        back(session, found)


def test_a_return_becomes_a_test_of_a_draft(session: Session, found: ServiceRequest) -> None:
    kept = back(session, found)
    assert [one.event_id for one, _ in returning.proposals(session, CITY)] == [kept.event_id]
    draft = drafts.create(session, CITY, "Fugas", by="Rosa", now=NOW)
    with pytest.raises(InvalidInput):
        returning.accept(session, CITY, kept.event_id, draft.id, expects="NADIE", by="Rosa", now=NOW)
    with pytest.raises(NotFound):
        returning.accept(session, "otra", kept.event_id, draft.id, expects="AGUAS", by="Rosa", now=NOW)
    returning.accept(session, CITY, kept.event_id, draft.id, expects="AGUAS", by="Rosa", now=NOW)
    (test,) = draft.tests
    assert (test["code"], test["expects"], test["service_group"]) == (f"DEV-{found.folio}", "AGUAS", "calles")
    assert (test["lon"], test["note"], test["source"]) == (
        IN_NORTE[0],
        "Es un hundimiento por fuga",
        "Devolución de ALC-N",
    )
    assert (kept.state, kept.decided_by, kept.draft_id) == ("accepted", "Rosa", draft.id)
    assert returning.proposals(session, CITY) == []
    with pytest.raises(Conflict, match="Rosa"):
        returning.reject(session, CITY, kept.event_id, by="Iván", now=NOW)


def test_a_proposal_may_be_thrown_away_and_stays_counted(session: Session, found: ServiceRequest) -> None:
    kept = back(session, found, None)
    assert kept.state == "proposed", "a supervisor may know whose it is"
    returning.reject(session, CITY, kept.event_id, by="Iván", now=NOW)
    assert returning.proposals(session, CITY) == []
    assert returning.counts_by_rule(session, CITY, date(2026, 11, 1), "America/Mexico_City") == {"NORTE-1": 1}


def test_without_a_place_or_a_suggestion_there_is_nothing_to_test(session: Session) -> None:
    make_city(session)
    made = actions.submit(session, replace(SUBMISSION, point=None, address_string="por ahí"), now=NOW)
    assert back(session, made, None).state == "none"
    events = session.exec(select(ServiceRequestEvent).where(ServiceRequestEvent.name == "noted")).all()
    assert len(events) == 1
