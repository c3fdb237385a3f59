from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from shapely.geometry import box
from sqlalchemy import Engine, text
from sqlmodel import Session, select

from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.catalog.models import Jurisdiction
from intake.people.actions import find_or_create
from intake.service_requests import actions, queries
from intake.service_requests import submit as submitting
from intake.service_requests.models import Report, ServiceRequest
from intake.service_requests.values import Actor, InvalidForm, Reporter, Submission
from kernel import db
from kernel.errors import InvalidInput, NotFound
from kernel.folio import is_valid
from kernel.outbox import OutboxEvent
from routing.conditions import Capacity
from routing.models import BoundaryArea, BoundaryLayer
from tests.factories import CITY, IN_NORTE, IN_SUR, NOW, OUTSIDE, make_city, make_layer, make_rule

pytestmark = pytest.mark.database

NORTE = LonLat(*IN_NORTE)
SUBMISSION = Submission(CITY, "BACHE", "sms", description="Un hoyo enorme", point=NORTE, precision_m=20)


@pytest.fixture(autouse=True)
def city(session: Session) -> None:
    make_city(session)


def names(session: Session, service_request: ServiceRequest) -> list[tuple[str, str]]:
    audiences = ("public", "reporter", "agency", "internal")
    return [(event.name, event.audience) for event in queries.events_of(session, service_request.id, audiences)]


def test_a_report_is_one_request_one_decision_and_one_story(session: Session) -> None:
    contact = find_or_create(session, CITY, "phone", "5512345678", now=NOW)
    reporter = Reporter(contact.person_id, contact.id)
    conversation = uuid4()
    made = actions.submit(session, replace(SUBMISSION, reporter=reporter, conversation_id=conversation), now=NOW)
    assert is_valid(made.folio)
    assert made.folio.startswith("26")
    assert (made.life, made.handover, made.agency_code, made.is_public) == ("new", "pending", "ALC-N", True)
    assert made.areas["district"] == [{"code": "N", "name": "Norte"}]
    assert made.expected_at is not None
    assert made.expected_at > NOW
    (report,) = queries.reports_of(session, made.id)
    assert (report.person_id, report.contact_point_id, report.conversation_id) == (
        contact.person_id,
        contact.id,
        conversation,
    )
    assert report.words == "Un hoyo enorme"
    decision = queries.decision_of(session, made.id)
    assert decision is not None
    assert (decision.agency_code, decision.rule_code) == ("ALC-N", "NORTE-1")
    assert decision.receipt["agency"]["code"] == "ALC-N"
    assert names(session, made) == [("submitted", "public"), ("routed", "public")]
    (event,) = session.exec(select(OutboxEvent)).all()
    assert (event.name, event.payload) == ("service_request.submitted", {"service_request_id": str(made.id)})


@pytest.mark.parametrize(
    ("service_code", "point", "agency"),
    [("BACHE", IN_NORTE, "ALC-N"), ("BACHE", IN_SUR, "ALC-S"), ("FUGA", IN_SUR, "AGUAS"), ("BACHE", None, "ATENCION")],
)
def test_the_agency_is_decided_before_the_request_is_saved(
    session: Session, service_code: str, point: tuple[float, float] | None, agency: str
) -> None:
    where = LonLat(*point) if point else None
    made = actions.submit(session, replace(SUBMISSION, service_code=service_code, point=where), now=NOW)
    assert made.agency_code == agency
    assert made.precision_m == (20 if point else None)


def test_a_place_outside_is_kept_closed_and_told_whom_to_ask(session: Session) -> None:
    made = actions.submit(session, replace(SUBMISSION, point=LonLat(*OUTSIDE)), now=NOW)
    assert (made.life, made.outcome_code, made.agency_code, made.handover) == (
        "closed",
        "outside_jurisdiction",
        None,
        "none",
    )
    assert (made.closed_at, made.expected_at) == (NOW, None)
    assert "fuera de Ciudad Prueba" in made.status_notes
    assert names(session, made) == [("submitted", "public"), ("status_changed", "public")]
    english = actions.submit(session, replace(SUBMISSION, point=LonLat(*OUTSIDE), language="en"), now=NOW)
    assert "outside Ciudad Prueba" in english.status_notes


