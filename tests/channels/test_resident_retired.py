"""A service that the city retires while somebody is writing: what they wrote stays, and they choose another one."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from sqlmodel import Session, select
from starlette.testclient import TestClient

from channels.app.routes import install
from intake.catalog.models import Jurisdiction, Service
from intake.service_requests.models import ServiceRequest
from tests.channels.test_resident_pages import begin, fill
from tests.factories import CITY, NOW, make_city

pytestmark = pytest.mark.database
NOTICE = "Ya no tomamos reportes de"


@pytest.fixture
def client(session: Session) -> Iterator[TestClient]:
    make_city(session)
    app = FastAPI()
    install(app)
    with TestClient(app) as client:
        yield client


def retire(session: Session, code: str) -> None:
    session.exec(select(Service).where(Service.code == code)).one().is_active = False
    session.get_one(Jurisdiction, CITY).catalog_changed_at = NOW
    session.flush()


@pytest.mark.parametrize("step", ["lugar", "detalles", "fotos", "contacto", "revisa", "listo"])
def test_every_step_leads_to_the_choice_of_another(client: TestClient, session: Session, step: str) -> None:
    draft = begin(client)
    fill(client, draft)
    retire(session, "BACHE")
    asked = client.get(f"/en{draft}/{step}")
    assert (asked.status_code, asked.url.path) == (200, f"/en{draft}/que")
    page = client.get(f"{draft}/{step}").text
    assert f"{NOTICE} «Bache en la calle»" in page
    assert page.count(f'action="{draft}/que" method="post"') > 0
    assert 'value="BACHE"' not in page
    assert "Volver" not in page  # there is nothing to go back to


def test_what_a_step_was_told_meanwhile_is_kept_and_the_report_goes_on(client: TestClient, session: Session) -> None:
    draft = begin(client)
    fill(client, draft, notify="sms", phone="55 1234 5678")
    retire(session, "BACHE")
    words = "Un hoyo nuevo del que sale agua"
    told = client.post(f"{draft}/detalles", data={"words": words}, follow_redirects=False)
    assert (told.status_code, told.headers["location"]) == (303, f"{draft}/que")
    assert f"«{words}»" in client.get(f"{draft}/que").text
    assert client.post(f"{draft}/revisa", follow_redirects=False).headers["location"] == f"{draft}/que"
    assert session.exec(select(ServiceRequest)).all() == []
    chosen = client.post(f"{draft}/que", data={"service_code": "FUGA"}, follow_redirects=False)
    assert chosen.headers["location"] == f"{draft}/detalles"
    assert f">{words}</textarea>" in client.get(f"{draft}/detalles").text
    client.post(f"{draft}/detalles", data={"words": words})
    assert client.post(f"{draft}/revisa").status_code == 200
    sent = session.exec(select(ServiceRequest)).one()
    assert (sent.service_code, sent.description) == ("FUGA", words)
    assert "Sabinos 214" in (sent.address_string or "")


def test_a_form_with_a_mistake_comes_back_with_what_was_typed(client: TestClient, session: Session) -> None:
    draft = begin(client)
    fill(client, draft)
    retire(session, "BACHE")
    page = client.post(f"{draft}/detalles", data={"words": "hoyo"})
    assert page.status_code == 400
    assert ">hoyo</textarea>" in page.text


def test_answers_to_questions_that_nobody_asks_any_more_go_into_the_words(client: TestClient, session: Session) -> None:
    draft = begin(client, "LUMINARIA")
    fill(client, draft)
    answers = {"words": "Todo a oscuras", "a_TIPO_FALLA": "apagada", "a_NUM_POSTE": "0044"}
    assert client.post(f"{draft}/detalles", data=answers, follow_redirects=False).status_code == 303
    retire(session, "LUMINARIA")
    client.post(f"{draft}/que", data={"service_code": "BACHE"})
    page = client.get(f"{draft}/detalles").text
    assert ">Todo a oscuras\n¿TIPO_FALLA?: No enciende\n¿NUM_POSTE?: 0044</textarea>" in page


def test_a_choice_from_a_page_that_is_older_than_the_catalogue(client: TestClient, session: Session) -> None:
    draft = begin(client)
    fill(client, draft)
    retire(session, "FUGA")
    started = client.post(
        "/reportar", data={"service_code": "FUGA", "q": "sale agua de un hoyo"}, follow_redirects=False
    )
    changed = client.post(f"{draft}/que", data={"service_code": "FUGA"}, follow_redirects=False)
    for page in (started, changed):
        assert page.status_code == 200
        assert NOTICE in page.text
    assert "«sale agua de un hoyo»" in started.text
    assert client.get(f"{draft}/revisa", follow_redirects=False).status_code == 200


def test_what_was_sent_before_is_still_shown(client: TestClient, session: Session) -> None:
    draft = begin(client)
    fill(client, draft)
    client.post(f"{draft}/revisa")
    retire(session, "BACHE")
    page = client.get(f"{draft}/listo")
    assert (page.status_code, page.url.path) == (200, f"{draft}/listo")
    assert "Tu folio" in page.text
