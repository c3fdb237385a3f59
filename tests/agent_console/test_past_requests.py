"""The page of a request that came from another register: nobody reported it here, and nothing was decided here."""

from datetime import UTC, datetime
from typing import Any

import pytest

from intake.service_requests.models import ServiceRequest
from tests.agent_console.conftest import Console
from tests.factories import CITY, IN_NORTE, IN_SUR

pytestmark = pytest.mark.database
AT = datetime(2025, 6, 11, 20, 0, tzinfo=UTC)
CLOSED: dict[str, Any] = {
    "life": "closed",
    "outcome_code": "resolved",
    "closed_at": AT,
    "status_notes": "Se tapó el hoyo.",
}


def past(console: Console, **values: Any) -> ServiceRequest:
    lon, lat = IN_NORTE
    row = ServiceRequest(
        **{
            "jurisdiction_id": CITY, "folio": "2512345674", "service_code": "BACHE", "channel": "phone", "lon": lon, "lat": lat,
            "description": "Un hoyo frente al mercado", "public_description": "Un hoyo frente al mercado", 
            "public_text_version": 2,
            "source": "old-311", "source_id": "A-17", "agency_code": "ALC-N", "requested_at": AT, "updated_at": AT,
            "handover": "none",
        }
        | values
    )  # fmt: skip
    console.session.add(row)
    console.session.flush()
    return row


def page_of(console: Console, **values: Any) -> str:
    return console.enter("supervisor").get(f"/consola/solicitudes/{past(console, **values).folio}").text


def test_the_page_shows_the_words_and_the_register(console: Console) -> None:
    page = page_of(console)
    assert "Un hoyo frente al mercado" in page
    assert "Registro old-311, número A-17" in page
    assert "Nadie dejó aquí cómo avisarle." in page
    assert "Cerrado" not in page


def test_how_it_ended_there_is_told_until_something_happens_here(console: Console) -> None:
    found = past(console, **CLOSED)
    browser = console.enter("supervisor")
    url = f"/consola/solicitudes/{found.folio}"
    page = browser.get(url).text
    assert "Se tapó el hoyo." in page
    assert "old-311" in page
    browser.send(url, f"{url}/estado", life="reopened", note="Volvió a abrirse", version=str(found.version))
    page = browser.get(f"{url}/historia").text
    assert "Volvió a abrirse" in page
    assert "Se tapó el hoyo." not in page


def test_its_receipt_is_worked_out_and_says_so(console: Console) -> None:
    page = page_of(console)
    assert "este recibo se calculó hoy" in page
    assert "Dan lo mismo." in page


def test_a_register_that_says_something_else_is_contradicted(console: Console) -> None:
    lon, lat = IN_SUR
    page = page_of(console, lon=lon, lat=lat)
    assert "hoy saldría otra cosa" in page
    assert "Dan lo mismo." not in page


def test_without_a_service_there_is_no_receipt(console: Console) -> None:
    page = page_of(console, service_code="NADIE_LO_SABE")
    assert "Viene de otro registro, y nuestras reglas no alcanzan" in page
