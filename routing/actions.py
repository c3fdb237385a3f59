"""Writes of responsibility: agencies, calendars, rules, boundary layers and named places, each as a whole set.

Importing the same content again changes nothing; what did change gets a new version, and old receipts keep their answers.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, insert
from sqlmodel import Session, col, select

from georef.gazetteer import Place
from kernel.errors import InvalidInput
from kernel.ids import new_id
from routing import queries, rule_sets
from routing.calendars import WorkingCalendar
from routing.layers import import_layer
from routing.models import Agency, Gazetteer, GazetteerPlace, RuleSet, WorkingCalendarRow
from routing.values import AgencyFacts, Rule

__all__ = ["import_layer", "replace_agencies", "replace_calendars", "replace_places", "replace_rules"]


def _digest(content: Any) -> str:
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def replace_agencies(session: Session, jurisdiction_id: str, agencies: Iterable[AgencyFacts], now: datetime) -> None:
    """The agencies of the jurisdiction from now on; one that is left out stays on record as no longer active."""
    wanted = {agency.code: agency for agency in agencies}
    rows = queries.agencies(session, jurisdiction_id)
    for code, agency in wanted.items():
        row = rows.get(code) or Agency(jurisdiction_id=jurisdiction_id, code=code, name="", short_name="")
        row.name, row.short_name = agency.name, agency.short_name or agency.name
        row.calendar_code, row.contact, row.is_active = agency.calendar_code, dict(agency.contact), agency.is_active
        session.add(row)
    for code, row in rows.items():
        if code not in wanted:
            row.is_active = False
            session.add(row)
    session.flush()
    _renew_rule_set(session, jurisdiction_id, now)


def replace_calendars(
    session: Session, jurisdiction_id: str, calendars: Mapping[str, Mapping[str, Any]], now: datetime
) -> None:
    """The working calendars by code. Raises InvalidInput when a definition is wrong (see `routing.calendars`)."""
    for definition in calendars.values():
        WorkingCalendar(definition)
    rows = {
        row.code: row
        for row in session.exec(select(WorkingCalendarRow).where(WorkingCalendarRow.jurisdiction_id == jurisdiction_id))
    }
    for code, definition in calendars.items():
        row = rows.pop(code, None)
        if row is None:
            row = WorkingCalendarRow(jurisdiction_id=jurisdiction_id, code=code, definition={})
        row.definition = dict(definition)
        session.add(row)
    used = {agency.calendar_code for agency in queries.agencies(session, jurisdiction_id).values()}
    for code, row in rows.items():
        if code not in used:
            session.delete(row)
    session.flush()
    _renew_rule_set(session, jurisdiction_id, now)


def replace_rules(
    session: Session, jurisdiction_id: str, rules: Iterable[Rule], default_agency_code: str, now: datetime
) -> int:
    """The rules and the agency that answers when none applies; returns the rule-set version, a new one only for new content.

    Agencies and calendars come first. Raises InvalidInput when a rule names an agency that is not there or no longer active.
    """
    wanted = list(rules)
    known = queries.agencies(session, jurisdiction_id)
    for code in sorted({default_agency_code, *(rule.agency_code for rule in wanted)}):
        if code not in known or not known[code].is_active:
            raise InvalidInput("Las reglas nombran una dependencia que no existe: {code}.", code=code)
    for rule in wanted:
        if (rule.layer_key is None) != (rule.area_codes is None) or rule.area_codes == frozenset():
            raise InvalidInput("La regla {code} debe nombrar una capa y sus zonas, o ninguna.", code=rule.code)
        if rule.valid_to is not None and rule.valid_to <= rule.valid_from:
            raise InvalidInput("La regla {code} termina antes de empezar.", code=rule.code)
    if len({(rule.code, rule.valid_from) for rule in wanted}) < len(wanted):
        raise InvalidInput("Dos reglas tienen la misma clave y la misma fecha de inicio.")
    return _renew_rule_set(session, jurisdiction_id, now, default_agency_code, wanted)


def _renew_rule_set(
    session: Session,
    jurisdiction_id: str,
    now: datetime,
    default_agency_code: str | None = None,
    rules: Iterable[Rule] | None = None,
) -> int:
    """Adds a version when rules, agencies, calendars or the default differ from the newest one; 0 before the first rules."""
    newest = queries.newest_rule_set(session, jurisdiction_id)
    default = default_agency_code or (newest.default_agency_code if newest else None)
    if default is None:
        return 0
    content = rule_sets.content(
        default,
        rules if rules is not None else rule_sets.rules_of(newest.content) if newest else (),
        (queries.agency_facts(row) for row in queries.agencies(session, jurisdiction_id).values()),
        queries.calendar_definitions(session, jurisdiction_id),
        newest.content.get("tests", ()) if newest else (),
    )
    rule_sets.book_of(jurisdiction_id, 0, content)  # refuses rules that nobody could apply
    digest = _digest(content)
    if newest is not None and newest.digest == digest:
        return newest.version
    version = newest.version + 1 if newest else 1
    session.add(
        RuleSet(
            jurisdiction_id=jurisdiction_id,
            version=version,
            digest=digest,
            default_agency_code=default,
            content=content,
            at=now,
        )
    )
    session.flush()
    return version


def replace_places(session: Session, jurisdiction_id: str, places: Iterable[Place], now: datetime) -> int:
    """The named places of the jurisdiction; returns how many there are."""
    rows = [
        {
            "kind": place.kind,
            "name": place.name,
            "aliases": list(place.aliases),
            "lon": place.point.lon,
            "lat": place.point.lat,
            "precision_m": place.precision_m,
            "context": place.context,
        }
        for place in places
    ]
    digest = _digest(rows)
    version = session.get(Gazetteer, jurisdiction_id)
    if version is not None and version.digest == digest:
        return len(rows)
    session.exec(delete(GazetteerPlace).where(col(GazetteerPlace.jurisdiction_id) == jurisdiction_id))
    if rows:
        session.execute(
            insert(GazetteerPlace), [{"id": new_id(), "jurisdiction_id": jurisdiction_id, **row} for row in rows]
        )
    version = version or Gazetteer(jurisdiction_id=jurisdiction_id, digest="", at=now)
    version.digest, version.at = digest, now
    session.add(version)
    session.flush()
    return len(rows)
