"""What resident pages say in each state of a report, and where they lead when something went wrong."""

import re
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from sqlalchemy import update
from sqlmodel import Session, col
from starlette.testclient import TestClient

from channels.app import start
from channels.app.routes import install
from georef.points import LonLat
from intake.catalog.models import Jurisdiction, Service
from intake.service_requests import actions
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor, Submission
from kernel import clock
from kernel.settings import Media
from tests.channels.test_resident_pages import begin, fill
from tests.factories import CITY, IN_NORTE, OUTSIDE, make_city

pytestmark = pytest.mark.database


@pytest.fixture
def client(session: Session) -> Iterator[TestClient]:
    city = make_city(session)
    city.settings = {**city.settings, "phone": "311", "neighbours": [{"name": "El Estado", "phone": "55 0000 0070"}]}
    session.flush()
    app = FastAPI()
    app.state.settings = SimpleNamespace(media=Media())
    install(app)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def made(session: Session, point: tuple[float, float] = IN_NORTE) -> ServiceRequest:
    return actions.submit(
        session,
        Submission(
            jurisdiction_id=CITY, service_code="BACHE", channel="web", description="Hay un bache", point=LonLat(*point)
        ),
        now=clock.now() - timedelta(days=1),
    )


def change(session: Session, report: ServiceRequest, life: str, note: str, outcome: str | None = None) -> None:
    actions.change_status(
        session,
        report.id,
        life=life,
        outcome_code=outcome,
        note=note,
        actor=Actor("agent", "Amir Torres"),
        now=clock.now(),
    )


def main_of(page: str) -> str:
    found = re.search(r"<main.*</main>", page, re.S)
    assert found
    return found[0]


@pytest.mark.parametrize("step", ["que", "lugar", "cual", "detalles", "contacto", "parecidos", "lado", "revisa"])
def test_once_sent_every_step_shows_the_folio(client: TestClient, step: str) -> None:
    draft = begin(client)
    fill(client, draft)
    client.post(f"{draft}/revisa")
    assert client.get(f"{draft}/{step}").url.path == f"{draft}/listo"


def test_once_sent_a_form_that_is_wrong_shows_the_folio_too(client: TestClient) -> None:
    draft = begin(client)
    fill(client, draft)
    client.post(f"{draft}/revisa")
    assert client.post(f"{draft}/lugar", data={"district": "", "street": ""}).url.path == f"{draft}/listo"


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("lugar", {"district": "Norte", "street": "", "reference": "frente al kiosco"}),
        ("detalles", {"words": "El hoyo ya es más grande"}),
        ("contacto", {"notify": "none"}),
    ],
)
def test_who_changes_one_answer_is_not_asked_the_others_again(
    client: TestClient, step: str, answer: dict[str, str]
) -> None:
    draft = begin(client)
    fill(client, draft)
    client.get(f"{draft}/revisa")
    assert client.post(f"{draft}/{step}", data=answer).url.path == f"{draft}/revisa"


def test_who_reports_something_sensitive_is_not_sent_to_a_page_that_does_not_exist(
    client: TestClient, session: Session
) -> None:
    session.execute(update(Service).where(col(Service.code) == "BACHE").values(is_sensitive=True))
    session.execute(update(Jurisdiction).values(catalog_changed_at=clock.now()))
    draft = begin(client)
    assert "Puedes preguntar por teléfono" not in client.get(f"{draft}/lugar").text
    fill(client, draft)
    assert "Puedes preguntar por teléfono" in client.get(f"{draft}/contacto").text
    done = main_of(client.post(f"{draft}/revisa").text)
    assert "Listo, recibimos tu reporte" in done
    assert "llama al 311 y di tu folio" in done
    assert "/folio/" not in done


def test_a_folio_that_is_not_shown_says_how_else_to_ask(client: TestClient) -> None:
    assert "temas delicados" in client.get("/folio", params={"f": "12"}).text
    assert "temas delicados" not in client.get("/folio").text


def test_the_newest_line_of_the_story_is_marked(client: TestClient, session: Session) -> None:
    assert client.get(f"/folio/{made(session).folio}").text.count('<li class="now">') == 1


def test_who_is_asked_something_reads_how_to_answer(client: TestClient, session: Session) -> None:
    report = made(session)
    change(session, report, "waiting_resident", "¿Entre qué calles?")
    page = main_of(client.get(f"/folio/{report.folio}").text)
    assert "Espera tu respuesta" in page
    assert "Espera a la persona" not in page
    assert 'href="tel:311"' in page


