"""What is printed of a request beyond the 17 fields, when somebody asks: `extensions`, `notes`, `attributes`.

One statement for each kind and list, however many requests it holds.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel import Session

from intake.catalog.definitions import ServiceDefinition, text_in
from intake.catalog.queries import jurisdiction
from intake.forecasts.config import ForecastConfig
from intake.forecasts.queries import all_of
from intake.forecasts.words import Told
from intake.media import queries as media
from intake.media.storage import photo_url
from intake.open311.context import City
from intake.open311.filters import is_true
from intake.open311.forms import Fields
from intake.open311.projection import DETAILS, ID, Row, definition_of, in_zone
from intake.service_requests import lifecycle
from intake.service_requests.published import note_for_all, public_answers, public_url
from kernel.i18n import translate
from routing.forecasts import Forecast, look_up

_DECISIONS = (
    "SELECT DISTINCT ON (d.service_request_id) d.service_request_id, d.receipt, d.rule_set_version, d.at"
    " FROM routing_decision d WHERE d.service_request_id = ANY(%(ids)s)"
    " ORDER BY d.service_request_id, d.at DESC, d.id DESC"
)
_EVENTS = (
    "SELECT e.service_request_id, e.name, e.at, e.note, e.public_note, e.actor_kind, e.data"
    " FROM service_request_event e WHERE e.audience = 'public' AND e.service_request_id = ANY(%(ids)s)"
    " ORDER BY e.service_request_id, e.id"
)
_PARENTS = "SELECT r.id, r.folio FROM service_request r WHERE r.is_public AND r.id = ANY(%(ids)s)"
# Of each pair the newest word counts.
_POSSIBLE = (
    "SELECT word.own, r.folio FROM ("
    " SELECT DISTINCT ON (own, other) own, other, decision, score FROM ("
    "  SELECT d.service_request_id AS own, d.candidate_id AS other, d.decision, d.score, d.id FROM duplicate_decision d"
    "  WHERE d.service_request_id = ANY(%(ids)s)"
    "  UNION ALL"
    "  SELECT d.candidate_id, d.service_request_id, d.decision, d.score, d.id FROM duplicate_decision d"
    "  WHERE d.candidate_id = ANY(%(ids)s) AND d.service_request_id IS NOT NULL"
    " ) AS pair ORDER BY own, other, id DESC"
    ") AS word JOIN service_request r ON r.id = word.other JOIN service_request o ON o.id = word.own"
    " WHERE word.decision = 'found' AND r.is_public AND r.parent_id IS NULL AND o.parent_id IS NULL"
    " ORDER BY word.own, word.score DESC, r.folio"
)
PARENT, POSSIBLE = "parent_service_request_id", "possible_duplicates"
# What CitySDK calls the steps of a request; a closed one is told by its outcome.
_STEPS = {
    lifecycle.NEW: "RECEIVED",
    lifecycle.IN_PROGRESS: "IN_PROCESS",
    lifecycle.WAITING: "IN_PROCESS",
    lifecycle.REOPENED: "IN_PROCESS",
}
_ENDS = {"resolved": "PROCESSED", "cancelled_by_resident": "ARCHIVED"}


class _Columns(NamedTuple):
    """`selection.DETAIL_COLUMNS`, in its order."""

    outcome_code: str | None
    channel: str
    report_count: int
    areas: Mapping[str, Any]
    media_urls: Sequence[str]
    public_attributes: Mapping[str, Any] | None
    attributes: Mapping[str, Any] | None
    parent_id: UUID | None
    source: str | None
    source_id: str | None
    paused_at: datetime | None


class _Decision(NamedTuple):
    receipt: Mapping[str, Any]
    rule_set_version: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Details:
    """What was asked for. `parts`: names in PARTS, the keys of `extended_attributes`."""

    parts: frozenset[str] = frozenset()
    has_notes: bool = False
    has_attributes: bool = False

    def __bool__(self) -> bool:
        return bool(self.parts) or self.has_notes or self.has_attributes


@dataclass(frozen=True, slots=True)
class _Seen:
    """A row with all that its parts are made of."""

    row: Row
    columns: _Columns
    decision: _Decision | None
    photos: Sequence[UUID]
    parent_folio: str | None
    possible_duplicates: Sequence[str]
    forecasts: "_Forecasts"
    city: City
    now: datetime


class _Forecasts(NamedTuple):
    config: ForecastConfig = ForecastConfig()
    table: Mapping[tuple[str, str], Forecast] = MappingProxyType({})


def read_details(query: Fields) -> Details:
    """`extensions=true` is every part, a list of names those; names of other servers' parts are passed over."""
    asked = frozenset(name.lower() for name in query.listed("extensions"))
    parts = frozenset(PARTS) if is_true(query, "extensions") else asked & frozenset(PARTS)
    return Details(parts, is_true(query, "notes"), is_true(query, "attributes"))


