"""What identifies a person goes in by every field of every channel, and is looked for in everything that anybody can read."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import Session, select
from starlette.routing import Mount, Route

from atiende.app import create_app
from intake.catalog import keys
from intake.catalog.models import ServiceAttribute
from intake.conversations import arrivals
from intake.conversations.jobs import advance_conversation
from intake.conversations.values import InboundMessage
from intake.open311 import routes as open311
from intake.people.models import ContactPoint
from intake.service_requests import reviewing
from intake.service_requests.actions import add_note, change_status
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from kernel import clock
from kernel.outbox import OutboxEvent
from tests.agent_console.conftest import settings
from tests.factories import API_KEY, CITY, IN_NORTE, make_city

pytestmark = pytest.mark.database

# Every way in which one of them might come out again.
SECRETS = (
    "1234 5678",
    "12345678",
    "1234-5678",
    "rosa.secreta",
    "Ildefonso",
    "Barrientos",
    "Filiberta",
    "Zacateco",
    "ABC-123-D",
    "PEGJ850312HDFRRN09",
    "4111 1111",
    "aparato-77",
    "cuenta-88",
    "8765",
)
_LAST_DIGITS = 4
WORDS = (
    "Hay un hoyo. Soy Rosa Barrientos, tel 55 1234 5678, rosa.secreta@correo.mx. Mi vecino Ildefonso Barrientos lo hizo con su"
    " camioneta placas ABC-123-D, CURP PEGJ850312HDFRRN09, tarjeta 4111 1111 1111 1111"
)
SHORT = "Llame a la señora Rosa Barrientos, 55-1234-5678, rosa.secreta@correo.mx"
MEDIA = "https://fotos.example/bache.jpg?de=rosa.secreta%40correo.mx&tel=55+1234+5678"
EXTENSIONS = (
    "",
    "extensions=true",
    "locale=en",
    "page=1&page_size=5",
    "q=Barrientos",
    "q=1234",
    "search=Ildefonso",
    "order_by=-updated_datetime",
    "sort=updated_datetime",
    "updated_after=2020-01-01T00:00:00Z",
    "bbox=-99.3,19.2,-99.0,19.6",
    "status=open,closed",
    "status=closed",
    "lat=19.42&long=-99.15&radius=5000",
    "service_code=BACHE,LUMINARIA,FUGA",
    "agency_responsible=Rosa",
    "fields=description,email,phone",
    "include=attributes,notes,reports",
    "extensions=true&q=hoyo&page_size=1000",
    "has_photo=true",
    "notes=true",
    "channel=sms",
)


@dataclass
class World:
    client: TestClient
    app: FastAPI
    session: Session

    def folios(self) -> list[str]:
        return [row.folio for row in self.session.exec(select(ServiceRequest))]


@pytest.fixture
def world(session: Session) -> World:
    make_city(session)
    app = create_app(settings())
    return World(TestClient(app, follow_redirects=False, raise_server_exceptions=False), app, session)


def _post(world: World, **changes: Any) -> Any:
    lon, lat = IN_NORTE
    form = {
        "api_key": API_KEY,
        "service_code": "BACHE",
        "lat": str(lat),
        "long": str(lon),
        "description": WORDS,
        "address_string": SHORT,
        "address_id": "5512345678",
        "zipcode": "06800 5512345678",
        "email": "rosa.secreta@correo.mx",
        "phone": "55 1234 5678",
        "first_name": "Filiberta",
        "last_name": "Zacateco",
        "device_id": "aparato-77",
        "account_id": "cuenta-88",
        "media_url": MEDIA,
    }
    return world.client.post("/open311/v2/requests.json", data=form | changes)


def _by_open311(world: World) -> None:
    assert _post(world).status_code == 200
    answers = {"attribute[TIPO_FALLA]": "apagada", "attribute[QUIEN]": SHORT, "attribute[NUM_POSTE]": "5512345678"}
    assert _post(world, service_code="LUMINARIA", **answers).status_code == 200


def _by_sms(world: World) -> None:
    for n, body in enumerate(
        (f"Fuga de agua. {WORDS}", "Avenida Sabinos 214, casa de la señora Rosa Barrientos", "1", "1")
    ):
        at = clock.now() + timedelta(seconds=n)
        inbound = InboundMessage("sms", f"SM{n}", "+525512345678", "+525500000311", body, at)
        message = arrivals.receive(world.session, inbound, jurisdiction_id=CITY, now=at)
        world.session.flush()
        advance_conversation(str(message.id))


def _by_web(world: World) -> None:
    begun = world.client.post("/reportar", data={"service_code": "BACHE", "q": WORDS})
    draft = begun.headers["location"].removesuffix("/lugar")
    place = {"district": "Norte", "colonia": "El Carmen", "street": SHORT, "reference": SHORT}
    for step, data in (
        ("lugar", place),
        ("cual", {"which": "0"}),
        ("detalles", {"words": WORDS}),
        ("contacto", {"notify": "sms", "phone": "55 1234 5678", "name": "Filiberta Zacateco"}),
        ("revisa", {}),
    ):
        world.client.post(f"{draft}/{step}", data=data)


def _by_staff_and_agencies(world: World) -> None:
    now = clock.now()
    secret = keys.create(world.session, CITY, "Norte", agency_code="ALC-N", now=now)
    found = world.session.exec(select(ServiceRequest).where(ServiceRequest.agency_code == "ALC-N")).all()
    assert len(found) >= 2
    update = {
        "api_key": secret,
        "service_request_id": found[0].folio,
        "update_id": "u1",
        "status": "IN_PROGRESS",
        "description": WORDS,
        "updated_datetime": now.isoformat(),
        "email": "rosa.secreta@correo.mx",
        "phone": "55 1234 5678",
        "first_name": "Filiberta",
        "last_name": "Zacateco",
        "media_url": MEDIA,
        "account_id": "cuenta-88",
    }
    answer = world.client.post("/open311/v2/servicerequestupdates.json", data=update)
    assert answer.status_code == 200, answer.text
    agent = Actor("agent", "Ildefonso Operador")
    for audience in ("public", "internal", "agency"):
        add_note(world.session, found[1].id, text=SHORT, audience=audience, actor=agent, now=now)  # type: ignore[arg-type]
    change_status(world.session, found[1].id, life="closed", outcome_code="resolved", note=SHORT, actor=agent, now=now)


def _told(world: World) -> None:
    lamp = world.session.exec(select(ServiceAttribute).where(ServiceAttribute.code == "TIPO_FALLA")).one()
    question = {"es": "¿Quién?", "en": "Who?"}
    world.session.add(
        ServiceAttribute(
            service_id=lamp.service_id,
            code="QUIEN",
            datatype="text",
            is_variable=True,
            is_required=False,
            position=9,
            description=question,
        )
    )
    world.session.flush()
    _by_open311(world)
    _by_sms(world)
    _by_web(world)
    _by_staff_and_agencies(world)
    channels = {row.channel for row in world.session.exec(select(ServiceRequest))}
    assert channels == {"open311", "sms", "web"}
    assert world.session.exec(select(ContactPoint)).first() is not None


def _routes(routes: Any, before: str = "") -> Iterator[str]:
    for route in routes:
        if isinstance(route, Mount):
            yield from (
                _routes(route.routes, before + route.path)
                if route.routes
                else _routes(_inner(route.app), before + route.path)
            )
        elif included := getattr(route, "original_router", None):  # the framework keeps included routers as they are
            yield from _routes(included.routes, before + route.include_context.prefix)
        elif isinstance(route, Route) and "GET" in (route.methods or ()):
            yield before + route.path


def _inner(app: Any) -> Any:
    while not hasattr(app, "routes") and hasattr(app, "app"):
        app = app.app
    return getattr(app, "routes", None) or getattr(getattr(app, "_app", None), "routes", ())


def _addresses(world: World) -> list[str]:
    """Every GET route there is, for every request, with every extension."""
    rows = world.session.exec(select(ServiceRequest)).all()
    folios = [row.folio for row in rows]
    found: set[str] = set()
    # Open311 stands before the site's own routes.
    for path in {*_routes(world.app.routes), *(open311.MOUNT + route.path for route in open311._routes())}:
        if path.startswith(("/consola/live", "/live")):
            continue  # streams without end; what they carry is tried below
        for row in rows:
            values = {
                "service_request_id": row.folio,
                "digits": row.folio,
                "folio": row.folio,
                "token": row.token or "t-0",
                "service_code": row.service_code,
            }
            filled = path
            for name, value in values.items():
                filled = filled.replace(f"{{{name}}}", value)
            if "{" not in filled:
                found.add(filled)
    lists = [path for path in found if path.endswith((".json", ".xml")) and "/v2/" in path]
    found |= {f"{path}?{extension}" for path in lists for extension in EXTENSIONS if extension}
    wide = "start_date=2026-01-01T00:00:00Z&end_date=2035-01-01T00:00:00Z"
    found |= {f"/open311/v2/{name}.{fmt}?{wide}" for name in ("servicerequestupdates",) for fmt in ("json", "xml")}
    found |= {f"/open311/v2/requests.{fmt}?service_request_id={','.join(folios)}" for fmt in ("json", "xml")}
    return sorted(found)


def _leaks(answer: Any, asked: str) -> list[str]:
    told = answer.text + "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    return [secret for secret in SECRETS if _is_in(secret, told) and not _is_in(secret, asked)]


def _is_in(secret: str, told: str) -> bool:
    """The last digits of a number stand by themselves: within a key or a longer number they are anybody's."""
    if len(secret) > _LAST_DIGITS:
        return secret.casefold() in told.casefold()
    return re.search(rf"(?<![\w.-]){secret}(?![\w])", told) is not None