def test_a_state_is_not_said_twice(client: TestClient, session: Session) -> None:
    report = made(session)
    change(session, report, "closed", "Es propiedad privada: le toca al dueño.", "private_property")
    page = main_of(client.get(f"/folio/{report.folio}").text)
    assert "</time>Es propiedad privada: le toca al dueño.<" in page


def test_what_was_closed_can_be_reported_again(client: TestClient, session: Session) -> None:
    report = made(session)
    assert "¿Sigue igual?" not in client.get(f"/folio/{report.folio}").text
    change(session, report, "closed", "Se tapó.", "resolved")
    page = main_of(client.get(f"/folio/{report.folio}").text)
    assert "¿Sigue igual?" in page
    again = client.post("/reportar", data={"service_code": "BACHE"})
    assert again.url.path.endswith("/lugar")


def test_why_is_told_without_the_router_s_own_numbers(client: TestClient, session: Session) -> None:
    page = main_of(client.get(f"/folio/{made(session).folio}").text)
    assert "Por qué lo atiende Alcaldía Norte" in page
    assert "Está en Norte." in page
    assert "±" not in page
    assert "límites del" not in page


def test_a_place_outside_has_a_number_to_tap(client: TestClient, session: Session) -> None:
    page = main_of(client.get(f"/folio/{made(session, OUTSIDE).folio}").text)
    assert 'href="tel:5500000070"' in page
    assert page.count("fuera de") == 2  # once as it stands, once in its story


def test_photos_that_are_too_much_together_leave_a_way_back(client: TestClient) -> None:
    draft = begin(client)
    fill(client, draft)
    limit = Media().max_total_bytes
    answer = client.post(f"{draft}/fotos", files={"media": ("a.jpg", b"\xff" * (limit + 1), "image/jpeg")})
    assert answer.status_code == 413
    assert f'href="{draft}/fotos">Volver a mi reporte' in answer.text


def test_a_draft_that_is_gone_says_so(client: TestClient) -> None:
    answer = client.get("/r/no-such-token/lugar")
    assert answer.status_code == 404
    assert "<h1>Este reporte ya no está</h1>" in answer.text
    assert 'href="/reportar">Empezar de nuevo' in answer.text
    assert "Volver a mi reporte" not in answer.text


@pytest.mark.parametrize(
    ("path", "told"), [("/", "Algo falló de nuestro lado"), ("/en", "Something failed on our side")]
)
def test_a_fault_of_ours_is_a_page_too(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, path: str, told: str
) -> None:
    def broken(*_: object) -> list[object]:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(start, "_first_of_each", broken)
    answer = client.get(path)
    assert answer.status_code == 500
    assert told in answer.text
    assert "nobody foresaw" not in answer.text


def test_words_of_danger_put_the_number_to_call_first(client: TestClient) -> None:
    page = main_of(client.get("/reportar", params={"q": "hay un herido"}).text)
    assert '<a class="b" href="tel:911">Llamar al 911</a>' in page


@pytest.mark.parametrize(
    ("path", "other"),
    [
        ("/", "/en/"),
        ("/en", "/"),
        ("/reportar?q=hay+un+bache", "/en/reportar?q=hay+un+bache"),
        ("/en/folio?f=12", "/folio?f=12"),
    ],
)
def test_another_language_keeps_what_was_asked(client: TestClient, path: str, other: str) -> None:
    assert f'<a href="{other}" lang=' in client.get(path).text


def test_a_place_that_was_found_is_said_once(client: TestClient) -> None:
    draft = begin(client)
    client.post(f"{draft}/lugar", data={"district": "?", "street": "Mercado de La Calera"})
    client.post(f"{draft}/cual", data={"which": "0"})
    client.post(f"{draft}/detalles", data={"words": "Hay un hoyo enorme"})
    client.post(f"{draft}/contacto", data={"notify": "none"})
    page = client.get(f"{draft}/revisa").text
    assert page.count("Mercado de La Calera") == 1
    assert "En el mapa" not in page


@pytest.mark.parametrize("path", ["/", "/reportar", "/ayuda", "/no/existe"])
def test_a_page_fits_the_first_flight_of_a_slow_line(client: TestClient, path: str) -> None:
    with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as answer:
        sent = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
        assert "accept-encoding" in answer.headers["vary"].lower()
    assert len(sent) < 8000
    plain = client.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