def add_details(
    session: Session, city: City, asked: Details, rows: Sequence[Row], items: Sequence[dict[str, Any]], now: datetime
) -> None:
    """Adds to each item, in place, what was asked for. rows: those of the items, with their details."""
    ids = [row[ID] for row in rows]
    decisions = _decisions(session, ids) if "routing" in asked.parts else {}
    photos = media.public_photos_of_requests(session, ids) if "media_urls" in asked.parts else {}
    parents = _parents(session, rows) if PARENT in asked.parts else {}
    possible = _possible_duplicates(session, ids) if POSSIBLE in asked.parts else {}
    notes = _notes(session, city, ids) if asked.has_notes else {}
    forecasts = _forecasts(session, city) if "forecast" in asked.parts else _Forecasts()
    for row, item in zip(rows, items, strict=True):
        columns = _Columns(*row[DETAILS:])
        if asked.parts:
            seen = _Seen(
                row,
                columns,
                decisions.get(row[ID]),
                photos.get(row[ID], ()),
                parents.get(columns.parent_id) if columns.parent_id else None,
                possible.get(row[ID], ()),
                forecasts,
                city,
                now,
            )
            item["extended_attributes"] = {name: part(seen) for name, part in PARTS.items() if name in asked.parts}
        if asked.has_notes:
            item["notes"] = notes.get(row[ID], [])
        if asked.has_attributes:
            item["attributes"] = _answers(definition_of(city, item["service_code"]), columns, city.language)


def _decisions(session: Session, ids: Sequence[UUID]) -> dict[UUID, _Decision]:
    rows: Any = session.connection().exec_driver_sql(_DECISIONS, {"ids": list(ids)})
    return {request_id: _Decision(*values) for request_id, *values in rows}


def _parents(session: Session, rows: Sequence[Row]) -> dict[UUID, str]:
    """The folios of those that these rows are duplicates of, as far as everybody may see them."""
    ids = [parent for row in rows if (parent := _Columns(*row[DETAILS:]).parent_id) is not None]
    if not ids:
        return {}
    found: Any = session.connection().exec_driver_sql(_PARENTS, {"ids": ids})
    return dict(found.all())


