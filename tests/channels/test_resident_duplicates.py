"""The step that asks whether it is reported already: over HTTP, as a browser without scripts does it."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import update
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from channels.app.routes import install
from georef.points import LonLat
from intake.catalog.models import Jurisdiction, Service
from intake.conversations import jobs
from intake.conversations.models import Message
from intake.service_requests import actions, queries
from intake.service_requests.duplicates import merging
from intake.service_requests.duplicates.models import DuplicateDecision
from intake.service_requests.models import Report, ServiceRequest
from intake.service_requests.values import Actor, Submission
from kernel import clock
from tests.channels.test_resident_pages import begin, fill
from tests.factories import CITY, make_city

pytestmark = pytest.mark.database

# Where the gazetteer of the tiny city puts "Avenida Sabinos 214".
SABINOS = LonLat(-99.15, 19.421)


@pytest.fixture
def client(session: Session) -> Iterator[TestClient]:
    make_city(session)
    # The tiny city knows its avenue to 400 m only.
    session.execute(update(Service).values(duplicates={"radius_m": 300}))
    app = FastAPI()
    install(app)
    with TestClient(app) as client:
        yield client


def there(session: Session, words: str = "Hay un hoyo enorme en la calle", **values: object) -> ServiceRequest:
    given: dict[str, object] = {
        "jurisdiction_id": CITY,
        "service_code": "BACHE",
        "channel": "web",
        "description": words,
        "point": SABINOS,
        "address_string": "Avenida Sabinos 214, El Carmen",
    }
    return actions.submit(session, Submission(**(given | values)), now=clock.now() - timedelta(minutes=30))  # type: ignore[arg-type]  # fields of Submission


def arrive(client: TestClient, **contact: str) -> str:
    draft = begin(client)
    fill(client, draft, **contact)
    return draft


def reports(session: Session) -> list[ServiceRequest]:
    return list(session.exec(select(ServiceRequest).order_by(col(ServiceRequest.id))))


def test_who_reports_what_nobody_has_reported_is_not_asked(client: TestClient) -> None:
    draft = arrive(client)
    answer = client.get(f"{draft}/parecidos", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{draft}/revisa")


def test_a_card_shows_what_is_public_and_nothing_else(client: TestClient, session: Session) -> None:
    made = there(session, words="Hay un hoyo enorme en la calle, soy Ana Pérez, 55 1234 5678")
    page = client.get(f"{arrive(client)}/parecidos").text
    assert made.folio in page
    assert "hoyo enorme" in page
    assert "hace 30 min" in page
    assert "1 persona" in page
    assert "Se parece: mismo tipo de reporte" in page
    assert "1234 5678" not in page
    assert "Pérez" not in page


def test_before_it_is_checked_it_is_asked(client: TestClient, session: Session) -> None:
    there(session)
    draft = arrive(client)
    answer = client.get(f"{draft}/revisa", follow_redirects=False)
    assert answer.headers["location"] == f"{draft}/parecidos"


def test_the_same_adds_a_report_and_shows_that_folio(client: TestClient, session: Session) -> None:
    made = there(session)
    draft = arrive(client, notify="sms", phone="5512345678")
    for _ in range(2):  # a double tap
        answer = client.post(f"{draft}/parecidos", data={"same": f"{made.folio}-open"}, follow_redirects=False)
        assert answer.headers["location"] in (f"{draft}/listo", f"{draft}/parecidos")
    page = client.get(f"{draft}/listo").text
    assert made.folio[2:6] in page
    assert "Ya lo reportan 2 personas" in page
    assert [row.id for row in reports(session)] == [made.id]
    session.refresh(made)
    assert made.report_count == 2
    said = queries.reports_of(session, made.id)[-1]
    assert said.words == "Hay un hoyo enorme en la calle"
    assert said.wants_notices
    decided = session.exec(select(DuplicateDecision)).one()
    assert (decided.decision, decided.decided_by, decided.report_id) == ("same", "resident", said.id)
    assert decided.score >= 0.5
    assert decided.parts["facts"]["same_service"]
    # Going back changes nothing any more.
    for step in ("parecidos", "revisa", "contacto"):
        client.post(f"{draft}/{step}", data={"other": "none", "notify": "none"})
    assert len(reports(session)) == 1


def test_whoever_joined_hears_it_and_hears_the_end(client: TestClient, session: Session) -> None:
    made = there(session)
    draft = arrive(client, notify="sms", phone="5512345678")
    client.post(f"{draft}/parecidos", data={"same": f"{made.folio}-open"})
    added = session.exec(select(Report).order_by(col(Report.id).desc())).first()
    assert added is not None
    jobs.tell_joined(str(made.id), str(added.id))
    jobs.tell_joined(str(made.id), str(added.id))  # a job may run twice
    actions.change_status(
        session, made.id, life="closed", outcome_code="resolved", note="", actor=Actor("agency"), now=clock.now()
    )
    closing = queries.events_of(session, made.id)[-1]
    jobs.tell_resident(str(made.id), closing.id)
    told = [row.body for row in session.exec(select(Message).order_by(col(Message.seq)))]
    assert len(told) == 2
    assert told[0].startswith("Listo, sumamos tu reporte al folio")
    assert "ya quedó" in told[1]


def test_another_makes_a_request_of_its_own_and_the_choice_is_kept(client: TestClient, session: Session) -> None:
    made = there(session)
    draft = arrive(client)
    answer = client.post(f"{draft}/parecidos", data={"other": made.folio})
    assert answer.url.path == f"{draft}/revisa"
    client.post(f"{draft}/revisa")
    mine = reports(session)[-1]
    assert len(reports(session)) == 2
    decided = session.exec(select(DuplicateDecision)).one()
    assert (decided.decision, decided.service_request_id, decided.candidate_id) == ("other", mine.id, made.id)


def test_of_several_each_can_be_ruled_out_and_all_at_once(client: TestClient, session: Session) -> None:
    first, _, _ = there(session), there(session), there(session)
    draft = arrive(client)
    page = client.post(f"{draft}/parecidos", data={"other": first.folio})
    assert page.url.path == f"{draft}/parecidos"
    assert page.text.count('name="same"') == 2
    assert first.folio not in page.text
    assert client.post(f"{draft}/parecidos", data={"other": "none"}).url.path == f"{draft}/revisa"
    client.post(f"{draft}/revisa")
    assert len(session.exec(select(DuplicateDecision)).all()) == 3


def test_at_most_three_are_shown(client: TestClient, session: Session) -> None:
    for _ in range(5):
        there(session)
    assert client.get(f"{arrive(client)}/parecidos").text.count('name="same"') == 3


def test_closed_while_it_was_looked_at_is_said_and_can_be_opened_again(client: TestClient, session: Session) -> None:
    made = there(session)
    draft = arrive(client)
    actions.change_status(
        session, made.id, life="closed", outcome_code="resolved", note="", actor=Actor("agency"), now=clock.now()
    )
    answer = client.post(f"{draft}/parecidos", data={"same": f"{made.folio}-open"})
    assert answer.status_code == 409
    assert "se cerró mientras lo veías" in answer.text
    assert f"{made.folio}-closed" in answer.text
    page = client.post(f"{draft}/parecidos", data={"same": f"{made.folio}-closed"})
    assert "lo reabrimos" in page.text
    session.refresh(made)
    assert made.life == "reopened"


def test_hidden_while_it_was_looked_at_is_said_and_nothing_is_lost(client: TestClient, session: Session) -> None:
    made = there(session)
    draft = arrive(client)
    made.is_public = False
    session.flush()
    answer = client.post(f"{draft}/parecidos", data={"same": f"{made.folio}-open"})
    assert answer.url.path == f"{draft}/revisa"
    assert "Hay un hoyo enorme" in answer.text
    session.refresh(made)
    assert made.report_count == 1


def test_a_folio_that_was_never_offered_cannot_be_joined(client: TestClient, session: Session) -> None:
    far = there(session, point=LonLat(-99.12, 19.35))
    there(session)
    answer = client.post(f"{arrive(client)}/parecidos", data={"same": f"{far.folio}-open"})
    assert "ya no se puede ver" in answer.text
    session.refresh(far)
    assert far.report_count == 1


def test_neither_button_is_a_question_again(client: TestClient, session: Session) -> None:
    there(session)
    answer = client.post(f"{arrive(client)}/parecidos", data={})
    assert answer.status_code == 409
    assert "Elige si es el mismo" in answer.text


def test_another_place_is_asked_about_anew(client: TestClient, session: Session) -> None:
    made = there(session)
    draft = arrive(client)
    client.post(f"{draft}/parecidos", data={"other": made.folio})
    place = {"district": "Sur", "colonia": "", "street": "Mercado de La Calera", "reference": "puerta 2"}
    moved = client.post(f"{draft}/lugar", data=place)
    assert f"{draft}/parecidos" in [step.headers["location"] for step in moved.history]


@pytest.mark.parametrize("values", [{"is_sensitive": True}, {"kind": "blackbox"}])
def test_what_is_not_public_is_never_shown(client: TestClient, session: Session, values: dict[str, object]) -> None:
    there(session)
    session.execute(update(Service).where(col(Service.code) == "BACHE").values(**values))
    session.execute(update(Jurisdiction).values(catalog_changed_at=clock.now()))
    assert client.get(f"{arrive(client)}/parecidos").url.path.endswith("/revisa")


def test_in_english(client: TestClient, session: Session) -> None:
    there(session)
    draft = arrive(client)
    page = client.get(f"/en{draft}/parecidos").text
    assert "It is the same" in page
    assert "same kind of report" in page
    assert not re.search(r"\bEs el mismo\b", page)


def test_the_page_of_a_duplicate_points_to_its_parent(client: TestClient, session: Session) -> None:
    first, second = there(session), there(session)
    merging.merge(session, second.id, first.id, actor=Actor("agent", "Amir"), now=clock.now())
    page = client.get(f"/folio/{second.folio}").text
    assert f"/folio/{first.folio}" in page
    assert "Amir" not in page
    first.is_public = False
    session.flush()
    assert f"/folio/{first.folio}" not in client.get(f"/folio/{second.folio}").text
