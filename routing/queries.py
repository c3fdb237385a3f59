"""Reads of responsibility. Rules and boundaries stay in memory, per process, as long as their version in the database stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from threading import RLock
from typing import Any, NamedTuple
from uuid import UUID

import shapely
from shapely.geometry.base import BaseGeometry
from sqlmodel import Session, col, select

from georef.boundaries import Area, BoundaryIndex
from georef.gazetteer import Gazetteer, Place, PlaceMatch
from georef.points import LonLat
from kernel import db, memory
from kernel.errors import NotFound
from routing import deciding, places
from routing.calendars import WorkingCalendar
from routing.conditions import Answer
from routing.decide import OUTLINE, RuleBook
from routing.in_force import DatedSet, RulesInForce, answering
from routing.models import Agency, BoundaryArea, BoundaryLayer, GazetteerPlace, RuleSet, WorkingCalendarRow
from routing.names import area_places
from routing.places import Layer, still_there
from routing.receipts import Elsewhere
from routing.situation import Question
from routing.stored_rules import NoReadableRules, load_rules
from routing.stored_rules import last_imported as last_imported
from routing.stored_rules import last_version as last_version
from routing.stored_rules import newest_rule_set as newest_rule_set
from routing.stored_rules import rule_book as rule_book
from routing.stored_rules import rule_set as rule_set
from routing.values import AgencyFacts, LayerKind, RoutingDecision

# One round trip answers "did anything change?". Rule sets are only ever added or taken back: the newest one and the number of
# those taken back tell of them all.
_STAMPS = """
    (SELECT 'rules' AS kind, r.jurisdiction_id, '' AS key, r.id, r.version,
           r.digest || ' ' || (SELECT count(*) FROM rule_set w WHERE w.jurisdiction_id = r.jurisdiction_id
                                                                 AND w.withdrawn_at IS NOT NULL) AS digest
      FROM rule_set r
     WHERE r.jurisdiction_id = %(jurisdiction_id)s
     ORDER BY r.version DESC
     LIMIT 1)
     UNION ALL
    SELECT 'layer', l.jurisdiction_id, l.key, l.id, l.version, l.digest
      FROM boundary_layer l
     WHERE l.jurisdiction_id = %(jurisdiction_id)s OR l.key = 'jurisdiction'
     ORDER BY 1, 2, 3
    """
# The same as one text.
_ARE_AS_REMEMBERED = f"""(
    SELECT string_agg(concat_ws(' ', kind, jurisdiction_id, key, id, version, digest), E'\\n' ORDER BY kind, jurisdiction_id, key)
      FROM ({_STAMPS}) AS stamps
    ) = %(stamps)s"""  # noqa: S608  # our own text
_GAZETTEER = "SELECT digest FROM gazetteer WHERE jurisdiction_id = $1"
_NAMES = "SELECT name, short_name FROM agency WHERE jurisdiction_id = $1 AND code = $2"
_NEIGHBOUR_M = 20_000.0


@dataclass(frozen=True, slots=True)
class City:
    """What one jurisdiction decides with. `outlines` are the outlines of the other jurisdictions of the installation."""

    rules: RulesInForce
    layers: Mapping[str, Layer]
    outlines: Mapping[str, Layer]

    @property
    def book(self) -> RuleBook:
        """The newest rules, also when their day is yet to come: for names and calendars. A decision asks `rules` by its day."""
        return self.rules.newest


class _Stamp(NamedTuple):
    """A row of `_STAMPS`."""

    kind: str
    jurisdiction_id: str
    key: str
    id: UUID
    version: int
    digest: str


class _Moved(Exception):
    """Somebody published between a stamp and what it stamps; ask again."""


# Layers whose areas people call by name.
NAMED_LAYERS = ("district", "colonia", "postal_code")
_lock = RLock()
_rules: dict[str, tuple[tuple[Any, ...], RulesInForce]] = {}
_layers: dict[UUID, tuple[tuple[Any, ...], Layer]] = {}
_calendars: dict[tuple[str, int, str], WorkingCalendar] = {}
_gazetteers: dict[str, tuple[tuple[Any, ...], Gazetteer]] = {}
# As last read, with its stamps as `_ARE_AS_REMEMBERED` compares them.
_remembered: dict[str, tuple[str, City]] = {}


def city(session: Session, jurisdiction_id: str) -> City:
    """Rules and boundaries as one commit left them, never some from before it and some from after.

    A unit of work that goes by memory has them as they were last read here, and claims that they still are so.
    Raises NotFound when the jurisdiction has no rules yet.
    """
    if memory.goes_by_memory(session) and (remembered := _remembered.get(jurisdiction_id)) is not None:
        stamps, known = remembered
        memory.claim(session, _ARE_AS_REMEMBERED, {"jurisdiction_id": jurisdiction_id, "stamps": stamps})
        return known
    return db.asked_once(session, ("rules", jurisdiction_id), lambda: _city_of_one_commit(session, jurisdiction_id))


def _city_of_one_commit(session: Session, jurisdiction_id: str) -> City:
    while True:
        try:
            return _city(session, jurisdiction_id)
        except _Moved:
            continue


def why_undecided(session: Session, jurisdiction_id: str) -> NoReadableRules | None:
    """What is wrong when no version of the rules can be read, so that no report can be taken."""
    try:
        city(session, jurisdiction_id)
    except NoReadableRules as trouble:
        return trouble
    except NotFound:
        return None  # a city that has no rules yet
    return None


def _city(session: Session, jurisdiction_id: str) -> City:
    rules: RulesInForce | None = None
    layers: dict[str, Layer] = {}
    outlines: dict[str, Layer] = {}
    stamps = _stamps(session, jurisdiction_id)
    for row in stamps:
        if row.kind == "rules":
            rules = _rules_in_force(session, jurisdiction_id, (row.id, row.version, row.digest))
        elif row.jurisdiction_id == jurisdiction_id:
            layers[row.key] = _exactly(session, row)
        else:
            outlines[row.jurisdiction_id] = _exactly(session, row)
    if rules is None:
        raise NotFound("La jurisdicción {jurisdiction_id} no tiene reglas.", jurisdiction_id=jurisdiction_id)
    found = City(rules, layers, outlines)
    _remembered[jurisdiction_id] = "\n".join(" ".join(map(str, row)) for row in stamps), found
    return found


def _stamps(session: Session, jurisdiction_id: str) -> list[_Stamp]:
    rows = db.fetch(session, _STAMPS, {"jurisdiction_id": jurisdiction_id}, prepare=True)
    return [_Stamp(*row) for row in rows]


def _exactly(session: Session, row: _Stamp) -> Layer:
    stamp = (row.version, row.digest)
    found, layer = _stamped_layer(session, row.id, stamp)
    if found != stamp:
        raise _Moved
    return layer


def _layer(session: Session, row: _Stamp) -> Layer:
    """The layer as the row says or newer."""
    return _stamped_layer(session, row.id, (row.version, row.digest))[1]


def _stamped_layer(session: Session, layer_id: UUID, stamp: tuple[Any, ...]) -> tuple[tuple[Any, ...], Layer]:
    known = _layers.get(layer_id)
    if known is not None and known[0] == stamp:
        return known
    with _lock:
        known = _layers.get(layer_id)
        if known is None or known[0] != stamp:
            known = _layers[layer_id] = _load_layer(session, layer_id)
    return known


def _load_layer(session: Session, layer_id: UUID) -> tuple[tuple[Any, ...], Layer]:
    """The layer with the stamp it has in the same statement: it may be a newer one than the caller has seen."""
    rows = session.exec(
        select(BoundaryLayer, BoundaryArea)
        .join(BoundaryArea, col(BoundaryArea.layer_id) == col(BoundaryLayer.id), isouter=True)
        .where(BoundaryLayer.id == layer_id)
        .execution_options(populate_existing=True)
    ).all()
    layer = rows[0][0]
    held = [area for _, area in rows if area is not None]
    geometries = shapely.from_wkb([area.geometry for area in held])
    areas = [
        Area(area.code, area.name, geometry, area.valid_from, area.valid_to)
        for area, geometry in zip(held, geometries, strict=True)
    ]
    kind: LayerKind = "line" if layer.kind == "line" else "area"
    return (layer.version, layer.digest), Layer(layer.key, layer.name, BoundaryIndex(layer.key, areas, kind))


def _rules_in_force(session: Session, jurisdiction_id: str, stamp: tuple[Any, ...]) -> RulesInForce:
    known = _rules.get(jurisdiction_id)
    if known is not None and known[0] == stamp:
        return known[1]
    with _lock:
        known = _rules.get(jurisdiction_id)
        if known is None or known[0] != stamp:
            known = _rules[jurisdiction_id] = (stamp, load_rules(session, jurisdiction_id, stamp[1]))
    return known[1]


def sets_from(session: Session, jurisdiction_id: str, now: datetime) -> list[RuleSet]:
    """The rule set in force, and those planned after it, by first day."""
    rows = session.exec(
        select(RuleSet).where(RuleSet.jurisdiction_id == jurisdiction_id, col(RuleSet.withdrawn_at).is_(None))
    ).all()
    by_version = {row.version: row for row in rows}
    sets = [by_version[known.version] for known in answering(DatedSet(row.version, row.valid_from) for row in rows)]
    if len(sets) < 2:
        return sets
    try:
        today = city(session, jurisdiction_id).book.calendar.local_date(now)
    except NoReadableRules:
        today = now.date()
    started = [known for known in sets if known.valid_from <= today]
    return [*started[-1:], *(known for known in sets if known.valid_from > today)]


def calendar_definitions(session: Session, jurisdiction_id: str) -> dict[str, dict[str, Any]]:
    """Working calendars by code, as `routing.calendars` reads them."""
    rows = session.exec(
        select(WorkingCalendarRow)
        .where(WorkingCalendarRow.jurisdiction_id == jurisdiction_id)
        .order_by(col(WorkingCalendarRow.code))
    )
    return {row.code: row.definition for row in rows}


def calendar_of(session: Session, jurisdiction_id: str, version: int, code: str) -> WorkingCalendar:
    """A calendar as that version of the rules had it; where it kept none, the one of today's default agency.

    Raises NotFound without rules.
    """
    known = _rules.get(jurisdiction_id)
    for book in known[1].books if known is not None else ():
        if book.version == version and code in book.calendars:
            return book.calendars[code]
    key = (jurisdiction_id, version, code)
    if key not in _calendars:
        content: Mapping[str, Any] | None = session.exec(
            select(RuleSet.content).where(RuleSet.jurisdiction_id == jurisdiction_id, RuleSet.version == version)
        ).one_or_none()
        kept = (content or {}).get("calendars", {}).get(code)
        if kept is None:
            return city(session, jurisdiction_id).book.calendar
        _calendars[key] = WorkingCalendar(kept)
    return _calendars[key]


def agency_facts(row: Agency) -> AgencyFacts:
    """A stored agency as a value."""
    return AgencyFacts(row.code, row.name, row.short_name, row.calendar_code, row.contact, row.is_active)


def agencies(session: Session, jurisdiction_id: str) -> dict[str, Agency]:
    """Every agency of the jurisdiction by code, also those no longer active, in the order of their codes."""
    rows = session.exec(
        select(Agency).where(Agency.jurisdiction_id == jurisdiction_id).order_by(col(Agency.code))
    ).all()
    return {row.code: row for row in rows}


def agency_names(session: Session, jurisdiction_id: str, code: str) -> tuple[str, str] | None:
    """The full and the short name of an agency, also of one no longer active."""
    session.flush()
    found = db.fetch(session, _NAMES, [jurisdiction_id, code], prepare=True)
    return tuple(found[0]) if found else None


def agency_name(session: Session, jurisdiction_id: str, code: str) -> str | None:
    """The agency's name; from memory when the rules that were read last in this process know it."""
    known = _rules.get(jurisdiction_id)
    if known is not None and code in known[1].newest.agencies:
        return known[1].newest.agencies[code].name
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
    answers: Mapping[str, Answer] | None = None,
    settled: Mapping[str, str] | None = None,
    count_open: Callable[[str, int], int] | None = None,
    who_serves: Callable[[City, LonLat, date, Elsewhere | None], Elsewhere | None] | None = None,
) -> RoutingDecision:
    """Who answers for a service at a point, by when and why, by the rules and boundaries of the local day of `at`.

    Without a point only city-wide rules apply, else the default agency. A point outside the outline is an answer: outcome
    `outside`, no agency. answers: to the service's questions. settled: what a person replied to a border case, as its receipt
    offers it; a reply that names what is no longer there is passed over, and the receipt then asks again. count_open: open
    requests of an agency, counted up to a limit; asked only when a rule of this service wants to know, and taken for none when
    not given. who_serves: asked for a point outside only, with the other city found there: who that is for the receipt, with a
    phone. Raises NotFound when the jurisdiction has no rules.
    """
    known = city(session, jurisdiction_id)
    book = known.rules.at(at)
    on = book.calendar.local_date(at)
    loads: dict[str, int] = {}
    if count_open is not None:
        asked = book.asked(service_code, service_group, on)
        loads = {agency_code: count_open(agency_code, limit) for agency_code, limit in asked.limits}
    replied = still_there(known.layers, settled or {}, on) if point is not None else {}
    question = Question(service_code, service_group, promise, point, precision_m, at, answers or {}, loads, replied)
    elsewhere = None
    # Who says that it is outside is believed, wherever the point fell.
    if (
        point is not None
        and (who_serves or known.outlines)
        and (_is_outside(known, point, on) or replied.get(OUTLINE) == "")
    ):
        elsewhere = _beyond(known, point, on)
        if who_serves is not None:
            elsewhere = who_serves(known, point, on, elsewhere)
    return deciding.decide(session, known.rules, known.layers, question, elsewhere)