def _possible_duplicates(session: Session, ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Folios of what may be the same and nobody has decided on; public ones only, on either side."""
    rows: Any = session.connection().exec_driver_sql(_POSSIBLE, {"ids": list(ids)})
    found: dict[UUID, list[str]] = defaultdict(list)
    for request_id, folio in rows:
        found[request_id].append(folio)
    return found


def _forecasts(session: Session, city: City) -> _Forecasts:
    return _Forecasts(ForecastConfig.of(jurisdiction(session, city.id).settings), all_of(session, city.id))


def _notes(session: Session, city: City, ids: Sequence[UUID]) -> dict[UUID, list[dict[str, str | None]]]:
    rows: Any = session.connection().exec_driver_sql(_EVENTS, {"ids": list(ids)})
    told: dict[UUID, list[dict[str, str | None]]] = defaultdict(list)
    for request_id, name, at, note, public_note, actor_kind, data in rows:
        words = public_note if public_note is not None else note_for_all(note, actor_kind)
        described = _told(name, words, data, city.language) or None
        told[request_id].append({"datetime": in_zone(at, city.zone), "description": described, "type": name})
    return told


def _told(name: str, note: str, data: Mapping[str, Any], language: str) -> str:
    """One public event in one sentence."""
    if name == "submitted":
        return translate(language, "Recibimos el reporte.")
    if name == "routed":
        return translate(language, "Lo enviamos a {agency}.", agency=data.get("agency_name") or "")
    if name == "joined":
        return translate(language, "Otra persona reportó lo mismo.")
    if name == "promise_moved":
        return translate(language, "El plazo cambió al {day}.", day=data["after"][:10])
    if name != "status_changed":
        return note
    life = str(data.get("life") or "")
    state = lifecycle.OUTCOMES.get(str(data.get("outcome_code") or "")) or lifecycle.LIFE_TEXTS.get(life, life)
    said = translate(language, state)
    return f"{said}. {note}" if note else f"{said}."


def _answers(definition: ServiceDefinition | None, columns: _Columns, language: str) -> list[dict[str, str]]:
    """One entry for each answer, and for each choice of a question with several, in the order of the questions.

    Answers to questions that the service no longer asks are left out: nothing says any more whether they were public.
    """
    answers = columns.public_attributes
    if answers is None:
        answers = public_answers(columns.attributes or {})
    told = []
    for question in definition.attributes if definition else ():
        given = answers.get(question.code)
        names = {option.key: text_in(option.name, language) for option in question.options}
        for value in given if isinstance(given, list) else [given] if given is not None else []:
            told.append(
                {
                    "code": question.code,
                    "label": text_in(question.description, language),
                    "value": value,
                    "name": names.get(value, value),
                }
            )
    return told


def _detailed_status(seen: _Seen) -> str:
    life = seen.row[1]
    return _STEPS[life] if life in _STEPS else _ENDS.get(seen.columns.outcome_code or "", "REJECTED")


def _outcome(seen: _Seen) -> dict[str, str] | None:
    code = seen.columns.outcome_code
    return (code and {"code": code, "text": translate(seen.city.language, lifecycle.OUTCOMES.get(code, code))}) or None


def _promise(seen: _Seen) -> dict[str, Any] | None:
    """`is_kept`: null while there is still time."""
    closed_at, due = seen.row[8], seen.row[9]
    if due is None:
        return None
    is_late = lifecycle.is_late(due, seen.now, closed_at=closed_at, paused_at=seen.columns.paused_at)
    is_kept = False if is_late else True if closed_at else None
    return {"due": in_zone(due, seen.city.zone), "is_kept": is_kept, "is_paused": seen.columns.paused_at is not None}


def _forecast(seen: _Seen) -> dict[str, Any] | None:
    """How long such requests take lately, in hours; without p80 `reason` says why there is no number."""
    config = seen.forecasts.config
    held = (seen.columns.areas.get(config.area_layer) or [{}])[0]
    found = look_up(seen.forecasts.table, seen.row[3], str(held.get("code") or ""))
    if found is None or not config.is_shown:
        return None
    told = Told(found, str(held.get("name") or ""))
    hours = {f"p{share}_hours": seconds and round(seconds / 3600, 1) for share, seconds in
             ((50, found.p50), (80, found.p80), (90, found.p90))}  # fmt: skip
    return {
        **hours,
        "sample": found.sample,
        "window_days": found.window_days,
        "level": found.level,
        "reason": found.reason or None,
        "text": told.sentence(seen.city.language),
    }


def _routing(seen: _Seen) -> dict[str, Any] | None:
    """The receipt for everybody: why this agency, how far the border that matters is, who it would be otherwise.

    The answers that rules asked for and what an agency has open stay inside.
    """
    if seen.decision is None:
        return None
    receipt, version, at = seen.decision
    language = seen.city.language
    agency, rule, border = receipt.get("agency"), receipt.get("rule"), receipt.get("border")
    second, doubt = receipt.get("runner_up"), receipt.get("border_case")
    return {
        "agency_code": agency["code"] if agency else None,
        "reason": text_in(rule["reason"], language) or None if rule else None,
        "outcome": receipt.get("outcome"),
        "rule": rule["code"] if rule else None,
        "rule_set_version": version,
        "decided_datetime": in_zone(at, seen.city.zone),
        "border": {"layer": border["layer"], "metres": border["metres"]} if border else None,
        "runner_up": {"agency_code": second["agency"]["code"], "agency": second["agency"]["name"]} if second else None,
        "question": text_in(doubt["question"], language) if doubt else None,
    }


def _areas(seen: _Seen) -> list[dict[str, str]]:
    return [
        {"layer": layer, "code": area["code"], "name": area["name"]}
        for layer, held in sorted(seen.columns.areas.items())
        for area in held
    ]


def _media_urls(seen: _Seen) -> list[str]:
    """Our own photos first, as in `media_url`."""
    urls = [*map(photo_url, seen.photos), *map(public_url, seen.columns.media_urls)]
    return [url for url in urls if url]


def _register(seen: _Seen) -> dict[str, str] | None:
    """The register that a past request came from, and its number there: `routing` is null for it, nothing was decided here."""
    if seen.columns.source is None:
        return None
    return {"name": seen.columns.source, "number": seen.columns.source_id or ""}


PARTS: Mapping[str, Callable[[_Seen], Any]] = {
    "detailed_status": _detailed_status,
    "outcome": _outcome,
    "promise": _promise,
    "forecast": _forecast,
    "routing": _routing,
    "areas": _areas,
    "channel": lambda seen: seen.columns.channel,
    "report_count": lambda seen: seen.columns.report_count,
    "media_urls": _media_urls,
    PARENT: lambda seen: seen.parent_folio,
    POSSIBLE: lambda seen: list(seen.possible_duplicates) or None,
    "register": _register,
}
