"""After a publication: proposals for open requests, accepted in bulk, each carried out once or found stale."""

from datetime import date, timedelta
from typing import Any

import pytest
from shapely.geometry import box
from sqlmodel import Session, select

from intake.service_requests import actions, queries
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from intake.whatif import jobs, reroutes, rounds
from intake.whatif.models import RerouteProposal, RerouteRound
from kernel import clock
from kernel.errors import InvalidInput
from routing import actions as routing_actions
from routing import publishing
from routing import queries as routing
from routing.checking import verify
from routing.values import LayerReport, Rule
from routing.whatif.sides import NamedArea
from routing.withdrawing import withdraw
from tests.factories import CITY, IN_NORTE, IN_SUR, NOW, SUBJECTS, both, make_city
from tests.intake.whatif.cast import BETWEEN, MOVED, make_draft, report
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
    found = rounds.plan(session, rule_set.id, now=NOW)
    assert found is not None
    return found


def _look(session: Session, found: RerouteRound, part: int = 2) -> None:
    assert rounds.wake(session, now=THEN) == 1
    while found.state != "done":
        rounds.look(session, found.id, now=THEN, part=part)
        session.refresh(found)


def _look_after_publishing(session: Session, wanted: Rule) -> None:
    """The rules of a draft, published for tomorrow, and its round over the open requests."""
    draft = make(session)
    write(session, draft, wanted)
    rule_set = publishing.publish(session, draft.id, TOMORROW, "Rosa Cruz", NOW, subjects=SUBJECTS)
    found = rounds.plan(session, rule_set.id, now=NOW)
    assert found is not None
    _look(session, found)


def _proposals(session: Session) -> list[RerouteProposal]:
    session.expire_all()
    return list(session.exec(select(RerouteProposal)))


def _carry_out(session: Session) -> int:
    count = 0
    while reroutes.carry_out_one(session, CITY, now=THEN):
        count += 1
    return count


def test_nothing_is_proposed_before_the_day(session: Session, published: RerouteRound) -> None:
    assert rounds.wake(session, now=NOW) == 0
    assert published.state == "planned"
    assert rounds.plan(session, published.rule_set_id, now=NOW) is published, "once for each publication"


def test_a_set_that_is_cancelled_is_not_looked_at(session: Session, published: RerouteRound) -> None:
    rule_set_id = published.rule_set_id
    withdraw(session, CITY, 2, "Rosa Cruz", NOW)
    rounds.drop(session, rule_set_id)
    session.expire_all()
    assert session.exec(select(RerouteRound)).all() == []
    assert rounds.plan(session, rule_set_id, now=NOW) is None, "nor when its publication is heard of late"
    assert rounds.wake(session, now=THEN) == 0


def test_open_requests_are_proposed_and_the_others_left_alone(session: Session, published: RerouteRound) -> None:
    _look(session, published)
    found = _proposals(session)
    assert [(row.from_agency, row.to_agency, row.rule_code, row.state) for row in found] == [
        ("ALC-S", "ALC-N", "NORTE-1", "proposed")
    ] * 2
    assert reroutes.pairs(session, CITY) == [reroutes.Pair("ALC-S", "ALC-N", 2)]
    assert rounds.wake(session, now=THEN) == 0
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
    found = rounds.plan(session, published.id, now=NOW)
    assert found is not None
    while found.state != "done":
        rounds.look(session, found.id, now=NOW + timedelta(hours=2))
        session.refresh(found)
    assert (before.agency_code, after.agency_code) == ("ALC-N", "AGUAS")
    assert [row.service_request_id for row in _proposals(session)] == [before.id]


@pytest.mark.parametrize(("now_said", "states"), [("AGUAS", ["proposed", "stale"]), ("ALC-S", ["stale"])])
def test_a_publication_takes_the_place_of_what_the_one_before_it_proposed(
    session: Session, published: RerouteRound, now_said: str, states: list[str]
) -> None:
    """Nobody has decided about the first proposals when rules come that give the same requests to another agency."""
    _look(session, published)
    assert len(_proposals(session)) == 2
    draft = make(session)
    write(session, draft, rule("A", now_said))
    day = TOMORROW + timedelta(days=1)
    rule_set = publishing.publish(session, draft.id, day, "Rosa Cruz", THEN, subjects=SUBJECTS)
    found = rounds.plan(session, rule_set.id, now=THEN)
    assert found is not None
    later = THEN + timedelta(days=1)
    rounds.wake(session, now=later)
    rounds.look(session, found.id, now=later)
    between = {row.service_request_id for row in _proposals(session) if row.round_id == published.id}
    rows = [row for row in _proposals(session) if row.service_request_id in between]
    assert sorted((row.state, row.from_agency, row.to_agency) for row in rows) == sorted(
        (state, "ALC-S", "ALC-N" if state == "stale" else now_said) for state in states for _ in between
    )


# Some twenty metres north of the border of today, and said to be south of it.
NEAR_NORTE = (-99.15, 19.4002)