def test_a_place_of_the_neighbour_is_told_by_name(session: Session) -> None:
    other = make_city(session, "vecina.gob.example", sms_number=None)
    other.name = "Villa Vecina"
    other.settings = {"phone": "072"}
    layer = session.exec(
        select(BoundaryLayer).where(BoundaryLayer.jurisdiction_id == other.id, BoundaryLayer.key == "jurisdiction")
    ).one()
    area = session.exec(select(BoundaryArea).where(BoundaryArea.layer_id == layer.id)).one()
    area.geometry = box(-99.60, 19.30, -99.40, 19.50).wkb
    layer.digest = "moved"  # as whoever publishes one does: processes keep what they read by it
    session.flush()
    made = actions.submit(session, replace(SUBMISSION, point=LonLat(*OUTSIDE)), now=NOW)
    assert "Villa Vecina" in made.status_notes
    assert "072" in made.status_notes


def test_who_says_that_it_is_outside_is_not_sent_to_the_city_they_came_from(session: Session) -> None:
    city = session.get_one(Jurisdiction, CITY)
    city.settings = {**city.settings, "phone": "311", "neighbours": [{"name": "El Estado", "phone": "555 0000"}]}
    session.flush()
    made = actions.submit(session, replace(SUBMISSION, point=LonLat(*IN_NORTE), settled={"jurisdiction": ""}), now=NOW)
    assert made.outcome_code == "outside_jurisdiction"
    assert made.status_notes == "Ese lugar está fuera de Ciudad Prueba. Pregunta en El Estado: llama al 555 0000."


def test_a_place_named_clearly_is_placed(session: Session) -> None:
    made = actions.submit(session, replace(SUBMISSION, point=None, address_string="Mercado de La Calera"), now=NOW)
    assert (made.lon, made.lat, made.precision_m) == (-99.13, 19.36, 50)
    assert made.agency_code == "ALC-S"
    assert ("placed", "internal") in names(session, made)


def test_a_place_nobody_knows_goes_to_the_desk_that_asks(session: Session) -> None:
    made = actions.submit(session, replace(SUBMISSION, point=None, address_string="donde siempre xyzzy"), now=NOW)
    assert (made.lon, made.agency_code, made.life) == (None, "ATENCION", "new")
    assert made.address_string == "donde siempre xyzzy"


def test_the_folio_carries_the_city_s_own_year(session: Session) -> None:
    new_year = datetime(2027, 1, 1, 5, 30, tzinfo=UTC)  # still 2026 in Mexico
    made = actions.submit(session, SUBMISSION, now=new_year)
    later = actions.submit(session, SUBMISSION, now=new_year + timedelta(hours=1))
    assert (made.folio[:2], later.folio[:2]) == ("26", "27")