def _is_outside(known: City, point: LonLat, on: date) -> bool:
    outline = {key: layer for key, layer in known.layers.items() if key == OUTLINE}
    return places.is_outside(outline, places.areas_at(outline, point, on), on)


def find_elsewhere(known: City, point: LonLat | None, at: datetime) -> Elsewhere | None:
    """The other jurisdiction that holds a point outside ours or is nearest to it, within 20 km."""
    if point is None or not known.outlines:
        return None
    on = known.rules.at(at).calendar.local_date(at)
    return _beyond(known, point, on) if OUTLINE not in known.layers or _is_outside(known, point, on) else None


def _beyond(known: City, point: LonLat, on: date) -> Elsewhere | None:
    found: list[Elsewhere] = []
    for jurisdiction_id, layer in known.outlines.items():
        held = layer.index.at(point, on)
        if held:
            return Elsewhere(jurisdiction_id, held[0].name, 0.0)
        border = layer.index.nearest_border(point, on)
        if border is not None and border.neighbour is not None and border.metres <= _NEIGHBOUR_M:
            found.append(Elsewhere(jurisdiction_id, border.neighbour.name, border.metres))
    return min(found, key=lambda elsewhere: elsewhere.metres or 0.0, default=None)


def areas_at(session: Session, jurisdiction_id: str, point: LonLat, on: date) -> dict[str, list[Area]]:
    """Every layer's areas at the point on that day, smallest first, and lines that rules ask for, nearest first.

    A layer without any there gives an empty list.
    """
    known = city(session, jurisdiction_id)
    held = places.areas_at(known.layers, point, on, known.rules.on(on).tolerances(on))
    return {key: list(areas) for key, areas in held.items()}