def test_what_a_resident_said_about_the_border_counts(session: Session) -> None:
    make_city(session)
    said = report(session, NEAR_NORTE, settled={"district": "S"})
    assert said.agency_code == "ALC-S"
    _look_after_publishing(session, rule("A", "AGUAS", layer_key="district", area_codes=frozenset("S"), priority=1))
    (row,) = _proposals(session)
    assert (row.service_request_id, row.to_agency, row.receipt["settled"]) == (said.id, "AGUAS", {"district": "S"})


def test_a_reply_about_a_border_that_moved_away_is_no_longer_asked_for(session: Session) -> None:
    make_city(session)
    said = report(session, NEAR_NORTE, settled={"district": "S"})
    rule_set = publishing.publish(session, make_draft(session).id, TOMORROW, "Rosa Cruz", NOW, subjects=SUBJECTS)
    found = rounds.plan(session, rule_set.id, now=NOW)
    assert found is not None
    _look(session, found)
    (row,) = _proposals(session)
    assert (row.service_request_id, row.to_agency, row.receipt["settled"]) == (said.id, "ALC-N", {})


def _import(session: Session, areas: list[NamedArea], day: date) -> LayerReport:
    return routing_actions.import_layer(
        session, jurisdiction_id=CITY, key="district", name=both("Alcaldía"), areas=areas, valid_from=day, now=NOW
    )


def _look_now(session: Session, made: LayerReport) -> None:
    (found,) = rounds.plan_layers(session, CITY, [made], now=NOW)
    while found.state != "done":
        rounds.look(session, found.id, now=NOW + timedelta(hours=1))
        session.refresh(found)


RIGHT = [("N", "Norte", box(-99.20, 19.40, -99.10, 19.50)), ("S", "Sur", box(-99.20, 19.30, -99.10, 19.40))]


# In the middle of a long avenue: south by the point, some two kilometres from the north that was chosen from a list.
AVENUE = (-99.15, 19.382)
THIRDS: list[NamedArea] = [
    ("N", "Norte", box(-99.20, 19.40, -99.10, 19.50)),
    ("M", "Media", box(-99.20, 19.384, -99.10, 19.40)),
    ("S", "Sur", box(-99.20, 19.30, -99.10, 19.384)),
]


class TestADistrictChosenForAVaguePoint:
    """Another district is nearer than the one that was chosen: no border case would offer it."""

    @pytest.fixture
    def said(self, session: Session) -> ServiceRequest:
        make_city(session)
        _import(session, THIRDS, date(2026, 1, 1))
        said = report(
            session,
            AVENUE,
            NOW - timedelta(hours=1),
            precision_m=3000.0,
            settled={"district": "N", "jurisdiction": CITY},
        )
        assert said.agency_code == "ALC-N"
        return said

    def test_goes_with_its_rules(self, session: Session, said: ServiceRequest) -> None:
        _look_after_publishing(session, rule("A", "AGUAS", layer_key="district", area_codes=frozenset("N"), priority=1))
        (row,) = _proposals(session)
        assert (row.service_request_id, row.from_agency, row.to_agency) == (said.id, "ALC-N", "AGUAS")
        assert row.receipt["settled"] == {"district": "N", "jurisdiction": CITY}

    def test_is_not_moved_by_an_import_that_leaves_it_within_reach(
        self, session: Session, said: ServiceRequest
    ) -> None:
        farther = [*THIRDS[:2], ("S", "Sur", box(-99.20, 19.31, -99.10, 19.384))]
        _look_now(session, _import(session, farther, NOW.date()))
        assert _proposals(session) == []
        assert said.agency_code == "ALC-N"

    def test_is_moved_by_one_that_puts_it_out_of_reach(self, session: Session, said: ServiceRequest) -> None:
        away = [("N", "Norte", box(-99.20, 19.45, -99.10, 19.50)), THIRDS[2]]
        _look_now(session, _import(session, away, NOW.date()))
        assert [(row.service_request_id, row.to_agency) for row in _proposals(session)] == [(said.id, "ALC-S")]


