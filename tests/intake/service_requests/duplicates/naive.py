"""The look-up and its score as one would write them first: every row, every word, no index, no shortcut. The oracle."""

import math
import unicodedata
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, select

from georef.distances import distance_m, metres_per_degree
from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.catalog.definitions import DuplicateRules, ServiceDefinition
from intake.service_requests.duplicates import scoring
from intake.service_requests.duplicates.cells import cells_around
from intake.service_requests.duplicates.lookup import assets_of
from intake.service_requests.duplicates.scoring import Likeness, Sighting, doubt_m, near
from intake.service_requests.models import Report, ServiceRequest
from intake.service_requests.public_text import public_text

OF_EACH, OF_FAMILY, MOST_ROWS, MOST_SCORED = 25, 6, 400, 40
NO_PARENTS = ("duplicate", "outside_jurisdiction", "cancelled_by_resident")


def fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFC", text).casefold().replace("ñ", "\0"))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).replace("\0", "ñ")


def words_of(text: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in fold(text)).split()


def trigrams(text: str) -> set[str]:
    words = words_of(text[:1000])
    if sum(map(len, words)) < 4:
        return set()
    return {padded[i : i + 3] for word in words for padded in (f"  {word} ",) for i in range(len(padded) - 2)}


def similarity(one: str, other: str) -> float:
    ours, theirs = trigrams(one), trigrams(other)
    return len(ours & theirs) / len(ours | theirs) if ours and theirs else 0.0


def likeness(
    told: Sighting, known: Sighting, rules: DuplicateRules, closed_at: datetime | None, *, is_same_contact: bool
) -> Likeness:
    metres = distance_m(told.point, known.point)
    days = abs((told.at - known.at).total_seconds()) / 86400
    closed_days = max(0.0, (told.at - closed_at).total_seconds() / 86400) if closed_at else None
    is_same_service = told.service_code == known.service_code
    asset = _asset(told, known)
    address = words_of(told.address)
    is_same_address = any(letter.isdigit() for letter in "".join(address)) and address == words_of(known.address)
    alike = similarity(told.words, known.words)
    closed = 0.0
    if closed_days is not None:
        closed = scoring.CLOSED + scoring.CLOSED_LONG * min(2, closed_days / max(1, rules.closed_days))
    parts = {
        "near": near(metres, doubt_m(told.precision_m, known.precision_m), rules.radius_m),
        "fresh": scoring.FRESH * 2 ** (-days / scoring.HALF_DAYS),
        "closed": closed,
        "service": 0.0 if is_same_service else scoring.FAMILY,
        "asset": 0.0 if asset is None else scoring.SAME_ASSET if asset else scoring.OTHER_ASSET,
        "address": scoring.SAME_ADDRESS if is_same_address else 0.0,
        "words": scoring.WORDS * alike,
        "contact": scoring.SAME_CONTACT if is_same_contact else 0.0,
    }
    facts = {
        "metres": round(metres),
        "hours": round(days * 24, 1),
        "closed_hours": None if closed_days is None else round(closed_days * 24, 1),
        "same_service": is_same_service,
        "same_asset": asset,
        "alike": round(alike, 2),
        "same_contact": is_same_contact,
    }
    score = 1 / (1 + math.exp(-(scoring.BASE + sum(parts.values()))))
    return Likeness(score, {name: round(odds, 3) for name, odds in parts.items()}, facts)


def _asset(told: Sighting, known: Sighting) -> bool | None:
    if told.address_id and told.address_id == known.address_id:
        return True
    both = told.assets.keys() & known.assets.keys()
    if not both or told.service_code != known.service_code:
        return None
    return all(told.assets[code].strip().lower() == known.assets[code].strip().lower() for code in both)


def around(
    session: Session,
    definition: ServiceDefinition,
    told: Sighting,
    *,
    now: datetime,
    public_only: bool,
    but: UUID | None = None,
    least: float,
) -> list[tuple[str, str, Likeness]]:
    """(folio, public words, likeness) of what `lookup.around` should find, in its order."""
    rules = definition.duplicates
    known = catalog.catalog(session, definition.jurisdiction_id)
    services = known.retired | known.by_code
    statement = select(ServiceRequest).where(
        ServiceRequest.jurisdiction_id == definition.jurisdiction_id, col(ServiceRequest.parent_id).is_(None)
    )
    rows = [row for row in session.exec(statement) if row.lat is not None and (row.is_public or not public_only)]
    family = sorted(
        one.code
        for one in services.values()
        if one.group_code == definition.group_code
        and one.code != definition.code
        and (one.is_public or not public_only)
    )
    read: list[ServiceRequest] = []
    closed_after = now - timedelta(days=rules.closed_days)
    asked = [(cell, definition.code, OF_EACH) for cell in cells_around(told.point, rules.radius_m)]
    asked += [(cell, code, OF_FAMILY) for cell in cells_around(told.point, rules.radius_m / 2) for code in family]
    for cell, code, most in asked:
        here = [row for row in rows if row.service_code == code and cells_around(_point(row), 0.0)[0] == cell]
        is_open = [row for row in here if row.closed_at is None]
        closed = [row for row in here if row.closed_at is not None and row.closed_at > closed_after]
        read += sorted(is_open, key=lambda row: row.requested_at, reverse=True)[:most]
        read += sorted(closed, key=lambda row: row.closed_at or now, reverse=True)[:most]
    per_lon, per_lat = metres_per_degree(told.point.lat)
    candidates = []
    for row in read[:MOST_ROWS]:
        point = _point(row)
        metres = math.hypot((point.lon - told.point.lon) * per_lon, (point.lat - told.point.lat) * per_lat)
        if metres <= rules.radius_m and row.id != but and row.outcome_code not in NO_PARENTS:
            candidates.append((metres, -row.requested_at.timestamp(), row.id, row))
    scored = [(row, *_scored(session, services, definition, told, row)) for *_, row in sorted(candidates)[:MOST_SCORED]]
    likely = [one for one in scored if one[2].score >= least]
    likely.sort(key=lambda one: (-one[2].score, one[0].requested_at, one[0].folio))
    return [(row.folio, words, found) for row, words, found in likely]


def _scored(
    session: Session,
    services: dict[str, ServiceDefinition],
    own: ServiceDefinition,
    told: Sighting,
    row: ServiceRequest,
) -> tuple[str, Likeness]:
    definition = services.get(row.service_code)
    words = public_text(row.description) if row.public_text_version is None else row.public_description
    seen = Sighting(
        row.service_code,
        definition.group_code if definition else "",
        _point(row),
        row.requested_at,
        row.precision_m,
        words or "",
        row.public_address or "",
        row.address_id,
        assets_of(definition, row.attributes),
    )
    mine = select(Report).where(Report.service_request_id == row.id, Report.contact_point_id == told.contact_point_id)
    is_mine = told.contact_point_id is not None and session.exec(mine).first() is not None
    return words or "", likeness(told, seen, own.duplicates, row.closed_at, is_same_contact=is_mine)


def _point(row: ServiceRequest) -> LonLat:
    assert row.lon is not None
    assert row.lat is not None
    return LonLat(row.lon, row.lat)