def test_a_folio_that_is_taken_is_passed_over(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def next_numbers(*numbers: int) -> None:
        monkeypatch.setattr(submitting, "_numbers", deque(numbers))

    next_numbers(7_000_001)
    first = actions.submit(session, SUBMISSION, now=NOW)
    next_numbers(7_000_001, 7_000_002)
    again = actions.submit(session, SUBMISSION, now=NOW)
    next_numbers(7_000_001, 7_000_002, 7_000_003)
    keyed = actions.submit(session, replace(SUBMISSION, idempotency_key="k"), now=NOW)
    assert len({first.folio, again.folio, keyed.folio}) == 3


def test_nobody_is_told_of_a_time_to_come(session: Session) -> None:
    made = actions.submit(session, replace(SUBMISSION, requested_at=NOW + timedelta(days=1)), now=NOW)
    earlier = actions.submit(session, replace(SUBMISSION, requested_at=NOW - timedelta(days=1)), now=NOW)
    assert (made.requested_at, earlier.requested_at) == (NOW, NOW - timedelta(days=1))


def test_what_cannot_be_submitted(session: Session) -> None:
    with pytest.raises(NotFound):
        actions.submit(session, replace(SUBMISSION, service_code="NADA"), now=NOW)
    with pytest.raises(NotFound):
        actions.submit(session, replace(SUBMISSION, jurisdiction_id="nadie"), now=NOW)
    with pytest.raises(InvalidForm) as caught:
        actions.submit(session, replace(SUBMISSION, service_code="LUMINARIA", description="a" * 4001), now=NOW)
    assert [error.field for error in caught.value.errors] == ["attribute[TIPO_FALLA]", "description"]
    assert session.exec(select(ServiceRequest)).all() == []
    assert session.exec(select(OutboxEvent)).all() == []


def test_the_same_key_is_the_first_request(session: Session) -> None:
    keyed = replace(SUBMISSION, idempotency_key="SM123")
    first = actions.submit(session, keyed, now=NOW)
    again = actions.submit(session, replace(keyed, description="otra cosa"), now=NOW + timedelta(days=1))
    other = actions.submit(session, replace(keyed, idempotency_key="SM124"), now=NOW)
    assert first.id == again.id != other.id
    assert len(session.exec(select(Report)).all()) == 2
    assert len(session.exec(select(OutboxEvent)).all()) == 2


def test_the_same_key_in_another_city_is_another_request(session: Session) -> None:
    make_city(session, "vecina.gob.example", sms_number=None)
    keyed = replace(SUBMISSION, idempotency_key="SM123")
    here = actions.submit(session, keyed, now=NOW)
    there = actions.submit(session, replace(keyed, jurisdiction_id="vecina.gob.example"), now=NOW)
    assert here.id != there.id


class TestCatalog:
    def test_definitions_follow_the_catalogue(self, session: Session) -> None:
        before = catalog.services(session, CITY)
        assert catalog.services(session, CITY)[0] is before[0], "kept while nothing changed"
        session.execute(text("UPDATE service SET is_active = false WHERE code = 'BACHE'"))
        catalog.jurisdiction(session, CITY).catalog_changed_at = NOW
        session.flush()
        codes = [definition.code for definition in catalog.services(session, CITY)]
        assert codes == [definition.code for definition in before if definition.code != "BACHE"]
        with pytest.raises(NotFound):
            catalog.service(session, CITY, "BACHE")

    def test_the_default_city(self, session: Session) -> None:
        make_city(session, "a.gob.example", sms_number=None).is_default = False
        session.flush()
        assert catalog.default_jurisdiction(session).id == CITY
        with pytest.raises(NotFound):
            catalog.jurisdiction(session, "nadie")


@pytest.fixture
def committed(engine: Engine, session: Session) -> Iterator[None]:
    """The tiny city for real, for tests with several connections; taken away again afterwards."""
    session.rollback()
    with Session(engine) as own, own.begin():
        make_city(own, "paralela.gob.example", sms_number=None)
    kept = db.bind()
    db.configure(engine)
    yield
    db.configure(kept)
    with engine.begin() as connection:
        tables = (
            "outbox_event, service_request_event, routing_decision, report, service_request, api_key, service_attribute,"
            " service, working_calendar, agency, rule_set, boundary_area, boundary_layer, gazetteer_place,"
            " jurisdiction"
        )
        connection.execute(text(f"TRUNCATE {tables} CASCADE"))


def test_twenty_at_once_with_one_key_are_one_request(committed: None) -> None:
    def send(_: int) -> str:
        with db.transaction() as own:
            keyed = replace(SUBMISSION, jurisdiction_id="paralela.gob.example", idempotency_key="SM1")
            return actions.submit(own, keyed, now=NOW).folio

    with ThreadPoolExecutor(20) as pool:
        folios = set(pool.map(send, range(20)))
    assert len(folios) == 1
    with db.transaction() as own:
        for table in ("service_request", "report", "routing_decision", "outbox_event"):
            assert own.connection().execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 1, table


def test_twenty_at_once_without_a_key_are_twenty(committed: None) -> None:
    def send(_: int) -> str:
        with db.transaction() as own:
            return actions.submit(own, replace(SUBMISSION, jurisdiction_id="paralela.gob.example"), now=NOW).folio

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(send, range(20)))) == 20