class TestImportedBoundaries:
    def test_propose_from_their_day_on_as_published_ones_do(self, session: Session) -> None:
        make_city(session)
        kept = [report(session, place) for place in (IN_NORTE, IN_SUR, None)]
        moved = report(session, BETWEEN)
        by_hand = report(session, BETWEEN)
        by_hand.agency_code = "AGUAS"
        (found,) = rounds.plan_layers(session, CITY, [_import(session, MOVED, TOMORROW)], now=NOW)
        assert (found.state, found.layers) == ("planned", ["district"])
        _look(session, found)
        (row,) = _proposals(session)
        assert row.service_request_id == moved.id
        assert (row.from_agency, row.to_agency, row.rule_code) == ("ALC-S", "ALC-N", "NORTE-1")
        assert found.looked_at == len(kept) + 2

    def test_a_day_that_has_begun_is_looked_at_now(self, session: Session) -> None:
        make_city(session)
        report(session, BETWEEN)
        (found,) = rounds.plan_layers(session, CITY, [_import(session, MOVED, date(2026, 1, 1))], now=NOW)
        assert found.state == "looking"

    def test_a_correction_of_the_same_day_proposes_what_it_corrects(self, session: Session) -> None:
        make_city(session)
        _import(session, MOVED, NOW.date())
        mistaken = report(session, BETWEEN, NOW - timedelta(hours=1))
        assert mistaken.agency_code == "ALC-N"
        _look_now(session, _import(session, RIGHT, NOW.date()))
        assert [(row.from_agency, row.to_agency) for row in _proposals(session)] == [("ALC-N", "ALC-S")]

    def test_a_correction_takes_back_what_the_mistaken_import_proposed(self, session: Session) -> None:
        make_city(session)
        request = report(session, BETWEEN, NOW - timedelta(hours=1))
        _look_now(session, _import(session, MOVED, NOW.date()))
        assert [(row.from_agency, row.to_agency, row.state) for row in _proposals(session)] == [
            ("ALC-S", "ALC-N", "proposed")
        ]
        _look_now(session, _import(session, RIGHT, NOW.date()))
        assert [row.state for row in _proposals(session)] == ["stale"]
        assert reroutes.decide(session, CITY, accept=True, by="Iván Soto", now=THEN) == 0
        assert request.agency_code == "ALC-S"

    def test_an_import_that_changes_nothing_for_a_request_leaves_its_proposal(self, session: Session) -> None:
        make_city(session)
        report(session, BETWEEN, NOW - timedelta(hours=1))
        _look_now(session, _import(session, MOVED, NOW.date()))
        areas = [("1", "Roma", box(-99.19, 19.31, -99.18, 19.32))]
        made = routing_actions.import_layer(
            session, jurisdiction_id=CITY, key="colonia", name="Colonia", areas=areas, valid_from=NOW.date(), now=NOW
        )
        _look_now(session, made)
        assert [row.state for row in _proposals(session)] == ["proposed"]

    @pytest.mark.parametrize("rule_of", [{"layer_key": "district", "area_codes": frozenset("S")}, {}])
    def test_a_reply_across_a_border_that_stays_is_no_other_area(
        self, session: Session, rule_of: dict[str, Any]
    ) -> None:
        """Rules of before the import give its area, or all, to somebody else; the import moves the far edge beside it."""
        make_city(session)
        said = report(session, NEAR_NORTE, NOW - timedelta(hours=1), settled={"district": "S"})
        draft = make(session)
        write(session, draft, rule("A", "AGUAS", priority=1, **rule_of))
        publishing.publish(session, draft.id, NOW.date(), "Rosa Cruz", NOW, subjects=SUBJECTS)
        farther = [("N", "Norte", box(-99.20, 19.40, -99.10, 19.49)), RIGHT[1]]
        _look_now(session, _import(session, farther, NOW.date()))
        assert _proposals(session) == []
        assert said.agency_code == "ALC-S"

    def test_a_reply_whose_border_the_import_moves_away_is_another_area(self, session: Session) -> None:
        make_city(session)
        said = report(session, NEAR_NORTE, NOW - timedelta(hours=1), settled={"district": "S"})
        _look_now(session, _import(session, MOVED, NOW.date()))
        assert [(row.service_request_id, row.to_agency) for row in _proposals(session)] == [(said.id, "ALC-N")]

    def test_a_layer_that_moved_nothing_here_proposes_nothing(self, session: Session) -> None:
        """The rules say otherwise than what is on record, but not for want of the layer that came."""
        make_city(session)
        request = report(session, BETWEEN, NOW - timedelta(hours=1))
        draft = make(session)
        write(session, draft, rule("A", "AGUAS"))
        publishing.publish(session, draft.id, NOW.date(), "Rosa Cruz", NOW, subjects=SUBJECTS)
        areas = [("1", "Roma", box(-99.19, 19.31, -99.18, 19.32))]
        made = routing_actions.import_layer(
            session, jurisdiction_id=CITY, key="colonia", name="Colonia", areas=areas, valid_from=NOW.date(), now=NOW
        )
        (found,) = rounds.plan_layers(session, CITY, [made], now=NOW)
        rounds.look(session, found.id, now=NOW)
        assert found.looked_at == 1
        assert _proposals(session) == []
        assert request.agency_code == "ALC-S"

    def test_two_imports_for_one_day_are_one_round(self, session: Session) -> None:
        make_city(session)
        first = rounds.plan_layers(session, CITY, [_import(session, MOVED, TOMORROW)], now=NOW)
        assert rounds.plan_layers(session, CITY, [_import(session, MOVED, TOMORROW)], now=NOW) == [], "nothing new"
        areas = [("1", "Roma", box(-99.19, 19.31, -99.18, 19.32))]
        made = routing_actions.import_layer(
            session, jurisdiction_id=CITY, key="colonia", name="Colonia", areas=areas, valid_from=TOMORROW, now=NOW
        )
        assert rounds.plan_layers(session, CITY, [made], now=NOW) == first
        assert first[0].layers == ["colonia", "district"]

    def test_a_city_without_open_requests_needs_no_round(self, session: Session) -> None:
        make_city(session)
        assert rounds.plan_layers(session, CITY, [_import(session, MOVED, NOW.date())], now=NOW) == []
