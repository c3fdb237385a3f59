"""The what-if page as supervisors use it: upload, try, read, publish, re-route; nobody else, and nothing lost on an error."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from shapely.geometry import mapping
from sqlmodel import col, select

from intake.service_requests.models import ServiceRequest
from intake.whatif import jobs, rounds
from intake.whatif.files import NAMES
from intake.whatif.models import RerouteProposal, WhatIfRun
from kernel import clock
from routing import drafts
from routing.draft_models import RoutingDraft
from routing.models import RuleSet
from tests.agent_console.browserless import Browser
from tests.agent_console.conftest import Console
from tests.factories import CITY, IN_NORTE
from tests.intake.whatif.cast import BETWEEN, MOVED, report

pytestmark = pytest.mark.database
AREAS = json.dumps(
    {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {"CVE": code, "NOM": name}, "geometry": mapping(shape)}
            for code, name, shape in MOVED
        ],
    }
).encode()
HOME = "/consola/ruteo"


def upload(browser: Browser, data: bytes = AREAS, **values: str) -> Any:
    """Sends the form of a new draft as a browser does, with a file unless `data` is empty."""
    page = browser.get(f"{HOME}/nuevo").text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    given = {"csrf": csrf[1], "name": "Límite 2027", "layer": "district", "code": "", "label": "", "rules": ""} | values
    files = (
        {"file": ("limites.geojson", data, "application/geo+json")}
        if data
        else {"file": ("", b"", "application/octet-stream")}
    )
    return browser.client.post(f"{HOME}/nuevo", data=given, files=files)


@pytest.fixture
def requests(console: Console) -> list[ServiceRequest]:
    """Three that the draft moves, and one that it does not."""
    return [report(console.session, BETWEEN, clock.now()) for _ in range(3)] + [
        report(console.session, IN_NORTE, clock.now())
    ]


def draft_of(console: Console) -> RoutingDraft:
    return console.session.exec(select(RoutingDraft)).one()


def run_to_the_end(console: Console) -> WhatIfRun:
    run = console.session.exec(select(WhatIfRun)).one()
    while console.fresh(run).state in ("waiting", "running"):
        jobs.advance_run(str(run.id))
    return run


@pytest.mark.parametrize("role", ["operator", "agency"])
def test_only_supervisors_and_administrators_find_it(console: Console, role: str) -> None:
    browser = console.enter(role)
    for path in (HOME, f"{HOME}/nuevo", f"{HOME}/propuestas", f"{HOME}/{uuid4()}"):
        assert browser.get(path).status_code == 404
    assert HOME not in browser.get("/consola/solicitudes").text


def test_from_a_file_to_re_routed_requests(
    console: Console, requests: list[ServiceRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = console.enter("supervisor")
    assert "Nuevo borrador" in browser.get(HOME).text
    made = upload(browser)
    assert made.status_code == 303, made.text
    here = made.headers["location"]
    assert "Todavía no se ha probado" in browser.get(here).text
    assert "No se ha probado con el pasado" in browser.get(here).text

    assert browser.send(here, f"{here}/calcular", first="", last="").status_code == 303
    waiting = browser.get(here).text
    assert "Calculando…" in waiting
    assert f"{here}/calcular" not in waiting, "one calculation at a time"
    assert run_to_the_end(console).state == "done"
    page = browser.get(here).text
    assert "De Alcaldía Sur a Alcaldía Norte: 3 solicitudes" in page
    assert page.count('<svg class="map"') == 2
    assert re.search(r"Abiertas que se moverían</dt><dd>3<", page)
    assert "style=" not in page, "the console's policy allows no inline style"

    for name in NAMES:
        answer = browser.get(f"{here}/{name}")
        assert answer.status_code == 200, name
        assert ("attachment" in answer.headers.get("content-disposition", "")) == (name != "report.html")
    assert browser.get(f"{here}/passwords.csv").status_code == 404
    assert all(
        console.fresh(one).agency_code == before
        for one, before in zip(requests, ["ALC-S"] * 3 + ["ALC-N"], strict=True)
    )

    tomorrow = (clock.now().astimezone(ZoneInfo("America/Mexico_City")).date() + timedelta(days=1)).isoformat()
    assert browser.send(here, f"{here}/publicar", valid_from="2020-01-01").status_code == 400
    assert draft_of(console).state == "open"
    assert browser.send(here, f"{here}/publicar", valid_from=tomorrow).status_code == 303
    assert "Publicado: entra en vigor" in browser.get(here).text
    assert "No hay nada por reasignar" in browser.get(f"{HOME}/propuestas").text

    published = console.session.exec(select(RuleSet).order_by(col(RuleSet.version).desc())).first()
    assert published is not None
    jobs.plan_reroutes(str(published.id))
    then = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: then)
    found = rounds.plan(console.session, published.id, now=then)
    assert found is not None
    browser = console.enter("supervisor")
    jobs.sweep()
    while console.fresh(found).state != "done":
        jobs.look_for_reroutes(str(found.id))
    for pair in ("NADIE:ALC-N", "ALC-N", "x:y:z"):
        assert browser.get(f"{HOME}/propuestas?pair={pair}").status_code == 404, pair
    listed = browser.get(f"{HOME}/propuestas").text
    assert "Aceptar las 3" in listed
    first = console.session.exec(select(RerouteProposal.id)).first()
    csrf = re.search(r'name="csrf" value="([^"]+)"', listed)
    assert csrf
    none = browser.client.post(f"{HOME}/propuestas", data={"csrf": csrf[1], "decision": "accept chosen", "shown": ""})
    assert none.status_code == 400
    assert "Elige al menos una solicitud" in none.text
    for decision, extra in (
        ("reject chosen", {"proposal": str(first)}),
        ("accept pair:ALC-S:ALC-N", {}),
        ("accept all", {}),
    ):
        answer = browser.client.post(
            f"{HOME}/propuestas", data={"csrf": csrf[1], "decision": decision, "shown": ""} | extra
        )
        assert answer.status_code == 303, answer.text
    assert "2 aceptadas se están pasando" in browser.get(f"{HOME}/propuestas").text
    jobs.carry_out_reroutes(CITY)
    moved = [console.fresh(one).agency_code for one in requests]
    assert sorted(str(code) for code in moved) == ["ALC-N", "ALC-N", "ALC-N", "ALC-S"]
    story = browser.get(
        f"/consola/solicitudes/{next(one.folio for one in requests if one.agency_code == 'ALC-N' and one.version > 1)}"
    )
    assert "Alcaldía Norte" in story.text


@pytest.mark.parametrize(
    ("data", "values", "problem"),
    [
        (b"", {}, "Sube un archivo de límites"),
        (b"%PDF-1.7 not a map", {}, "no es GeoJSON, GeoPackage ni Shapefile"),
        (b'{"type": "FeatureCollection", "features": [', {}, "limites.geojson no es un mapa"),
        (b"\x1f\x8bnot gzip", {}, "limites.geojson.gz no es un archivo .gz, o está cortado"),
        (AREAS, {"layer": "barrio"}, "No existe la capa «barrio»"),
        (AREAS, {"code": "CLAVE"}, "no tiene el campo «CLAVE»"),
        (AREAS, {"name": "  "}, "Ponle al borrador un nombre"),
        (b"", {"rules": "[[rule]\n"}, "rules.toml no se puede usar:\nLínea 1: No es TOML válido en la línea 1"),
        (b"", {"rules": '[[rule]]\ncode="R"\npriority=1\nagency="NADIE"\n[rule.reason]\nes="x"\nen="x"\n'}, "NADIE"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_says_why_and_keeps_nothing(
    console: Console, data: bytes, values: dict[str, str], problem: str
) -> None:
    browser = console.enter("admin")
    answer = upload(browser, data, **values)
    assert answer.status_code == 400, answer.text
    assert problem in unescape(answer.text)
    assert unescape(values.get("rules", "")) in unescape(answer.text), "nothing typed is lost"
    assert console.session.exec(select(RoutingDraft)).all() == []


@pytest.mark.parametrize(
    "name", ["draft.geojson", "../../etc/passwd", "C:\\mapas\\año 2027.json", "", "\u202e.geojson"]
)
def test_a_file_may_be_called_anything(console: Console, name: str) -> None:
    browser = console.enter("admin")
    csrf = re.search(r'name="csrf" value="([^"]+)"', browser.get(f"{HOME}/nuevo").text)
    assert csrf
    values = {"csrf": csrf[1], "name": "Límite 2027", "layer": "district", "code": "", "label": "", "rules": ""}
    answer = browser.client.post(
        f"{HOME}/nuevo", data=values, files={"file": (name or "x", AREAS, "application/geo+json")}
    )
    assert answer.status_code == 303, answer.text
    assert len(console.session.exec(select(RoutingDraft)).all()) == 1


def test_an_upload_needs_the_forms_token(console: Console) -> None:
    browser = console.enter("supervisor")
    assert upload(browser, csrf="0" * 64).status_code == 403
    assert console.session.exec(select(RoutingDraft)).all() == []


def test_a_period_without_requests_and_another_citys_draft(console: Console, requests: list[ServiceRequest]) -> None:
    browser = console.enter("supervisor")
    here = upload(browser).headers["location"]
    for first, last, problem in (
        ("1999-01-01", "1999-02-01", "no tiene solicitudes"),
        ("2026-02-01", "2026-01-01", "termina antes"),
        ("ayer", "", "no es una fecha"),
    ):
        answer = browser.send(here, f"{here}/calcular", first=first, last=last)
        assert answer.status_code == 400
        assert problem in answer.text
    draft_of(console).jurisdiction_id = "otra.gob.example"
    console.session.flush()
    assert browser.get(here).status_code == 404
    assert browser.get(f"{here}/report.html").status_code == 404


def test_discarding_ends_a_draft(console: Console) -> None:
    browser = console.enter("supervisor")
    here = upload(browser).headers["location"]
    assert browser.send(here, f"{here}/descartar").status_code == 303
    assert console.fresh(draft_of(console)).state == "discarded"
    assert "se descartó" in browser.get(here).text
    assert "Ninguno abierto" in browser.get(HOME).text


def test_a_draft_that_a_colleague_has_just_changed_is_not_discarded_unseen(console: Console) -> None:
    browser = console.enter("supervisor")
    here = upload(browser).headers["location"]
    shown = browser.get(here).text.split(f'action="{here}/descartar"')[1].split("</form>")[0]
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', shown))
    drafts.write_rules(console.session, draft_of(console).id, [], "AGUAS", text="", by="Olga Vera", now=clock.now())
    refused = browser.client.post(f"{here}/descartar", data=hidden)
    assert refused.status_code == 409
    assert "Olga Vera cambió este borrador mientras lo veías." in refused.text
    assert console.fresh(draft_of(console)).state == "open"