def test_a_failure_leaves_nothing_behind(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from kernel import outbox

    def broken(*_: object, **__: object) -> None:
        raise InvalidInput("no")

    monkeypatch.setattr(outbox, "prepare", broken)
    with pytest.raises(InvalidInput), db.transaction() as own:
        actions.submit(own, replace(SUBMISSION, jurisdiction_id="paralela.gob.example"), now=NOW)
    with db.transaction() as own:
        assert own.exec(select(ServiceRequest)).all() == []


# Some twenty metres north of where Norte ends.
NEAR_THE_BORDER = LonLat(-99.15, 19.4002)


def test_what_a_person_replied_about_a_border_decides_and_is_kept(session: Session) -> None:
    asked = actions.submit(session, replace(SUBMISSION, point=NEAR_THE_BORDER), now=NOW)
    receipt = queries.decision_of(session, asked.id).receipt  # type: ignore[union-attr]  # made with the request
    assert asked.agency_code == "ALC-N"
    assert receipt["border_case"]["layer"] == "district"
    other = next(reply for reply in receipt["border_case"]["replies"] if not reply["is_current"])
    replied = actions.submit(session, replace(SUBMISSION, point=NEAR_THE_BORDER, settled=other["settled"]), now=NOW)
    kept = queries.decision_of(session, replied.id).receipt  # type: ignore[union-attr]  # made with the request
    assert replied.agency_code == other["agency"]["code"] == "ALC-S"
    assert (kept["settled"], kept["border_case"]) == ({"district": "S"}, None)


def test_a_reply_about_a_border_that_is_gone_loses_nothing(session: Session) -> None:
    made = actions.submit(session, replace(SUBMISSION, settled={"district": "gone", "nothing": "X"}), now=NOW)
    assert made.agency_code == "ALC-N"


def test_rules_hear_the_answers(session: Session) -> None:
    make_rule(
        session,
        "PARPADEO",
        "AGUAS",
        priority=1,
        service_code="LUMINARIA",
        answers={"TIPO_FALLA": frozenset({"parpadea"})},
    )
    lamp = replace(SUBMISSION, service_code="LUMINARIA", attributes={"TIPO_FALLA": ["apagada"]})
    assert actions.submit(session, lamp, now=NOW).agency_code == "ALC-N"
    answered = replace(lamp, attributes={"TIPO_FALLA": ["parpadea"]})
    assert actions.submit(session, answered, now=NOW).agency_code == "AGUAS"


def test_a_full_agency_passes_on_what_it_cannot_take(session: Session) -> None:
    full = Capacity(open_limit=2, fallback_agency_code="ATENCION")
    make_rule(session, "TOPE", "AGUAS", priority=1, service_code="BACHE", capacity=full)
    made = [actions.submit(session, SUBMISSION, now=NOW) for _ in range(3)]
    assert [one.agency_code for one in made] == ["AGUAS", "AGUAS", "ATENCION"]
    assert queries.decision_of(session, made[2].id).receipt["loads"] == {"AGUAS": 2}  # type: ignore[union-attr]
    closing = {"life": "closed", "outcome_code": "resolved", "actor": Actor("agent"), "now": NOW}
    actions.change_status(session, made[0].id, **closing)
    assert actions.submit(session, SUBMISSION, now=NOW).agency_code == "AGUAS"


def test_outside_the_neighbour_that_the_city_names_is_told_with_its_phone(session: Session) -> None:
    city = session.get(Jurisdiction, CITY)
    assert city is not None
    ground = [("V", "Vecina", box(-99.60, 19.30, -99.40, 19.50)), ("L", "Lejana", box(-99.90, 19.30, -99.70, 19.50))]
    make_layer(session, "neighbour", ground)
    city.settings = {**city.settings, "neighbours": [{"name": "El Estado", "phone": "555 0000"}]}
    session.flush()
    made = actions.submit(session, replace(SUBMISSION, point=LonLat(*OUTSIDE)), now=NOW)
    assert made.status_notes == "Ese lugar está fuera de Ciudad Prueba. Pregunta en El Estado: llama al 555 0000."
    placed = [
        {"name": "Municipio Lejano", "phone": "555 0300", "layer": "neighbour", "area": "L"},
        {"name": "Municipio Vecino", "phone": "555 0200", "layer": "neighbour", "area": "V"},
    ]
    city.settings = {**city.settings, "neighbours": placed}
    session.flush()
    made = actions.submit(session, replace(SUBMISSION, point=LonLat(*OUTSIDE), language="en"), now=NOW)
    receipt = queries.decision_of(session, made.id).receipt  # type: ignore[union-attr]  # made with the request
    assert receipt["elsewhere"] == {
        "jurisdiction_id": None,
        "name": "Municipio Vecino",
        "metres": 0.0,
        "phone": "555 0200",
    }
    assert "Municipio Vecino: " in (made.status_notes or "")
