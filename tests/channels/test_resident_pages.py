"""The resident's way through a report, over HTTP, as a browser without scripts does it."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlmodel import Session, select
from starlette.testclient import TestClient

from channels.app.jobs import forget_drafts
from channels.app.report import MOST
from channels.app.routes import install
from georef.points import LonLat
from intake.catalog.models import Jurisdiction, Service
from intake.people.actions import address_of
from intake.people.models import ContactPoint
from intake.service_requests import actions
from intake.service_requests.models import Report, ServiceRequest
from intake.service_requests.values import Submission
from kernel import clock
from kernel.outbox import OutboxEvent
from tests.factories import CITY, OUTSIDE, make_city

pytestmark = pytest.mark.database


@pytest.fixture
def client(session: Session) -> Iterator[TestClient]:
    make_city(session)
    app = FastAPI()
    install(app)
    with TestClient(app) as client:
        yield client


def begin(client: TestClient, service_code: str = "BACHE", words: str = "") -> str:
    """Starts a report; returns the path of its draft."""
    answer = client.post("/reportar", data={"service_code": service_code, "q": words}, follow_redirects=False)
    assert answer.status_code == 303
    return answer.headers["location"].removesuffix("/lugar")


def fill(client: TestClient, draft: str, **contact: str) -> None:
    place = {
        "district": "Norte",
        "colonia": "El Carmen",
        "street": "Avenida Sabinos 214",
        "reference": "frente a la escuela",
    }
    client.post(f"{draft}/lugar", data=place)
    if client.get(f"{draft}/cual", follow_redirects=False).status_code == 200:
        client.post(f"{draft}/cual", data={"which": "0"})
    client.post(f"{draft}/detalles", data={"words": "Hay un hoyo enorme en la calle"})
    client.post(f"{draft}/contacto", data={"notify": "none"} | contact)


def test_a_whole_report_gets_a_folio_an_agency_and_a_date(client: TestClient, session: Session) -> None:
    draft = begin(client)
    fill(client, draft, notify="sms", phone="55 1234 5678", name="Rosa")
    checked = client.get(f"{draft}/revisa").text
    assert "Alcaldía Norte" in checked
    assert "55\u00a0••••\u00a05678" in checked
    assert "1234 5678" not in checked

    done = client.post(f"{draft}/revisa")

    service_request = session.exec(select(ServiceRequest)).one()
    report = session.exec(select(Report)).one()
    contact = session.get_one(ContactPoint, report.contact_point_id)
    assert service_request.agency_code == "ALC-N"
    assert service_request.channel == "web"
    assert report.wants_notices
    assert address_of(contact) == "+525512345678"
    for part in (service_request.folio[:2], service_request.folio[2:6], service_request.folio[6:]):
        assert f"<span>{part}</span>" in done.text
    assert [event.name for event in session.exec(select(OutboxEvent))] == ["service_request.submitted"]


def test_another_kind_of_report_keeps_what_was_written(client: TestClient, session: Session) -> None:
    draft = begin(client)
    fill(client, draft, notify="sms", phone="55 1234 5678", name="Rosa")
    assert f'href="{draft}/que"' in client.get(f"{draft}/revisa").text
    page = client.get(f"{draft}/que", params={"q": "fuga"}).text
    assert page.count(f'action="{draft}/que" method="post"') > 1
    assert 'action="/reportar"' not in page
    changed = client.post(f"{draft}/que", data={"service_code": "FUGA", "q": "fuga"}, follow_redirects=False)
    assert changed.headers["location"] == f"{draft}/detalles"
    assert ">Hay un hoyo enorme en la calle</textarea>" in client.get(f"{draft}/detalles").text
    client.post(f"{draft}/detalles", data={"words": "Hay un hoyo enorme y sale agua"})
    client.post(f"{draft}/revisa")
    service_request = session.exec(select(ServiceRequest)).one()
    assert (service_request.service_code, service_request.description) == ("FUGA", "Hay un hoyo enorme y sale agua")
    assert "Sabinos 214" in (service_request.address_string or "")
    assert session.exec(select(Report)).one().wants_notices


def test_the_same_kind_again_changes_nothing(client: TestClient) -> None:
    draft = begin(client)
    fill(client, draft)
    same = client.post(f"{draft}/que", data={"service_code": "BACHE"}, follow_redirects=False)
    assert same.headers["location"] == f"{draft}/revisa"
    assert client.get(f"{draft}/revisa", follow_redirects=False).status_code == 200
    assert client.post(f"{draft}/que", data={"service_code": "NADA"}, follow_redirects=False).status_code == 404


def test_a_double_tap_sends_one_report(client: TestClient, session: Session) -> None:
    draft = begin(client)
    fill(client, draft)
    first, second = (client.post(f"{draft}/revisa", follow_redirects=False) for _ in range(2))
    assert first.headers["location"] == second.headers["location"] == f"{draft}/listo"
    assert len(session.exec(select(ServiceRequest)).all()) == 1


def test_going_back_after_sending_changes_nothing(client: TestClient, session: Session) -> None:
    draft = begin(client)
    fill(client, draft)
    client.post(f"{draft}/revisa")
    answer = client.post(f"{draft}/detalles", data={"words": "otra cosa distinta"}, follow_redirects=False)
    assert answer.headers["location"] == f"{draft}/listo"
    assert session.exec(select(ServiceRequest)).one().description == "Hay un hoyo enorme en la calle"


def test_what_is_missing_is_said_twice_in_the_same_words_and_linked(client: TestClient) -> None:
    page = client.post(f"{begin(client)}/lugar", data={"district": "", "street": "", "colonia": "El Carmen"})
    assert page.status_code == 400
    assert "<title>Error: " in page.text
    links = re.findall(r'<li><a href="#([\w-]+)">([^<]+)</a>', page.text)
    assert [name for name, _ in links] == ["district", "street"]
    for name, words in links:
        assert f'id="{name}"' in page.text
        assert f'<span class="em" id="e-{name}">{words}</span>' in page.text
        assert re.search(rf'id="{name}"[^>]*aria-invalid="true"[^>]*aria-describedby="[^"]*e-{name}"', page.text)
    assert 'value="El Carmen"' in page.text  # nothing typed is lost


@pytest.mark.parametrize(
    ("step", "given", "name"),
    [
        ("lugar", {"district": "?"}, "street"),
        ("lugar", {"district": "?", "street": "Niebla"}, "reference"),
        ("lugar", {"district": "?", "street": "Niebla"}, "colonia"),
        ("detalles", {}, "words"),
        ("contacto", {"notify": "none"}, "name"),
    ],
)
def test_what_is_too_long_comes_back_whole_with_a_word_about_it(
    client: TestClient, step: str, given: dict[str, str], name: str
) -> None:
    draft = begin(client)
    fits, long = "á" * MOST[name], "á" * MOST[name] + "🚰"
    page = client.post(f"{draft}/{step}", data=given | {name: long})
    assert page.status_code == 400
    assert long in page.text
    assert f"Caben {MOST[name]} letras y escribiste {MOST[name] + 1}" in page.text
    assert "Revisa un dato" in page.text
    assert "Falta" not in page.text
    assert client.post(f"{draft}/{step}", data=given | {name: fits}, follow_redirects=False).status_code == 303


def test_a_place_nobody_knows_is_accepted_as_written(client: TestClient, session: Session) -> None:
    draft = begin(client)
    client.post(f"{draft}/lugar", data={"district": "?", "reference": "atrás del zaguán verde, subiendo la loma"})
    client.post(f"{draft}/detalles", data={"words": "Un bache que ya ponchó dos llantas"})
    client.post(f"{draft}/contacto", data={"notify": "none"})
    client.post(f"{draft}/revisa")
    service_request = session.exec(select(ServiceRequest)).one()
    assert service_request.lon is None
    assert service_request.agency_code == "ATENCION"
    assert "zaguán verde" in (service_request.address_string or "")


def test_a_place_in_another_district_than_the_one_chosen_is_asked_about(client: TestClient, session: Session) -> None:
    draft = begin(client)
    place = {"district": "Sur", "street": "Avenida Sabinos"}
    assert client.post(f"{draft}/lugar", data=place, follow_redirects=False).headers["location"] == f"{draft}/cual"
    assert "Ninguno de estos" in client.get(f"{draft}/cual").text
    client.post(f"{draft}/cual", data={"which": "none"})
    client.post(f"{draft}/detalles", data={"words": "Hay un hoyo enorme"})
    client.post(f"{draft}/contacto", data={"notify": "none"})
    client.post(f"{draft}/revisa")
    service_request = session.exec(select(ServiceRequest)).one()
    assert service_request.lon is None  # they said it is none of them: nobody places it behind their back
    assert service_request.address_string == "Avenida Sabinos, Sur"


def test_questions_of_the_service_are_asked_and_checked(client: TestClient, session: Session) -> None:
    draft = begin(client, "LUMINARIA")
    client.post(f"{draft}/lugar", data={"district": "Norte", "street": "Avenida Sabinos 214"})
    client.post(f"{draft}/cual", data={"which": "0"})
    wrong = {"words": "Está muy oscuro", "a_NUM_POSTE": "poste verde"}
    page = client.post(f"{draft}/detalles", data=wrong)
    assert page.status_code == 400
    assert 'href="#a_TIPO_FALLA"' in page.text
    assert 'href="#a_NUM_POSTE"' in page.text
    for said in ("Elige una opción en «¿TIPO_FALLA?»", "Escribe solo un número en «¿NUM_POSTE?», por ejemplo 2"):
        assert page.text.count(said) == 2  # above the page, and beside the question
    right = {"words": "Está muy oscuro", "a_TIPO_FALLA": "apagada", "a_NUM_POSTE": "4412"}
    assert client.post(f"{draft}/detalles", data=right, follow_redirects=False).status_code == 303
    client.post(f"{draft}/contacto", data={"notify": "none"})
    client.post(f"{draft}/revisa")
    assert session.exec(select(ServiceRequest)).one().attributes == {"TIPO_FALLA": "apagada", "NUM_POSTE": "4412"}


def test_whoever_fills_the_hidden_field_sends_nothing(client: TestClient, session: Session) -> None:
    draft = begin(client)
    fill(client, draft, website="http://spam.example")
    client.post(f"{draft}/revisa")
    page = client.get(f"{draft}/listo", follow_redirects=False)
    assert page.status_code == 303
    assert session.exec(select(ServiceRequest)).all() == []


def test_the_citys_own_emergency_phone_is_named_wherever_there_may_be_danger(
    client: TestClient, session: Session
) -> None:
    city = session.get_one(Jurisdiction, CITY)
    city.settings = city.settings | {"emergency_phone": "066"}
    session.exec(select(Service).where(Service.code == "FUGA")).one().is_emergency = True
    city.catalog_changed_at = clock.now()
    session.flush()
    draft = begin(client, "FUGA")
    fill(client, draft)
    for path in ("/", "/reportar?q=huele a gas", f"{draft}/detalles", "/en", "/en/reportar?q=huele a gas"):
        page = client.get(path).text
        assert 'href="tel:066"' in page, path
        # Without the address of the draft, whose random letters may be these too.
        assert "911" not in page.replace(draft, ""), path


def test_words_find_services_and_danger_shows_911_first(client: TestClient) -> None:
    page = client.get("/reportar", params={"q": "hay un hoyo enorme"}).text
    assert page.index("Bache en la calle") < page.index("¿Ninguna?")
    danger = client.get("/reportar", params={"q": "huele a gas en mi casa"}).text
    assert "tel:911" in danger
    assert 'role="alert"' in danger


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "\"'><img src=x>", "{{ 7 * 7 }}", "a\0b"])
def test_hostile_words_are_shown_as_words(client: TestClient, hostile: str) -> None:
    draft = begin(client)
    page = client.post(f"{draft}/lugar", data={"street": hostile, "reference": hostile}).text
    assert "<script>alert" not in page
    assert "<img" not in page
    # Without the draft's address, whose random letters may well be a 4 and a 9.
    assert "49" not in page.split("<main")[1].split("</main")[0].replace(draft, "")


def test_no_input_is_an_error_of_ours(client: TestClient) -> None:
    draft = begin(client)
    client.post(f"{draft}/lugar", data={"district": "Sur", "street": "Avenida Sabinos"})
    assert client.post(f"{draft}/cual", data={"which": "9" * 5000}).status_code == 400
    assert client.get("/reportar", params={"q": "bache\0"}).status_code == 200
    assert client.get("/folio/%00").status_code == 400
    assert client.get("/r/%00/lugar").status_code == 404
    assert (
        client.post(
            "/reportar", content=b"\xff=\xff", headers={"content-type": "application/x-www-form-urlencoded"}
        ).status_code
        == 400
    )


def test_a_body_larger_than_any_form_is_refused_while_it_arrives(client: TestClient) -> None:
    def flood() -> Iterator[bytes]:
        sent = 0
        while sent < 1_000_000:
            sent += 1000
            yield b"x" * 1000

    for content_type in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b"):
        answer = client.post("/reportar", content=flood(), headers={"content-type": content_type})
        assert answer.status_code == 413


def test_a_folio_of_another_city_is_not_found_here(client: TestClient, session: Session) -> None:
    draft = begin(client)
    fill(client, draft)
    client.post(f"{draft}/revisa")
    service_request = session.exec(select(ServiceRequest)).one()
    make_city(session, "otra.gob.example", sms_number=None).is_default = False
    session.flush()
    service_request.jurisdiction_id = "otra.gob.example"
    session.flush()
    assert client.get(f"/folio/{service_request.folio}").status_code == 404


def test_a_draft_is_gone_after_its_day(client: TestClient, session: Session) -> None:
    draft = begin(client)
    assert client.get(f"{draft}/lugar").status_code == 200
    forget_drafts()
    assert client.get(f"{draft}/lugar").status_code == 200
    session.connection().execute(text("UPDATE web_draft SET expires_at = now() - interval '1 second'"))
    assert client.get(f"{draft}/lugar").status_code == 404
    forget_drafts()
    assert session.connection().scalar(text("SELECT count(*) FROM web_draft")) == 0


def test_an_unknown_or_foreign_draft_is_not_found(client: TestClient) -> None:
    answer = client.get("/r/not-a-token/lugar")
    assert answer.status_code == 404
    assert "Empieza de nuevo" in answer.text


def test_the_folio_is_read_however_it_is_written_and_wrong_ones_are_explained(
    client: TestClient, session: Session
) -> None:
    draft = begin(client)
    fill(client, draft)
    client.post(f"{draft}/revisa")
    folio = session.exec(select(ServiceRequest)).one().folio
    page = client.get("/folio", params={"f": f" {folio[:2]}-{folio[2:6]} {folio[6:]}"})
    assert page.status_code == 200
    assert "Bache en la calle" in page.text
    assert "Lo enviamos a Alcaldía Norte." in page.text
    wrong = folio[:-1] + str((int(folio[-1]) + 1) % 10)
    answer = client.get("/folio", params={"f": wrong})
    assert answer.status_code == 400
    assert "algún número está cambiado" in answer.text


def test_a_request_that_is_not_public_is_not_found_by_folio(client: TestClient, session: Session) -> None:
    draft = begin(client, "RUIDO")
    fill(client, draft)
    client.post(f"{draft}/revisa")
    folio = session.exec(select(ServiceRequest)).one().folio
    assert client.get(f"/folio/{folio}").status_code == 404


@pytest.mark.parametrize(("service_code", "is_private"), [("RUIDO", True), ("BACHE", False)])
def test_what_a_message_will_say_is_told_before_it_is_chosen(
    client: TestClient, service_code: str, is_private: bool
) -> None:
    draft = begin(client, service_code)
    fill(client, draft)
    for path, said in ((draft, "no dice de qué es"), (f"/en{draft}", "does not say what the report is about")):
        assert (said in client.get(f"{path}/contacto").text) == is_private


@pytest.mark.parametrize("path", ["/", "/reportar", "/ayuda", "/folio"])
def test_pages_are_light_speak_both_languages_and_load_nothing(client: TestClient, path: str) -> None:
    import gzip

    spanish, english = client.get(path), client.get("/en" + (path if path != "/" else ""))
    assert spanish.status_code == english.status_code == 200
    assert '<html lang="es-MX">' in spanish.text
    assert '<html lang="en">' in english.text
    assert "Ir al contenido" not in english.text
    assert len(gzip.compress(spanish.content)) < 8000
    assert "<script" not in spanish.text
    assert not re.search(r'(?:src|href)="https?:', spanish.text)
    assert f'href="{path if path != "/" else "/"}"' in english.text


def test_pages_speak_with_the_citys_own_words_and_say_when_it_is_fiction(client: TestClient, session: Session) -> None:
    assert "Ciudad ficticia" not in client.get("/").text
    draft, city = begin(client), session.get_one(Jurisdiction, CITY)
    texts = {
        "welcome": {"es": "¿Qué pasó, vecina?"},
        "place_example": {"es": "Callejón del <Beso>"},
        "outside": {"es": "No es de aquí."},
    }
    city.settings = city.settings | {"texts": texts, "is_fictional": True, "logo": "M1 1h9"}
    session.flush()
    home = client.get("/").text
    assert "¿Qué pasó, vecina?" in home
    assert "Ciudad ficticia para demostración." in home
    assert '<path d="M1 1h9"' in home
    assert "Por ejemplo: Callejón del &lt;Beso&gt;" in client.get(f"{draft}/lugar").text
    actions.submit(
        session,
        Submission(jurisdiction_id=CITY, service_code="BACHE", channel="web", point=LonLat(*OUTSIDE)),
        now=clock.now(),
    )
    assert session.exec(select(ServiceRequest)).one().status_notes == "No es de aquí."


def test_a_phone_of_another_country_is_not_taken_unless_the_city_says_so(client: TestClient, session: Session) -> None:
    draft = begin(client)
    fill(client, draft)
    abroad = {"notify": "sms", "phone": "+1 415 867 5310"}
    refused = client.post(f"{draft}/contacto", data=abroad)
    assert refused.status_code == 400
    assert "Desde aquí solo mandamos mensajes a teléfonos de este país." in refused.text

    city = session.get_one(Jurisdiction, CITY)
    city.settings = city.settings | {"phone_regions": ["MX", "US"]}
    session.flush()
    assert client.post(f"{draft}/contacto", data=abroad, follow_redirects=False).status_code == 303