def test_nothing_that_identifies_comes_out_anywhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "atiende")
    _told(world)
    addresses = _addresses(world)
    assert len(addresses) > 200
    for folio in world.folios():
        assert {f"/folio/{folio}", f"/en/folio/{folio}", f"/open311/v2/requests/{folio}.xml"} <= set(addresses)
    read = 0
    for address in addresses:
        answer = world.client.get(address)
        assert answer.status_code < 500, (address, answer.text)
        assert _leaks(answer, address) == [], address
        read += answer.status_code == 200
    assert read > 100
    # The sweep would see a leak: it reads what was posted.
    assert (
        "Hay un hoyo. Soy […], tel […], […]. Mi vecino […] lo hizo con su camioneta placas […]"
        in world.client.get("/open311/v2/requests.json").text
    )
    for event in world.session.exec(select(OutboxEvent)):
        assert not any(_is_in(secret, str(event.payload)) for secret in SECRETS), event.name
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert [secret for secret in SECRETS if _is_in(secret, logged)] == []


def test_a_search_does_not_find_what_is_hidden(world: World) -> None:
    _told(world)
    for words in ("Barrientos", "Ildefonso", "1234", "rosa.secreta", "ABC-123-D"):
        for name in ("q", "search"):
            plain, found = (world.client.get("/open311/v2/requests.json", params=p) for p in ({}, {name: words}))
            # Either the word is not searched for at all, or nothing has it.
            assert found.json() in ([], plain.json()) or found.status_code == 400, (name, words)


