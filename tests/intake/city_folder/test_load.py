"""Importing the city folders of the repository, and importing them again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session, func, select

from georef.points import LonLat
from intake.catalog.models import Jurisdiction, Service, ServiceAttribute
from intake.city_folder.load import import_folder
from intake.service_requests import actions
from intake.service_requests import queries as service_requests
from intake.service_requests.values import Submission
from kernel.errors import InvalidInput
from routing import queries, rule_sets
from routing.explain import explain
from routing.models import Agency, BoundaryArea, GazetteerPlace

CITIES = Path(__file__).resolve().parents[3] / "cities"
NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)

pytestmark = pytest.mark.database


def test_jacaranda_is_imported_whole(session: Session) -> None:
    report = import_folder(session, CITIES / "jacaranda", now=NOW)
    assert report.services >= 40
    assert report.agencies >= 12
    assert report.catalog_changed
    jurisdiction = session.get_one(Jurisdiction, "jacaranda.gob.example")
    assert jurisdiction.is_default
    assert jurisdiction.settings["theme"]["light"]["brand"] == "#0c5a78"
    assert jurisdiction.basemap["streets"]
    assert set(session.exec(select(GazetteerPlace.kind).distinct())) == {"street", "crossing", "landmark"}
    found = queries.locate(session, "jacaranda.gob.example", "col. Unidad Habitacional Tabachines")
    assert found[0].place.kind == "colonia"


def test_outside_jacaranda_everybody_is_told_whom_to_ask(session: Session) -> None:
    import_folder(session, CITIES / "jacaranda", now=NOW)
    told = Submission(
        jurisdiction_id="jacaranda.gob.example",
        service_code="BACHE",
        channel="web",
        description="Hay un bache",
        point=LonLat(-101.0, 21.5),
    )
    made = actions.submit(session, told, now=NOW)
    said = "Ese lugar está fuera de Ciudad Jacaranda. Pregunta en Orientación del Estado: llama al 55 0000 0070."
    assert made.status_notes == said  # what residents and Open311 read
    decision = service_requests.decision_of(session, made.id)
    assert decision is not None
    assert any("55 0000 0070" in reason for reason in explain(decision.receipt).reasons)  # what the console shows


def test_importing_again_changes_nothing(session: Session) -> None:
    first = import_folder(session, CITIES / "jacaranda", now=NOW)
    before = {row.id for row in session.exec(select(ServiceAttribute))}
    again = import_folder(session, CITIES / "jacaranda", now=LATER)
    assert not again.catalog_changed
    assert again.rule_set_version == first.rule_set_version
    assert not [layer.key for layer in again.layers if layer.is_changed]
    assert {row.id for row in session.exec(select(ServiceAttribute))} == before
    assert session.get_one(Jurisdiction, "jacaranda.gob.example").catalog_changed_at == NOW


def test_both_cities_side_by_side(session: Session) -> None:
    import_folder(session, CITIES / "jacaranda", now=NOW)
    import_folder(session, CITIES / "encinos", now=NOW)
    assert [row.id for row in session.exec(select(Jurisdiction).where(Jurisdiction.is_default))] == [
        "jacaranda.gob.example"
    ]
    enclave = session.exec(select(GazetteerPlace).where(GazetteerPlace.name == "Plaza Rincón de Encinos")).one()
    assert queries.jurisdictions_at(session, LonLat(enclave.lon, enclave.lat), NOW.date()) == ["encinos.gob.example"]


def test_a_service_that_vanishes_stays_inactive(session: Session, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "encinos"
    shutil.copytree(CITIES / "encinos", folder)
    import_folder(session, folder, now=NOW)
    (folder / "services" / "calles" / "BACHE.toml").unlink()
    report = import_folder(session, folder, now=LATER)
    assert report.catalog_changed
    bache = session.exec(select(Service).where(Service.code == "BACHE")).one()
    assert not bache.is_active
    assert session.get_one(Jurisdiction, "encinos.gob.example").catalog_changed_at == LATER


def test_an_agency_by_another_name_dates_the_catalogue(session: Session, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "encinos"
    shutil.copytree(CITIES / "encinos", folder)
    import_folder(session, folder, now=NOW)
    agencies = folder / "agencies.toml"
    name = session.exec(select(Agency.name).order_by(Agency.code)).first()
    agencies.write_text(agencies.read_text().replace(f'"{name}"', '"Otro nombre"'))
    assert import_folder(session, folder, now=LATER).catalog_changed
    assert session.exec(select(Agency.name).where(Agency.name == "Otro nombre")).one()


def test_the_primary_road_of_2026_has_no_say_before(session: Session) -> None:
    import_folder(session, CITIES / "jacaranda", now=NOW)
    torres = session.exec(
        select(GazetteerPlace).where(GazetteerPlace.name == "Avenida de las Torres", GazetteerPlace.kind == "street")
    ).one()
    point = LonLat(torres.lon, torres.lat)
    answers = [
        queries.route(
            session,
            jurisdiction_id="jacaranda.gob.example",
            service_code="BACHE",
            service_group="calles",
            promise={"amount": 10, "unit": "working_days"},
            point=point,
            precision_m=5,
            at=datetime(2026, month, 20, 18, 0, tzinfo=UTC),
        )
        for month in (2, 3)
    ]
    assert [answer.agency_code for answer in answers] == ["ALC-TE", "OBRAS"]


def test_every_area_is_written_out_in_rules(session: Session) -> None:
    import_folder(session, CITIES / "jacaranda", now=NOW)
    newest = queries.newest_rule_set(session, "jacaranda.gob.example")
    assert newest is not None
    rules = [rule for rule in rule_sets.rules_of(newest.content) if rule.layer_key is not None]
    assert rules
    assert not [rule.code for rule in rules if "*" in (rule.area_codes or [])]
    assert session.exec(select(func.count()).select_from(BoundaryArea)).one() > 100


CASES = {
    ("Av. Sabinos y Niebla", "FUGA"): "AGUAS",
    ("Mercado de La Calera", "DRENAJE_TAPADO"): "AGUAS",
    ("Avenida del Lago y Garza", "BACHE"): "ALC-LV",
    ("Calzada del Norte y Cobre", "SOCAVON"): "OBRAS",
    ("Eje Mirador y Calle 8", "SEMAFORO"): "OBRAS",
    ("Niebla y Morelos", "LUMINARIA"): "ALUMBRADO",
    ("Privada Naranjos", "BASURA"): "ALC-ST",
    ("Parque Tepozán", "ARBOL_RIESGO"): "PC",
    ("Bosque de San Telmo", "PODA"): "AMBIENTE",
    ("Ahuehuete", "DRENAJE_TAPADO"): "ALC-AH",
}


def test_the_cases_of_the_design_pages(session: Session) -> None:
    import_folder(session, CITIES / "jacaranda", now=NOW)
    services = {service.code: service for service in session.exec(select(Service))}
    answers = {}
    for words, code in CASES:
        place = queries.locate(session, "jacaranda.gob.example", words, limit=1)[0]
        answer = queries.route(
            session,
            jurisdiction_id="jacaranda.gob.example",
            service_code=code,
            service_group=services[code].group_code,
            promise=services[code].promise,
            point=place.point,
            precision_m=place.precision_m,
            at=NOW,
        )
        answers[words, code] = answer.agency_code
    assert answers == CASES


def test_a_city_may_do_without_an_extension(session: Session, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "encinos"
    shutil.copytree(CITIES / "encinos", folder)
    city = folder / "city.toml"
    city.write_text('open311_extensions_off = ["q"]\n' + city.read_text())
    import_folder(session, folder, now=NOW)
    assert session.get_one(Jurisdiction, "encinos.gob.example").settings["open311_extensions_off"] == ["q"]


def test_errors_of_a_folder_are_told_in_the_readers_language(session: Session, tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_text("id = \n")
    with pytest.raises(InvalidInput) as refused:
        import_folder(session, tmp_path, now=NOW)
    assert "city.toml: No es TOML válido en la línea 1, letra 6." in refused.value.public_text("es")
    assert "city.toml: Not valid TOML on line 1, character 6." in refused.value.public_text("en")
