"""Reads of responsibility. Rules and boundaries stay in memory, per process, as long as their version in the database stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from threading import RLock
from typing import Any
from uuid import UUID

import shapely
from sqlmodel import Session, col, select

from georef.boundaries import Area, BoundaryIndex
from georef.gazetteer import Gazetteer, Place, PlaceMatch
from georef.points import LonLat
from kernel.errors import NotFound
from routing import receipts, rule_sets
from routing.decide import OUTLINE, RuleBook
from routing.models import Agency, BoundaryArea, GazetteerPlace, RoutingRule, RuleSet, WorkingCalendarRow
from routing.models import Gazetteer as GazetteerVersion
from routing.names import area_places
from routing.receipts import Elsewhere, Layer, Question
from routing.values import AgencyFacts, RoutingDecision, Rule

# One round trip answers "did anything change?". Counts see rows that were written without a new version.
_STAMPS = """
    SELECT 'rules' AS kind, r.jurisdiction_id, '' AS key, NULL::jsonb AS name, r.id, r.version, r.digest || ':' ||
           (SELECT count(*) FROM routing_rule u WHERE u.jurisdiction_id = r.jurisdiction_id)::text || ':' ||
           (SELECT count(*) FROM agency a WHERE a.jurisdiction_id = r.jurisdiction_id)::text AS digest
      FROM rule_set r
     WHERE r.jurisdiction_id = %(jurisdiction_id)s
       AND r.version = (SELECT max(version) FROM rule_set WHERE jurisdiction_id = %(jurisdiction_id)s)
     UNION ALL
    SELECT 'layer', l.jurisdiction_id, l.key, l.name, l.id, l.version, l.digest
      FROM boundary_layer l
     WHERE l.jurisdiction_id = %(jurisdiction_id)s OR l.key = 'jurisdiction'
     ORDER BY 1, 2, 3
    """
_NEIGHBOUR_M = 20_000.0


@dataclass(frozen=True, slots=True)
class City:
    """What one jurisdiction decides with now. `outlines` are the outlines of the other jurisdictions of the installation."""

    book: RuleBook
    layers: Mapping[str, Layer]
    outlines: Mapping[str, Layer]


# Layers whose areas people call by name.
NAMED_LAYERS = ("district", "colonia", "postal_code")
_lock = RLock()
_books: dict[str, tuple[tuple[Any, ...], RuleBook]] = {}
_layers: dict[UUID, tuple[tuple[Any, ...], Layer]] = {}
_gazetteers: dict[str, tuple[tuple[Any, ...], Gazetteer]] = {}


def city(session: Session, jurisdiction_id: str) -> City:
    """Rules and boundaries in force in this transaction. Raises NotFound when the jurisdiction has no rules yet."""
    book: RuleBook | None = None
    layers: dict[str, Layer] = {}
    outlines: dict[str, Layer] = {}
    for row in session.connection().exec_driver_sql(_STAMPS, {"jurisdiction_id": jurisdiction_id}):
        if row.kind == "rules":
            book = _book(session, jurisdiction_id, (row.id, row.version, row.digest))
        elif row.jurisdiction_id == jurisdiction_id:
            layers[row.key] = _layer(session, row)
        else:
            outlines[row.jurisdiction_id] = _layer(session, row)
    if book is None:
        raise NotFound("La jurisdicción {jurisdiction_id} no tiene reglas.", jurisdiction_id=jurisdiction_id)
    return City(book, layers, outlines)


def _layer(session: Session, row: Any) -> Layer:
    stamp = (row.version, row.digest)
    known = _layers.get(row.id)
    if known is not None and known[0] == stamp:
        return known[1]
    with _lock:
        known = _layers.get(row.id)
        if known is None or known[0] != stamp:
            known = _layers[row.id] = (stamp, Layer(row.key, row.name, BoundaryIndex(row.key, _areas(session, row.id))))
    return known[1]


def _areas(session: Session, layer_id: UUID) -> Sequence[Area]:
    rows = session.exec(select(BoundaryArea).where(BoundaryArea.layer_id == layer_id)).all()
    geometries = shapely.from_wkb([row.geometry for row in rows])
    return [
        Area(row.code, row.name, geometry, row.valid_from, row.valid_to)
        for row, geometry in zip(rows, geometries, strict=True)
    ]


def _book(session: Session, jurisdiction_id: str, stamp: tuple[Any, ...]) -> RuleBook:
    known = _books.get(jurisdiction_id)
    if known is not None and known[0] == stamp:
        return known[1]
    with _lock:
        book = load_rule_book(session, jurisdiction_id)
        _books[jurisdiction_id] = (stamp, book)
    return book


def newest_rule_set(session: Session, jurisdiction_id: str) -> RuleSet | None:
    """The rule-set version in force, None before the first import."""
    return session.exec(
        select(RuleSet).where(RuleSet.jurisdiction_id == jurisdiction_id).order_by(col(RuleSet.version).desc()).limit(1)
    ).first()


def rules(session: Session, jurisdiction_id: str) -> list[Rule]:
    """Every rule of the jurisdiction, past and future ones too, by code and first day."""
    rows = session.exec(
        select(RoutingRule)
        .where(RoutingRule.jurisdiction_id == jurisdiction_id)
        .order_by(col(RoutingRule.code), col(RoutingRule.valid_from))
    )
    return [rule_of(row) for row in rows]


def calendar_definitions(session: Session, jurisdiction_id: str) -> dict[str, dict[str, Any]]:
    """Working calendars by code, as `routing.calendars` reads them."""
    rows = session.exec(
        select(WorkingCalendarRow)
        .where(WorkingCalendarRow.jurisdiction_id == jurisdiction_id)
        .order_by(col(WorkingCalendarRow.code))
    )
    return {row.code: row.definition for row in rows}


def load_rule_book(session: Session, jurisdiction_id: str) -> RuleBook:
    """The newest rule set as values. Raises NotFound when there is none."""
    rule_set = newest_rule_set(session, jurisdiction_id)
    if rule_set is None:
        raise NotFound("La jurisdicción {jurisdiction_id} no tiene reglas.", jurisdiction_id=jurisdiction_id)
    kept = rule_sets.content(
        rule_set.default_agency_code,
        rules(session, jurisdiction_id),
        (agency_facts(row) for row in agencies(session, jurisdiction_id).values()),
        calendar_definitions(session, jurisdiction_id),
    )
    return rule_sets.book_of(jurisdiction_id, rule_set.version, kept)


def rule_book(session: Session, jurisdiction_id: str, version: int) -> RuleBook:
    """What a past version decided with, to check a receipt of then. Raises NotFound for a version that is not on record."""
    rule_set = session.exec(
        select(RuleSet).where(RuleSet.jurisdiction_id == jurisdiction_id, RuleSet.version == version)
    ).first()
    if rule_set is None or not rule_set.content:
        raise NotFound("No hay registro de la versión {version} de las reglas.", version=version)
    return rule_sets.book_of(jurisdiction_id, version, rule_set.content)


def agency_facts(row: Agency) -> AgencyFacts:
    """A stored agency as a value."""
    return AgencyFacts(row.code, row.name, row.short_name, row.calendar_code, row.contact, row.is_active)


def rule_of(row: RoutingRule) -> Rule:
    """A stored rule as a value."""
    return Rule(
        code=row.code,
        priority=row.priority,
        agency_code=row.agency_code,
        reason=row.reason,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        service_code=row.service_code,
        service_group=row.service_group,
        layer_key=row.layer_key,
        area_codes=None if row.area_codes is None else frozenset(row.area_codes),
    )


def agencies(session: Session, jurisdiction_id: str) -> dict[str, Agency]:
    """Every agency of the jurisdiction by code, also those no longer active, in the order of their codes."""
    rows = session.exec(
        select(Agency).where(Agency.jurisdiction_id == jurisdiction_id).order_by(col(Agency.code))
    ).all()
    return {row.code: row for row in rows}


def agency_name(session: Session, jurisdiction_id: str, code: str) -> str | None:
    """The agency's name; from memory when the rules that were read last in this process know it."""
    known = _books.get(jurisdiction_id)
    if known is not None and code in known[1].agencies:
        return known[1].agencies[code].name
    return session.exec(
        select(Agency.name).where(Agency.jurisdiction_id == jurisdiction_id, Agency.code == code)
    ).one_or_none()


