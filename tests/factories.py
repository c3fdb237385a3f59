"""A tiny city with complete defaults. Two square districts, north and south of latitude 19.40, one colonia, three agencies.

       -99.20      -99.15      -99.10
19.50    +-----------------------+
         |  Norte (N)            |     colonia "El Carmen" = -99.16..-99.14 x 19.41..19.43
19.40    +-----------------------+     everything else has no colonia
         |  Sur (S)              |
19.30    +-----------------------+
"""

from datetime import UTC, date, datetime
from typing import Any

from shapely.geometry import box
from shapely.geometry.base import BaseGeometry
from sqlmodel import Session

from intake.catalog.models import ApiKey, Jurisdiction, Service, ServiceAttribute
from routing import actions, queries, rule_sets
from routing.linting import Subjects
from routing.models import Agency, BoundaryArea, BoundaryLayer, GazetteerPlace, WorkingCalendarRow
from routing.values import Rule
from tests import remembering

CITY = "prueba.gob.example"
NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)  # a Thursday, 13:00 in Mexico City
START = date(2024, 1, 1)
SMS_NUMBER = "+525500000311"
API_KEY = "test-key"

IN_NORTE = (-99.15, 19.42)
IN_SUR = (-99.15, 19.35)
OUTSIDE = (-99.50, 19.42)

