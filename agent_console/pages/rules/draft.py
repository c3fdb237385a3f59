"""One draft, and what a supervisor can do to it. A refusal comes back as a `Problem`, so that nothing typed is lost."""

from collections.abc import Sequence
from datetime import date, datetime, time
from itertools import count
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.forms import Problem
from agent_console.presentation import ago
from agent_console.rows import Names
from intake.catalog import queries as catalog
from intake.city_folder import rule_text
from intake.city_folder.linting import subjects_of
from intake.city_folder.rules import name_areas
from kernel.bodies import Form
from kernel.dates import day_in_words
from kernel.errors import AtiendeError, Conflict, InvalidInput
from kernel.i18n import translate
from routing import drafts, publishing, queries, rule_sets
from routing.draft_models import RoutingDraft
from routing.linting import Finding
from routing.models import RuleSet
from routing.rule_tests import RuleTest, TestResult, failures

MAX_TEXT = 50_000
# Rules that leave many services to the default agency are doubtful once for each.
WARNINGS_AT_ONCE = 3


def shown(session: Session, viewer: Viewer, known: Names, draft: RoutingDraft, *, now: datetime) -> dict[str, Any]:
    """What the page shows of the draft."""
    newest = drafts.newest_of(session, draft.jurisdiction_id)
    is_open = draft.state == "open"
    first = publishing.earliest(session, draft, now) if is_open else None
    results: Sequence[TestResult] = ()
    findings: Sequence[Finding] = ()
    error = ""
    if is_open and first is not None:
        try:
            results = publishing.results_of(session, draft, first.day)
            subjects = subjects_of(session, draft.jurisdiction_id)
            findings = publishing.findings_of(session, draft, first.day, subjects)
        except AtiendeError as refusal:
            error = refusal.public_text(viewer.language)
    told = [(finding.level, finding.public_text(viewer.language), finding.rules) for finding in findings]
    errors = sum(finding.level == "error" for finding in findings)
    shown_at_once = errors + WARNINGS_AT_ONCE
    return {
        "draft": draft,
        "changed": ago(draft.changed_at, now, viewer.timezone, viewer.language),
        "is_open": is_open,
        "newest": newest.version,
        "is_behind": is_open and newest.version != draft.base_version,
        "first_day_in_words": _in_words(draft.valid_from, viewer, now),
        "first_day": first.day.isoformat() if first else "",
        "last_day": publishing.latest(session, draft.jurisdiction_id, now).isoformat(),
        "has_layers": bool(first and first.has_layers),
        "layers": [
            {"key": layer.key, "name": layer.name.get(viewer.language) or layer.name.get("es") or layer.key}
            for layer in drafts.layers_in(session, draft.id)
        ],
        "results": results,
        "findings": told[:shown_at_once],
        "more_findings": told[shown_at_once:],
        "has_errors": errors > 0,
        "failed": failures(results),
        "error": error,
        "rules_text": rules_text(session, draft),
        "changes": rule_sets.changes(newest.content, drafts.content_of(session, draft)) if is_open else None,
        "known": known,
    }


def _in_words(day: date | None, viewer: Viewer, now: datetime) -> str:
    if day is None:
        return ""
    return day_in_words(
        datetime.combine(day, time(12), ZoneInfo(viewer.timezone)), viewer.timezone, viewer.language, now=now
    )


def rules_text(session: Session, draft: RoutingDraft) -> str:
    """What the draft's rules are written as: its own text, else that of the set it starts from."""
    if draft.rules_text is not None:
        return draft.rules_text
    base = queries.rule_set(session, draft.jurisdiction_id, draft.base_version)
    return base.rules_text or rule_text.write(rule_sets.rules_of(base.content))


def write_rules(
    session: Session, viewer: Viewer, draft: RoutingDraft, text: str, version: int, *, now: datetime
) -> Problem | None:
    """Reads the text and keeps the rules, or says what is wrong and where."""
    text = text.replace("\r\n", "\n")
    rules, mistakes = rule_text.read(text)
    if mistakes:
        lines = text.splitlines() or [""]
        told = [
            (mistake.line, lines[min(mistake.line, len(lines)) - 1], mistake.public_text(viewer.language))
            for mistake in mistakes
        ]
        return Problem(
            "rules", translate(viewer.language, "Nada se guardó: hay errores en el texto."), 400, "rules", told
        )
    try:
        if not rules:
            raise InvalidInput("Escribe al menos una regla.")
        if len(text) > MAX_TEXT:
            raise InvalidInput("El texto es demasiado largo: caben {limit} letras.", limit=MAX_TEXT)
        day = publishing.earliest(session, draft, now).day
        layers = drafts.layers_of(session, draft, day)
        areas = {
            key: [(area.code, area.name, area.geometry) for area in layer.index.areas] for key, layer in layers.items()
        }
        default = drafts.content_of(session, draft)["default_agency_code"]
        with session.begin_nested():  # a refusal of the whole leaves nothing of it
            drafts.write_rules(
                session,
                draft.id,
                name_areas(rules, areas),
                default,
                text=text,
                seen_version=version,
                by=viewer.name,
                now=now,
            )
            drafts.book_of(session, draft)
    except AtiendeError as refusal:
        return _problem("rules", refusal, viewer)
    return None