def route(
    session: Session,
    *,
    jurisdiction_id: str,
    service_code: str,
    service_group: str,
    promise: Mapping[str, Any],
    point: LonLat | None,
    precision_m: float | None = None,
    at: datetime,
) -> RoutingDecision:
    """Who answers for a service at a point, by when and why, by the rules and boundaries of the local day of `at`.

    Without a point only city-wide rules apply, else the default agency. A point outside the outline is an answer: outcome
    `outside`, no agency. Raises NotFound when the jurisdiction has no rules.
    """
    known = city(session, jurisdiction_id)
    question = Question(service_code, service_group, promise, point, precision_m, at)
    return receipts.decide(known.book, known.layers, question, find_elsewhere(known, point, at))


def find_elsewhere(known: City, point: LonLat | None, at: datetime) -> Elsewhere | None:
    """The other jurisdiction that holds a point outside ours or is nearest to it, within 20 km."""
    if point is None or not known.outlines:
        return None
    on = known.book.calendar.local_date(at)
    if OUTLINE in known.layers and known.layers[OUTLINE].index.at(point, on):
        return None
    found: list[Elsewhere] = []
    for jurisdiction_id, layer in known.outlines.items():
        held = layer.index.at(point, on)
        if held:
            return Elsewhere(jurisdiction_id, held[0].name, 0.0)
        border = layer.index.nearest_border(point, on)
        if border is not None and border.neighbour is not None and border.metres <= _NEIGHBOUR_M:
            found.append(Elsewhere(jurisdiction_id, border.neighbour.name, border.metres))
    return min(found, key=lambda elsewhere: elsewhere.metres, default=None)


