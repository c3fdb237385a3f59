"""Looking at the city's contacts for more than usual, and proposing an incident for a supervisor to accept or dismiss."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from intake.catalog import cities
from intake.catalog import queries as catalog
from intake.catalog.queries import Catalog
from intake.incidents import actions, places
from intake.incidents.detecting import FLOOR, RATIO, WEEKS, Bar, Burst, Sighting, find_bursts, windows
from intake.incidents.models import Incident
from intake.incidents.values import MOST_TITLE, MOST_WRITTEN, Draft
from kernel import db
from kernel.i18n import LANGUAGES, translate

AREA_LAYER = "district"
# Whoever said no, or ended it, is not asked the same again at once.
RESTS_FOR = timedelta(hours=6)
# Reports that join a request count too, where the request is not much older than the hour that is looked at.
_JOINED_WITHIN = timedelta(hours=6)
_COUNTS = """
    SELECT looked.week, looked.beside, service_request.service_code,
        coalesce(service_request.areas -> $2 -> 0 ->> 'code', ''),
        count(DISTINCT coalesce(report.person_id, report.id))
    FROM unnest($3::int[], $4::int[], $5::timestamptz[], $6::timestamptz[]) AS looked (week, beside, since, until)
    JOIN service_request ON service_request.jurisdiction_id = $1 AND service_request.source IS NULL
        AND service_request.requested_at > looked.since - $7::interval AND service_request.requested_at <= looked.until
    JOIN report ON report.service_request_id = service_request.id
        AND report.at > looked.since AND report.at <= looked.until
    GROUP BY 1, 2, 3, 4
"""
_FIRST = "SELECT min(requested_at) FROM service_request WHERE jurisdiction_id = $1 AND source IS NULL"


def look(session: Session, jurisdiction_id: str, *, now: datetime) -> list[Incident]:
    """Proposes what is more than usual and not known yet; what it rests on is kept with the proposal."""
    known = catalog.catalog(session, jurisdiction_id)
    found = find_bursts(
        seen(session, jurisdiction_id, known, now=now),
        weeks=weeks_of(session, jurisdiction_id, now=now),
        bar=bar_of(cities.city(session, jurisdiction_id).settings),
    )
    made = [_propose(session, jurisdiction_id, known, burst, now) for burst in found]
    return [incident for incident in made if incident is not None]


def bar_of(settings: Mapping[str, Any]) -> Bar:
    """`[guards]` of the city's folder, else the usual."""
    given = settings.get("guards", {})
    return Bar(int(given.get("burst_people", FLOOR)), float(given.get("burst_times", RATIO)))


def weeks_of(session: Session, jurisdiction_id: str, *, now: datetime) -> int:
    """For how many whole weeks there is anything to compare with."""
    ((first,),) = db.fetch(session, _FIRST, [jurisdiction_id])
    return 0 if first is None else min(WEEKS, (now - first).days // 7)


def seen(session: Session, jurisdiction_id: str, known: Catalog, *, now: datetime) -> list[Sighting]:
    """Distinct people by group of services, district and hour: now, and at this hour of the weeks before."""
    weeks, beside, since, until = (list(column) for column in zip(*windows(now), strict=True))
    values = [jurisdiction_id, AREA_LAYER, weeks, beside, since, until, _JOINED_WITHIN]
    session.flush()
    groups = {code: service.group_code for code, service in {**known.retired, **known.by_code}.items()}
    return [
        Sighting(groups[code], area, week, hour, people)
        for week, hour, code, area, people in db.fetch(session, _COUNTS, values)
        if code in groups
    ]


def _propose(session: Session, jurisdiction_id: str, known: Catalog, burst: Burst, now: datetime) -> Incident | None:
    source_ref = f"burst:{burst.topic}"
    rested = select(Incident.id).where(
        Incident.jurisdiction_id == jurisdiction_id,
        Incident.source_ref == source_ref,
        col(Incident.ended_at) > now - RESTS_FOR,
    )
    if session.exec(rested).first() is not None:
        return None
    day = now.astimezone(known.timezone).date()
    held = {choice.code for choice in places.choices(session, jurisdiction_id, day).get(AREA_LAYER, ())}
    # An area that is gone since, or reports without a place: then it is the whole city's.
    are_known = all(area in held for area in burst.areas)
    values = [f"{AREA_LAYER}:{area}" for area in burst.areas] if are_known else []
    areas, geometry = places.shape_of(session, jurisdiction_id, values, day)
    draft = drafted(known, burst.topic, areas, burst, geometry)
    if actions.find_same(session, jurisdiction_id, draft, of_any_kind=True) is not None:
        return None
    return actions.propose(session, jurisdiction_id, draft, proposed_by="detector", source_ref=source_ref, now=now)


def drafted(known: Catalog, topic: str, areas: Sequence[dict[str, str]], burst: Burst, geometry: object) -> Draft:
    """The proposal in words, for a supervisor to make better."""
    group = next(service.group_name for service in known.services if service.group_code == topic)
    where = places.names(areas)
    title, written = {}, {}
    for language in LANGUAGES:
        name = group.get(language) or group.get("es", topic)
        title[language] = _short(translate(language, "Muchos reportes: {topic}", topic=name), MOST_TITLE)
        words = (
            translate(language, "Nos avisan muchas personas de lo mismo en {where}: {topic}.", where=where, topic=name)
            if where
            else translate(language, "Nos avisan muchas personas de lo mismo: {topic}.", topic=name)
        )  # fmt: skip
        written[language] = _short(words, MOST_WRITTEN)
    return Draft("other", title, written, group_codes=(topic,), areas=areas, geometry=geometry, basis=burst.to_json())


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
