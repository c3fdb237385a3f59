"""How the rules in force do, for the page that shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.presentation import ago
from agent_console.rows import Names
from intake.catalog.definitions import text_in
from intake.city_folder.linting import subjects_of
from intake.service_requests import returning, rule_use
from intake.service_requests.rule_use import Use
from kernel.dates import day_in_words
from kernel.errors import InvalidInput
from routing import drafts, queries, rule_sets, trying
from routing.models import RuleSet
from routing.places import Layer
from routing.rule_tests import TestResult, failures
from routing.stored_linting import lint_rules
from routing.values import EVERY_AREA, Rule

PERIODS = (7, 30, 90)
_NONE = Use(0, 0, None)


@dataclass(frozen=True)
class Told:
    """A finding in the viewer's language."""

    level: str
    text: str


@dataclass(frozen=True)
class RuleRow:
    """One rule in numbers. `share`: of all decisions in the period; `rate`: how many of its decisions came back."""

    code: str
    reason: str
    agency: str
    about: str
    decisions: int
    share: float
    borders: int
    returned: int
    rate: float
    last_used: str
    is_unused: bool
    passed: int
    failed: tuple[TestResult, ...]
    findings: tuple[Told, ...]

    @property
    def is_quiet(self) -> bool:
        """It never decided, and there is nothing to look at."""
        return self.is_unused and not (self.returned or self.failed or self.findings)


@dataclass(frozen=True)
class Health:
    """The page. `planned`: (version, first day) of the set that comes next, None when none is planned.

    last_planned: the version that can be cancelled. doubts: how many findings there are, of which `loose` are about no rule
    in the table.
    """

    version: int
    since: str
    published_by: str
    rules: Sequence[RuleRow]
    decisions: int
    default: int
    borders: int
    returned: int
    outside: int
    unused: int
    tests: int
    failed: Sequence[TestResult]
    error: str
    planned: tuple[int, str] | None
    last_planned: int | None
    doubts: int
    loose: Sequence[Told]


def health_of(session: Session, viewer: Viewer, known: Names, days: int, *, now: datetime) -> Health:
    """Raises NotFound for a city without rules."""
    timezone, language = viewer.timezone, viewer.language
    city = queries.city(session, viewer.jurisdiction_id)
    layers, today = city.layers, city.book.calendar.local_date(now)
    since = today - timedelta(days=days - 1)
    sets = queries.sets_from(session, viewer.jurisdiction_id, now)
    current, later = sets[0], [known_set for known_set in sets[1:] if known_set.valid_from > today]
    trial = trying.trials(session, viewer.jurisdiction_id, now)[0]
    used = rule_use.uses(session, viewer.jurisdiction_id, since)
    back = returning.counts_by_rule(session, viewer.jurisdiction_id, since, timezone)
    total = sum(use.decisions for use in used.values())

    rules = [rule for rule in _rules(current) if rule.valid_to is None or rule.valid_to > today]
    findings = lint_rules(session, viewer.jurisdiction_id, rules, subjects_of(session, viewer.jurisdiction_id))
    beside: dict[str, list[Told]] = {}
    for finding in findings:
        # Two rules that decide against each other are both told; otherwise only the one to change.
        for code in finding.rules if finding.kind == "conflict" else finding.rules[:1] or ("",):
            beside.setdefault(code, []).append(Told(finding.level, finding.public_text(language)))

    def row(rule: Rule) -> RuleRow:
        use = used.get(rule.code, _NONE)
        mine = [result for result in trial.results if result.rule_code == rule.code]
        returned = back.get(rule.code, 0)
        return RuleRow(
            code=rule.code,
            reason=text_in(rule.reason, language),
            agency=known.agencies.get(rule.agency_code, rule.agency_code),
            about=_about(rule, known, layers, language),
            decisions=use.decisions,
            share=use.decisions / total if total else 0.0,
            borders=use.borders,
            returned=returned,
            rate=returned / use.decisions if use.decisions else 0.0,
            last_used=ago(use.last_at, now, timezone, language) if use.last_at else "",
            is_unused=use.last_at is None,
            passed=sum(result.passed for result in mine),
            failed=tuple(failures(mine)),
            findings=tuple(beside.get(rule.code, ())),
        )

    rows = [row(rule) for rule in rules]
    rows.sort(key=lambda found: (-found.decisions, found.code))
    return Health(
        version=current.version,
        since=_day(current, timezone, language, now),
        published_by=current.published_by,
        rules=rows,
        decisions=total,
        default=used.get("", _NONE).decisions,
        borders=sum(use.borders for use in used.values()),
        returned=sum(back.values()),
        outside=used.get("-", _NONE).decisions,
        unused=sum(found.is_unused for found in rows),
        tests=len(trial.results),
        failed=failures(trial.results),
        error=trial.error,
        planned=(later[0].version, _day(later[0], timezone, language, now)) if later else None,
        last_planned=later[-1].version if later else None,
        doubts=len(findings),
        loose=beside.get("", ()),
    )


def planned_day(session: Session, viewer: Viewer, version: int, *, now: datetime) -> str:
    """The day in words on which a planned version comes into force; "" for any other."""
    today = queries.city(session, viewer.jurisdiction_id).book.calendar.local_date(now)
    for known in queries.sets_from(session, viewer.jurisdiction_id, now):
        if known.version == version and known.valid_from > today:
            return _day(known, viewer.timezone, viewer.language, now)
    return ""


def _rules(rule_set: RuleSet) -> list[Rule]:
    try:
        return rule_sets.rules_of(rule_set.content)
    except (KeyError, TypeError, ValueError, InvalidInput):
        return []  # the page says that they cannot be read


def _about(rule: Rule, known: Names, layers: Mapping[str, Layer], language: str) -> str:
    """What for, and where: the names of up to three areas, else the layer and how many."""
    subject = known.services.get(rule.service_code or "", "") or known.groups.get(rule.service_group or "", "")
    if rule.area_codes is None:
        return subject
    areas = sorted(rule.area_codes - {EVERY_AREA})
    layer = layers.get(rule.layer_key or "")
    if layer is None:
        where = ", ".join(areas) or rule.layer_key or ""
    elif 0 < len(areas) <= 3:
        called = {area.code: area.name for area in layer.index.areas}
        where = ", ".join(called.get(code, code) for code in areas)
    else:
        where = text_in(layer.name, language) + (f" ({len(areas)})" if areas else "")
    return f"{subject} · {where}" if subject else where


def _day(rule_set: RuleSet, timezone: str, language: str, now: datetime) -> str:
    """The first day in words; an import's is the day it was made."""
    if rule_set.valid_from == date.min:
        return day_in_words(rule_set.at, timezone, language, now=now)
    noon = datetime.combine(rule_set.valid_from, time(12), ZoneInfo(timezone))
    return day_in_words(noon, timezone, language, now=now)


def side_of(session: Session, viewer: Viewer, *, now: datetime) -> dict[str, Any]:
    """The left column of every page about rules."""
    rows: Sequence[Mapping[str, str]] = [
        {
            "id": str(draft.id),
            "name": draft.name,
            "when": f"{draft.changed_by}, {ago(draft.changed_at, now, viewer.timezone, viewer.language)}",
        }
        for draft in drafts.open_drafts(session, viewer.jurisdiction_id)
    ]
    return {"drafts": rows, "proposed": len(returning.proposals(session, viewer.jurisdiction_id))}