@pytest.mark.parametrize("fmt", ["json", "xml"])
def test_errors_do_not_repeat_what_was_sent(world: World, fmt: str) -> None:
    lon, lat = IN_NORTE
    form = {
        "description": WORDS,
        "email": "rosa.secreta@correo.mx",
        "phone": "55 1234 5678",
        "first_name": "Filiberta",
        "lat": str(lat),
        "long": str(lon),
        "media_url": f"ftp://{SHORT}",
        "zipcode": SHORT * 20,
        "service_code": "BACHE",
        "api_key": API_KEY,
    }
    for changes in ({}, {"api_key": "no"}, {"service_code": "XYZ"}, {"lat": "x"}, {"description": WORDS * 60}):
        answer = world.client.post(f"/open311/v2/requests.{fmt}", data=form | changes)
        assert 400 <= answer.status_code < 500
        assert _leaks(answer, "") == []


def test_what_is_hidden_or_sensitive_is_nowhere(world: World) -> None:
    sensitive = {"service_code": "RUIDO"}
    assert _post(world, **sensitive).status_code == 200
    hidden = _post(world, service_code="LUMINARIA", **{"attribute[TIPO_FALLA]": "apagada"}).json()[0]
    found = world.session.exec(select(ServiceRequest).where(ServiceRequest.token == hidden["token"])).one()
    reviewing.hide(world.session, found.id, actor=Actor("agent", "Iván"), now=clock.now(), expected_version=1)
    agent = Actor("agent", "Iván")
    for row in world.session.exec(select(ServiceRequest)).all():
        assert not row.is_public
        add_note(world.session, row.id, text="Aviso", audience="public", actor=agent, now=clock.now())
        for fmt in ("json", "xml"):
            assert world.client.get(f"/open311/v2/requests/{row.folio}.{fmt}").status_code == 404
            if row.token:
                assert world.client.get(f"/open311/v2/tokens/{row.token}.{fmt}").status_code == 404
        assert world.client.get(f"/folio/{row.folio}").status_code == 404
    folios = world.folios()
    for address in _addresses(world):
        if address.startswith(("/consola", "/folio")):
            continue
        answer = world.client.get(address)
        assert not any(folio in answer.text and folio not in address for folio in folios), address
        if "service_request_id=" in address:
            assert not any(folio in answer.text for folio in folios), address