def line_on(session: Session, jurisdiction_id: str, layer: str, code: str, on: date) -> BaseGeometry | None:
    """A line of a layer of lines as it was on that day; None when it was not there."""
    known = city(session, jurisdiction_id).layers.get(layer)
    lines = known.index.lines(on).lines if known is not None else ()
    return next((line.geometry for line in lines if line.code == code), None)


def locate(
    session: Session, jurisdiction_id: str, words: str, *, near: LonLat | None = None, limit: int = 5
) -> list[PlaceMatch]:
    """Places that `words` may mean, best first: the jurisdiction's named places and the areas of its layers."""
    return gazetteer(session, jurisdiction_id).search(words, limit=limit, near=near)


def gazetteer(session: Session, jurisdiction_id: str) -> Gazetteer:
    """The names of a jurisdiction. Areas whose name is not among the imported places are added from the boundary layers."""
    session.flush()
    version = db.fetch(session, _GAZETTEER, [jurisdiction_id], prepare=True)
    rows = _stamps(session, jurisdiction_id)
    named = [row for row in rows if row.jurisdiction_id == jurisdiction_id and row.key in NAMED_LAYERS]
    stamp = (version[0][0] if version else None, *((row.id, row.version, row.digest) for row in named))
    known = _gazetteers.get(jurisdiction_id)
    if known is not None and known[0] == stamp and version:
        return known[1]
    with _lock:
        named_places = [
            _place(row)
            for row in session.exec(select(GazetteerPlace).where(GazetteerPlace.jurisdiction_id == jurisdiction_id))
        ]
        made = Gazetteer([*named_places, *area_places(named_places, {row.key: _layer(session, row) for row in named})])
        _gazetteers[jurisdiction_id] = (stamp, made)
    return made


def _place(row: GazetteerPlace) -> Place:
    return Place(row.kind, row.name, LonLat(row.lon, row.lat), row.precision_m, tuple(row.aliases), row.context)


def jurisdictions_at(session: Session, point: LonLat, on: date) -> list[str]:
    """Ids of every jurisdiction whose outline holds the point on that day, smallest outline first."""
    held: list[tuple[float, str]] = []
    for row in _stamps(session, ""):
        if row.key == OUTLINE:
            held += [(area.size, row.jurisdiction_id) for area in _layer(session, row).index.at(point, on)]
    return [jurisdiction_id for _, jurisdiction_id in sorted(held)]


def clear_caches() -> None:
    """Forgets every rule book, boundary index and gazetteer of this process."""
    with _lock:
        _rules.clear()
        _calendars.clear()
        _layers.clear()
        _gazetteers.clear()
        _remembered.clear()
