"""After a publication: proposals for open requests, accepted in bulk, each carried out once or found stale."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from intake.service_requests import actions, queries
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from intake.whatif import jobs, reroutes
from intake.whatif.models import RerouteProposal, RerouteRound
from kernel import clock
from kernel.errors import InvalidInput
from routing import publishing
from routing import queries as routing
from routing.checking import verify
from routing.withdrawing import withdraw
from tests.factories import CITY, IN_NORTE, IN_SUR, NOW, SUBJECTS, make_city
from tests.intake.whatif.cast import BETWEEN, make_draft, report
from tests.routing.test_drafts import make, rule, write

pytestmark = pytest.mark.database
TOMORROW = NOW.date() + timedelta(days=1)
THEN = NOW + timedelta(days=1)


@pytest.fixture
def published(session: Session) -> RerouteRound:
    """Three requests change hands from tomorrow on; one of them is closed already."""
    make_city(session)
    for place in (IN_NORTE, IN_SUR, BETWEEN, BETWEEN, None):
        report(session, place)
    closed = report(session, BETWEEN)
    actions.change_status(session, closed.id, life="closed", outcome_code="resolved", actor=Actor("system"), now=NOW)
    rule_set = publishing.publish(session, make_draft(session).id, TOMORROW, "Rosa Cruz", NOW, subjects=SUBJECTS)
    found = reroutes.plan(session, rule_set.id, now=NOW)
    assert found is not None
    return found


def _look(session: Session, found: RerouteRound, part: int = 2) -> None:
    assert reroutes.wake(session, now=THEN) == 1
    while found.state != "done":
        reroutes.look(session, found.id, now=THEN, part=part)
        session.refresh(found)


def _proposals(session: Session) -> list[RerouteProposal]:
    session.expire_all()
    return list(session.exec(select(RerouteProposal)))


def _carry_out(session: Session) -> int:
    count = 0
    while reroutes.carry_out_one(session, CITY, now=THEN):
        count += 1
    return count


def test_nothing_is_proposed_before_the_day(session: Session, published: RerouteRound) -> None:
    assert reroutes.wake(session, now=NOW) == 0
    assert published.state == "planned"
    assert reroutes.plan(session, published.rule_set_id, now=NOW) is published, "once for each publication"


def test_a_set_that_is_cancelled_is_not_looked_at(session: Session, published: RerouteRound) -> None:
    rule_set_id = published.rule_set_id
    withdraw(session, CITY, 2, "Rosa Cruz", NOW)
    reroutes.drop(session, rule_set_id)
    session.expire_all()
    assert session.exec(select(RerouteRound)).all() == []
    assert reroutes.plan(session, rule_set_id, now=NOW) is None, "nor when its publication is heard of late"
    assert reroutes.wake(session, now=THEN) == 0


def test_open_requests_are_proposed_and_the_others_left_alone(session: Session, published: RerouteRound) -> None:
    _look(session, published)
    found = _proposals(session)
    assert [(row.from_agency, row.to_agency, row.rule_code, row.state) for row in found] == [
        ("ALC-S", "ALC-N", "NORTE-1", "proposed")
    ] * 2
    assert reroutes.pairs(session, CITY) == [reroutes.Pair("ALC-S", "ALC-N", 2)]
    assert reroutes.wake(session, now=THEN) == 0
    known = routing.city(session, CITY)
    for row in found:
        assert verify(row.receipt, known.rules.at(THEN), known.layers).holds
    assert all(request.agency_code == "ALC-S" for _, request in reroutes.waiting(session, CITY))


def test_acceptance_moves_each_once_and_tells_everybody(session: Session, published: RerouteRound) -> None:
    _look(session, published)
    assert reroutes.decide(session, CITY, accept=True, by="Iván Soto", now=THEN) == 2
    assert reroutes.decide(session, CITY, accept=True, by="Rosa Cruz", now=THEN) == 0, "the second of two finds none"
    assert reroutes.being_moved(session, CITY) == 2
    assert _carry_out(session) == 2
    assert _carry_out(session) == 0
    for row in _proposals(session):
        assert (row.state, row.decided_by) == ("accepted", "Iván Soto")
        request = session.get_one(ServiceRequest, row.service_request_id)
        assert (request.agency_code, request.handover, request.version) == ("ALC-N", "transferred", 2)
        (_, moved) = [event for event in queries.events_of(session, request.id) if event.name == "routed"]
        assert (moved.audience, moved.actor_name) == ("public", "Iván Soto")
        assert (moved.data["agency_name"], moved.data["before"]) == ("Alcaldía Norte", "ALC-S")
        decision = queries.decision_of(session, request.id)
        assert decision is not None
        assert (decision.agency_code, decision.rule_code, decision.receipt) == ("ALC-N", "NORTE-1", row.receipt)


def test_what_was_closed_or_moved_meanwhile_is_stale(session: Session, published: RerouteRound) -> None:
    _look(session, published)
    reroutes.decide(session, CITY, accept=True, by="Iván Soto", now=THEN)
    first, second = _proposals(session)
    actions.change_status(
        session, first.service_request_id, life="closed", outcome_code="resolved", actor=Actor("system"), now=THEN
    )
    session.get_one(ServiceRequest, second.service_request_id).agency_code = "AGUAS"
    session.flush()
    assert _carry_out(session) == 2
    assert [row.state for row in _proposals(session)] == ["stale", "stale"]
    assert session.get_one(ServiceRequest, second.service_request_id).agency_code == "AGUAS"


def test_the_sweep_finds_stale_ones_and_goes_on_with_lost_ones(session: Session, published: RerouteRound) -> None:
    _look(session, published)
    first, second = _proposals(session)
    actions.change_status(
        session, first.service_request_id, life="closed", outcome_code="resolved", actor=Actor("system"), now=THEN
    )
    assert reroutes.pairs(session, CITY) == [reroutes.Pair("ALC-S", "ALC-N", 1)]
    reroutes.tidy(session, now=THEN)
    assert {row.id: row.state for row in _proposals(session)} == {first.id: "stale", second.id: "proposed"}


def test_a_selection_a_pair_and_a_no(session: Session, published: RerouteRound) -> None:
    _look(session, published)
    first, second = _proposals(session)
    assert reroutes.decide(session, CITY, accept=True, pair=("ALC-N", "ALC-S"), by="Iván Soto", now=THEN) == 0
    assert reroutes.decide(session, CITY, accept=False, ids=[first.id], by="Iván Soto", now=THEN) == 1
    assert reroutes.decide(session, CITY, accept=True, ids=[first.id, second.id], by="Rosa Cruz", now=THEN) == 1
    with pytest.raises(InvalidInput):
        reroutes.decide(session, CITY, accept=True, ids=[], by="Rosa Cruz", now=THEN)
    assert reroutes.decide(session, "otra.gob.example", accept=True, by="Olga", now=THEN) == 0
    _carry_out(session)
    assert [row.state for row in _proposals(session)] == ["rejected", "accepted"]


def test_what_a_person_moved_by_hand_stays_where_it_is(session: Session, published: RerouteRound) -> None:
    by_hand = report(session, BETWEEN)
    by_hand.agency_code = "AGUAS"
    session.flush()
    _look(session, published)
    assert by_hand.id not in {row.service_request_id for row in _proposals(session)}


def test_jobs_do_it_in_small_transactions(
    session: Session, published: RerouteRound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: THEN)
    jobs.sweep()
    session.refresh(published)
    assert published.state == "looking"
    jobs.look_for_reroutes(str(published.id))
    jobs.look_for_reroutes(str(published.id))
    session.refresh(published)
    assert (published.state, published.looked_at) == ("done", 5)
    reroutes.decide(session, CITY, accept=True, by="Iván Soto", now=THEN)
    jobs.carry_out_reroutes(CITY)
    jobs.carry_out_reroutes(CITY)
    assert [row.state for row in _proposals(session)] == ["accepted", "accepted"]


def test_rules_of_today_propose_what_came_in_before_them_today(session: Session) -> None:
    make_city(session)
    before = report(session, IN_NORTE, NOW - timedelta(hours=2))
    draft = make(session)
    write(session, draft, rule("A", "AGUAS"))
    published = publishing.publish(session, draft.id, NOW.date(), "Rosa Cruz", NOW, subjects=SUBJECTS)
    after = report(session, IN_NORTE, NOW + timedelta(hours=1))
    found = reroutes.plan(session, published.id, now=NOW)
    assert found is not None
    while found.state != "done":
        reroutes.look(session, found.id, now=NOW + timedelta(hours=2))
        session.refresh(found)
    assert (before.agency_code, after.agency_code) == ("ALC-N", "AGUAS")
    assert [row.service_request_id for row in _proposals(session)] == [before.id]


def test_what_a_resident_said_about_the_border_counts(session: Session) -> None:
    make_city(session)
    draft = make_draft(session)
    # Some twenty metres north of the border of today, and said to be south of it.
    said = report(session, (-99.15, 19.4002), settled={"district": "S"})
    assert said.agency_code == "ALC-S"
    rule_set = publishing.publish(session, draft.id, TOMORROW, "Rosa Cruz", NOW, subjects=SUBJECTS)
    found = reroutes.plan(session, rule_set.id, now=NOW)
    assert found is not None
    _look(session, found)
    assert _proposals(session) == [], "it is still in the south, where they said"
    other = make(session)
    write(session, other, rule("A", "AGUAS", layer_key="district", area_codes=frozenset("S"), priority=1))
    later = publishing.publish(session, other.id, TOMORROW + timedelta(days=1), "Rosa Cruz", NOW, subjects=SUBJECTS)
    again = reroutes.plan(session, later.id, now=THEN)
    assert again is not None
    then = THEN + timedelta(days=1)
    assert reroutes.wake(session, now=then) == 1
    while again.state != "done":
        reroutes.look(session, again.id, now=then)
        session.refresh(again)
    (row,) = _proposals(session)
    assert (row.service_request_id, row.to_agency, row.receipt["settled"]) == (said.id, "AGUAS", {"district": "S"})