CALENDAR = {
    "timezone": "America/Mexico_City",
    "holidays": {"country": "MX"},
    "hours": {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
    "closed": [],
    "open": [],
}


# What the tiny city's residents can report, as rules may name it.
SUBJECTS = Subjects(
    {"BACHE": "calles", "LUMINARIA": "luz", "RUIDO": "calles", "FUGA": "agua"},
    {"LUMINARIA": {"TIPO_FALLA": frozenset(["apagada", "parpadea"]), "NUM_POSTE": None, "AVISO": None}},
)


def both(es: str, en: str | None = None) -> dict[str, str]:
    return {"es": es, "en": en or es}


def make_layer(session: Session, key: str, areas: list[tuple[str, str, BaseGeometry]], city: str = CITY) -> None:
    made = _add_layer(session, key, areas, city)
    session.flush()
    session.add_all(made)


def _add_layer(session: Session, key: str, areas: list[tuple[str, str, BaseGeometry]], city: str) -> list[BoundaryArea]:
    """Its areas, to be added when it has been flushed."""
    layer = BoundaryLayer(jurisdiction_id=city, key=key, name=both(key), imported_at=NOW)
    session.add(layer)
    return [
        BoundaryArea(layer_id=layer.id, code=code, name=name, geometry=geometry.wkb, valid_from=START)
        for code, name, geometry in areas
    ]


def make_service(session: Session, code: str, name: str, city: str = CITY, **values: Any) -> Service:
    service = _add_service(session, code, name, city, **values)
    session.flush()
    return service


def _add_service(session: Session, code: str, name: str, city: str, **values: Any) -> Service:
    defaults: dict[str, Any] = {
        "name": both(name),
        "description": both(name),
        "group_code": "calles",
        "group_name": both("Calles", "Streets"),
        "promise": {"amount": 5, "unit": "working_days"},
    }
    service = Service(jurisdiction_id=city, code=code, **(defaults | values))
    session.add(service)
    return service


def _reason(code: str) -> dict[str, str]:
    return both(f"regla {code}", f"rule {code}")


def make_rule(session: Session, code: str, agency: str, priority: int = 100, city: str = CITY, **values: Any) -> Rule:
    """Adds the rule to the newest rule set, as a new version."""
    if "area_codes" in values:
        values["area_codes"] = frozenset(values["area_codes"])
    reason = values.pop("reason", _reason(code))
    rule = Rule(code, priority, agency, reason, START, **values)
    newest = queries.newest_rule_set(session, city)
    known = rule_sets.rules_of(newest.content) if newest is not None else []
    default = newest.default_agency_code if newest is not None else "ATENCION"
    actions.replace_rules(session, city, [*known, rule], default, NOW)
    return rule


def make_city(session: Session, city: str = CITY, sms_number: str | None = SMS_NUMBER) -> Jurisdiction:
    """The tiny city, flushed. Services: BACHE (realtime), LUMINARIA (batch, questions), RUIDO (blackbox), FUGA (realtime)."""
    remembering.again(session, (city, sms_number), _OF_CITY, lambda: _make_city(session, city, sms_number))
    return session.get_one(Jurisdiction, city)


_OF_CITY = (
    "jurisdiction",
    "api_key",
    "working_calendar",
    "agency",
    "boundary_layer",
    "boundary_area",
    "service",
    "service_attribute",
    "rule_set",
    "gazetteer_place",
)


def _make_city(session: Session, city: str, sms_number: str | None) -> None:
    from hashlib import sha256

    jurisdiction = Jurisdiction(
        id=city,
        name="Ciudad Prueba",
        timezone="America/Mexico_City",
        sms_number=sms_number,
        is_default=True,
        settings={"contact": "311@prueba.gob.example", "phone": "311"},
        catalog_changed_at=datetime(2026, 11, 1, tzinfo=UTC),
    )
    session.add(jurisdiction)
    session.flush()
    session.add(ApiKey(jurisdiction_id=city, label="test", key_hash=sha256(API_KEY.encode()).digest(), created_at=NOW))
    session.add(WorkingCalendarRow(jurisdiction_id=city, code="default", definition=CALENDAR))
    for code, name in (
        ("AGUAS", "Aguas de Prueba"),
        ("ALC-N", "Alcaldía Norte"),
        ("ALC-S", "Alcaldía Sur"),
        ("ATENCION", "Mesa de Atención"),
    ):
        session.add(Agency(jurisdiction_id=city, code=code, name=name, short_name=name))
    layers: dict[str, list[tuple[str, str, BaseGeometry]]] = {
        "jurisdiction": [(city, "Ciudad Prueba", box(-99.20, 19.30, -99.10, 19.50))],
        "district": [
            ("N", "Norte", box(-99.20, 19.40, -99.10, 19.50)),
            ("S", "Sur", box(-99.20, 19.30, -99.10, 19.40)),
        ],
        "colonia": [("N-01", "El Carmen", box(-99.16, 19.41, -99.14, 19.43))],
    }
    areas = [area for key, named in layers.items() for area in _add_layer(session, key, named, city)]
    _add_service(session, "BACHE", "Bache en la calle", city, keywords=["bache", "hoyo", "pavimento"], position=1)
    lamp = _add_service(
        session,
        "LUMINARIA",
        "Luz de la calle apagada",
        city,
        kind="batch",
        group_code="luz",
        group_name=both("Alumbrado", "Lighting"),
        keywords=["luz", "luminaria", "poste", "foco"],
        position=2,
    )
    _add_service(session, "RUIDO", "Ruido", city, kind="blackbox", keywords=["ruido", "música"], position=3)
    _add_service(
        session,
        "FUGA",
        "Fuga de agua en la calle",
        city,
        group_code="agua",
        group_name=both("Agua", "Water"),
        keywords=["fuga", "agua", "tubo roto"],
        promise={"amount": 48, "unit": "hours"},
        position=4,
    )
    session.flush()
    session.add_all(areas)
    options = [
        {"key": "apagada", "name": both("No enciende", "Does not light")},
        {"key": "parpadea", "name": both("Parpadea", "Flickers")},
    ]
    questions: list[tuple[str, str, bool, bool, list[dict[str, Any]]]] = [
        ("TIPO_FALLA", "singlevaluelist", True, True, options),
        ("NUM_POSTE", "number", True, False, []),
        ("AVISO", "string", False, False, []),
    ]
    for position, (code, datatype, is_variable, is_required, values) in enumerate(questions, start=1):
        session.add(
            ServiceAttribute(
                service_id=lamp.id,
                code=code,
                datatype=datatype,
                is_variable=is_variable,
                is_required=is_required,
                position=position,
                description=both(f"¿{code}?"),
                options=values,
            )
        )
    rules = [
        Rule("AGUA-1", 10, "AGUAS", _reason("AGUA-1"), START, service_group="agua"),
        Rule("NORTE-1", 100, "ALC-N", _reason("NORTE-1"), START, layer_key="district", area_codes=frozenset("N")),
        Rule("SUR-1", 100, "ALC-S", _reason("SUR-1"), START, layer_key="district", area_codes=frozenset("S")),
    ]
    actions.replace_rules(session, city, rules, "ATENCION", NOW)
    for kind, name, lon, lat in (
        ("district", "Norte", -99.15, 19.45),
        ("colonia", "El Carmen", -99.15, 19.42),
        ("landmark", "Mercado de La Calera", -99.13, 19.36),
        ("street", "Avenida Sabinos", -99.15, 19.421),
    ):
        session.add(
            GazetteerPlace(
                jurisdiction_id=city,
                kind=kind,
                name=name,
                lon=lon,
                lat=lat,
                precision_m={"district": 5000, "colonia": 800, "street": 400}.get(kind, 50),
            )
        )
    session.flush()
