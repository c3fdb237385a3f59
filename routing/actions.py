"""Writes of responsibility: agencies, calendars, rules, boundary layers and named places, each as a whole set.

Importing the same content again changes nothing; what did change gets a new version, and old receipts keep their answers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert
from sqlmodel import Session, col, select

from georef.gazetteer import Place
from kernel.errors import Conflict
from kernel.ids import new_id
from routing import queries, rule_sets
from routing.calendars import WorkingCalendar
from routing.layers import import_layer
from routing.locking import take_turn
from routing.models import Agency, Gazetteer, GazetteerPlace, RuleSet, WorkingCalendarRow
from routing.rule_tests import RuleTest
from routing.values import AgencyFacts, Rule

__all__ = ["import_layer", "replace_agencies", "replace_calendars", "replace_places", "replace_rules"]


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
    _renew_rule_sets(session, jurisdiction_id, now)


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
    _renew_rule_sets(session, jurisdiction_id, now)


def replace_rules(
    session: Session,
    jurisdiction_id: str,
    rules: Iterable[Rule],
    default_agency_code: str,
    now: datetime,
    *,
    tests: Iterable[RuleTest] | None = None,
    text: str | None = None,
) -> int:
    """The rules of a city folder, and the agency that answers when none applies, for every day.

    Returns the rule-set version, a new one only for new content. `tests` None: they stay. `text`: what the rules were read from.
    Agencies and calendars come first. Raises InvalidInput when a rule names an agency that is not there or no longer active,
    Conflict when it would undo what was published from a draft.
    """
    take_turn(session, jurisdiction_id)
    wanted = rule_sets.checked(rules, default_agency_code, queries.agencies(session, jurisdiction_id))
    newest = _newest_readable(session, jurisdiction_id)
    kept = newest.content.get("tests", []) if newest else []
    part: dict[str, Any] | None = {
        "default_agency_code": default_agency_code,
        "rules": rule_sets.content(default_agency_code, wanted, (), {})["rules"],
        "tests": kept if tests is None else [test.as_json() for test in tests],
    }
    if newest is not None and newest.origin != "import" and part != rule_sets.rules_part(newest.content):
        last = queries.last_imported(session, jurisdiction_id)
        if last is None or part != rule_sets.rules_part(last.content):
            raise Conflict(
                "Las reglas de la versión {version} se publicaron en la consola y no son las de la carpeta. Guarda su texto en la"
                " carpeta (atiende rules show), o publica el cambio desde un borrador.",
                version=newest.version,
            )
        part = None  # the folder says what it said last time; what was published since stays
    return _renew_rule_sets(session, jurisdiction_id, now, part, text)


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where rules came from; a set that is made anew keeps it."""

    kind: str
    rules_text: str | None
    published_by: str = ""
    draft_id: UUID | None = None

    @staticmethod
    def of(known: RuleSet) -> "_Origin":
        return _Origin(known.origin, known.rules_text, known.published_by, known.draft_id)


def _newest_readable(session: Session, jurisdiction_id: str) -> RuleSet | None:
    """The newest rule set that can be read; where there is none what comes next starts from nothing."""
    newest = queries.newest_rule_set(session, jurisdiction_id)
    while newest is not None and not _is_readable(newest):
        newest = queries.newest_rule_set(session, jurisdiction_id, before=newest.version)
    return newest


def _is_readable(known: RuleSet) -> bool:
    try:
        rule_sets.book_of(known.jurisdiction_id, known.version, known.content)
    except Exception:  # a content may be broken in any way
        return False
    return True


def _renew_rule_sets(
    session: Session,
    jurisdiction_id: str,
    now: datetime,
    part: Mapping[str, Any] | None = None,
    text: str | None = None,
) -> int:
    """Adds a version when `part`, the agencies or the calendars differ from the newest one; 0 before the first rules.

    `part`: the rules of an import, for every day. Without it, the set in force and those planned after it are made anew with
    the agencies and calendars of now, each for its own days.
    """
    newest = _newest_readable(session, jurisdiction_id)
    facts = rule_sets.content(
        "",
        (),
        (queries.agency_facts(row) for row in queries.agencies(session, jurisdiction_id).values()),
        queries.calendar_definitions(session, jurisdiction_id),
    )
    shared = {"agencies": facts["agencies"], "calendars": facts["calendars"]}
    if part is not None:
        made = [({**part, **shared}, date.min, _Origin("import", text))]
        is_newest = newest is not None and newest == queries.newest_rule_set(session, jurisdiction_id)
        # What could not be read since is replaced by the same rules again.
        if newest is not None and is_newest and part == rule_sets.rules_part(newest.content):
            part = None
    if part is None:
        if newest is None:
            return queries.last_version(session, jurisdiction_id)
        current = [known for known in queries.sets_from(session, jurisdiction_id, now) if _is_readable(known)]
        made = [({**known.content, **shared}, known.valid_from, _Origin.of(known)) for known in current]
        same = next(
            (n for n, known in enumerate(current) if rule_sets.digest(made[n][0]) != known.digest), len(current)
        )
        made = made[same:]
    if not made:
        assert newest is not None
        return newest.version
    version = queries.last_version(session, jurisdiction_id)
    for content, valid_from, origin in made:
        rule_sets.book_of(jurisdiction_id, 0, content)  # refuses rules that nobody could apply
        version += 1
        session.add(
            RuleSet(
                jurisdiction_id=jurisdiction_id,
                version=version,
                digest=rule_sets.digest(content),
                default_agency_code=content["default_agency_code"],
                content=content,
                rules_text=origin.rules_text,
                valid_from=valid_from,
                origin=origin.kind,
                published_by=origin.published_by,
                draft_id=origin.draft_id,
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
    digest = rule_sets.digest(rows)
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