def add_test(
    session: Session, viewer: Viewer, draft: RoutingDraft, form: Form, version: int, *, now: datetime
) -> Problem | None:
    """A test from the form: a place or none, a service and who it should be."""
    try:
        code = form.get("service_code")
        definition = catalog.catalog(session, viewer.jurisdiction_id).by_code.get(code)
        if definition is None:
            raise InvalidInput("Elige el servicio.")
        name = form.get("code").strip() or _free_name(draft, code)
        lon, lat = _degrees(form.get("lon"), 180), _degrees(form.get("lat"), 90)
        if (lon is None) != (lat is None):
            raise InvalidInput("Un punto tiene longitud y latitud; sin lugar, deja las dos vacías.")
        test = RuleTest(
            code=name[:80],
            service_code=code,
            service_group=definition.group_code,
            expects=form.get("expects"),
            lon=lon,
            lat=lat,
            note=form.get("note").strip()[:300],
            source=viewer.name,
        )
        drafts.add_test(session, draft.id, test, seen_version=version, by=viewer.name, now=now)
    except AtiendeError as refusal:
        return _problem("test", refusal, viewer)
    return None


def remove_test(
    session: Session, viewer: Viewer, draft: RoutingDraft, code: str, version: int, *, now: datetime
) -> Problem | None:
    try:
        drafts.remove_test(session, draft.id, code, seen_version=version, by=viewer.name, now=now)
    except Conflict as refusal:
        return _problem("draft", refusal, viewer)
    return None


def drop_layer(
    session: Session, viewer: Viewer, draft: RoutingDraft, key: str, version: int, *, now: datetime
) -> Problem | None:
    try:
        drafts.drop_layer(session, draft.id, key, seen_version=version, by=viewer.name, now=now)
    except Conflict as refusal:
        return _problem("draft", refusal, viewer)
    return None


def discard(session: Session, viewer: Viewer, draft: RoutingDraft, version: int, *, now: datetime) -> Problem | None:
    try:
        drafts.discard(session, draft.id, seen_version=version, by=viewer.name, now=now)
    except Conflict as refusal:
        return _problem("draft", refusal, viewer)
    return None


def _free_name(draft: RoutingDraft, service_code: str) -> str:
    """The first that no test of the draft has: one of the same name would take its place."""
    taken = {test["code"] for test in draft.tests}
    return next(name for number in count(1) if (name := f"{service_code}-{number}") not in taken)


def _degrees(typed: str, limit: int) -> float | None:
    if not typed.strip():
        return None
    try:
        value = float(typed.strip().replace(",", "."))
    except ValueError:
        value = float("nan")
    if not -limit <= value <= limit:
        raise InvalidInput("«{value}» no es una coordenada en grados, como -99.1332.", value=typed.strip()[:40])
    return value


def unseen(draft: RoutingDraft, version: int | None, viewer: Viewer) -> Problem | None:
    """Why the draft cannot be published from a page that showed another version of it."""
    try:
        drafts.refuse_unseen(draft, version)
    except Conflict as refusal:
        return _problem("publish", refusal, viewer)
    return None


def publish(
    session: Session,
    viewer: Viewer,
    draft_id: UUID,
    typed_day: str,
    version: int,
    *,
    without_tests: bool,
    now: datetime,
) -> RuleSet | Problem:
    """The rule set that the draft has become."""
    try:
        try:
            day = date.fromisoformat(typed_day)
        except ValueError:
            raise InvalidInput("Elige el día en que entra en vigor.") from None
        found = drafts.find(session, viewer.jurisdiction_id, draft_id)
        subjects = subjects_of(session, viewer.jurisdiction_id)
        with session.begin_nested():
            return publishing.publish(
                session,
                found.id,
                day,
                viewer.name,
                now,
                subjects=subjects,
                seen_version=version,
                without_tests=without_tests,
            )
    except AtiendeError as refusal:
        return _problem("publish", refusal, viewer)


def _problem(form: str, refusal: AtiendeError, viewer: Viewer) -> Problem:
    status = refusal.status if isinstance(refusal, Conflict) else 400
    return Problem(form, refusal.public_text(viewer.language), status, form)