def areas_at(session: Session, jurisdiction_id: str, point: LonLat, on: date) -> dict[str, list[Area]]:
    """Every layer's areas at the point on that day, smallest first; a layer without an area there gives an empty list."""
    layers = city(session, jurisdiction_id).layers
    return {key: list(held) for key, held in receipts.areas_at(layers, point, on).items()}


def locate(
    session: Session, jurisdiction_id: str, words: str, *, near: LonLat | None = None, limit: int = 5
) -> list[PlaceMatch]:
    """Places that `words` may mean, best first: the jurisdiction's named places and the areas of its layers."""
    return gazetteer(session, jurisdiction_id).search(words, limit=limit, near=near)


def gazetteer(session: Session, jurisdiction_id: str) -> Gazetteer:
    """The names of a jurisdiction. Areas whose name is not among the imported places are added from the boundary layers."""
    version = session.get(GazetteerVersion, jurisdiction_id)
    rows = session.connection().exec_driver_sql(_STAMPS, {"jurisdiction_id": jurisdiction_id}).all()
    named = [row for row in rows if row.jurisdiction_id == jurisdiction_id and row.key in NAMED_LAYERS]
    stamp = (version.digest if version else None, *((row.id, row.version, row.digest) for row in named))
    known = _gazetteers.get(jurisdiction_id)
    if known is not None and known[0] == stamp and version is not None:
        return known[1]
    with _lock:
        places = [
            _place(row)
            for row in session.exec(select(GazetteerPlace).where(GazetteerPlace.jurisdiction_id == jurisdiction_id))
        ]
        made = Gazetteer([*places, *area_places(places, {row.key: _layer(session, row) for row in named})])
        _gazetteers[jurisdiction_id] = (stamp, made)
    return made


def _place(row: GazetteerPlace) -> Place:
    return Place(row.kind, row.name, LonLat(row.lon, row.lat), row.precision_m, tuple(row.aliases), row.context)


def jurisdictions_at(session: Session, point: LonLat, on: date) -> list[str]:
    """Ids of every jurisdiction whose outline holds the point on that day, smallest outline first."""
    held: list[tuple[float, str]] = []
    for row in session.connection().exec_driver_sql(_STAMPS, {"jurisdiction_id": ""}):
        if row.key == OUTLINE:
            held += [(area.size, row.jurisdiction_id) for area in _layer(session, row).index.at(point, on)]
    return [jurisdiction_id for _, jurisdiction_id in sorted(held)]


def clear_caches() -> None:
    """Forgets every rule book, boundary index and gazetteer of this process."""
    with _lock:
        _books.clear()
        _layers.clear()
        _gazetteers.clear()
