"""Publishing a draft: rules and boundaries come into force together, from one day on, in the caller's transaction."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlmodel import Session

from kernel import outbox
from kernel.errors import Conflict, InvalidInput
from routing import drafts, queries, rule_sets, rule_tests, stored_linting
from routing.draft_models import RoutingDraft
from routing.layers import import_layer
from routing.linting import Finding, Subjects, refuse_errors
from routing.locking import take_turn
from routing.models import RuleSet
from routing.rule_tests import RuleTest, TestResult, TestsFail

# Nobody knows more than two years ahead, and a slip of the year is caught.
FARTHEST = timedelta(days=731)


@dataclass(frozen=True, slots=True)
class Earliest:
    """The first day on which the draft may come into force, and whether new boundaries are why it is not today."""

    day: date
    has_layers: bool


def earliest(session: Session, draft: RoutingDraft, now: datetime) -> Earliest:
    """New boundaries start tomorrow at the earliest: what was decided today can then be decided again.

    A set that is already planned for later is not overtaken: the next one starts on its day or after (`routing.withdrawing`).
    """
    newest = drafts.newest_of(session, draft.jurisdiction_id)
    today = queries.city(session, draft.jurisdiction_id).book.calendar.local_date(now)
    has_layers = bool(drafts.layers_in(session, draft.id))
    return Earliest(max(today + timedelta(days=1) if has_layers else today, newest.valid_from), has_layers)


def latest(session: Session, jurisdiction_id: str, now: datetime) -> date:
    """The last day for which rules can be planned."""
    return queries.city(session, jurisdiction_id).book.calendar.local_date(now) + FARTHEST


def results_of(session: Session, draft: RoutingDraft, valid_from: date) -> list[TestResult]:
    """The draft's tests, decided as its rules and boundaries would on that day, at noon."""
    book = drafts.book_of(session, draft)
    layers = drafts.layers_of(session, draft, valid_from)
    noon = datetime.combine(valid_from, time(12), book.calendar.timezone).astimezone(UTC)
    return rule_tests.run(book, layers, [RuleTest.of(kept) for kept in draft.tests], noon)


def findings_of(session: Session, draft: RoutingDraft, valid_from: date, subjects: Subjects) -> list[Finding]:
    """What is wrong or doubtful about the draft's rules beside the layers and agencies that there would be on that day.

    Rules that have ended by then are not looked at.
    """
    layers = drafts.layers_of(session, draft, valid_from)
    rules = [
        rule for rule in drafts.book_of(session, draft).rules if rule.valid_to is None or rule.valid_to > valid_from
    ]
    return stored_linting.lint_rules(session, draft.jurisdiction_id, rules, subjects, layers)


def publish(
    session: Session,
    draft_id: UUID,
    valid_from: date,
    by: str,
    now: datetime,
    *,
    subjects: Subjects,
    seen_version: int | None = None,
    without_tests: bool = False,
) -> RuleSet:
    """Puts the draft in force from a local day on. subjects: what the city's residents can report.

    without_tests: somebody has said yes to what it would no longer be tried on.

    Raises NotFound; Conflict when it is no longer open, was changed after the version that the caller saw, or other rules
    were published since it was made; InvalidInput when the day is too early or too far, it changes nothing, nobody could
    apply its rules, or it has tests fewer without anybody's yes; RulesRefused for errors among them; TestsFail.
    """
    draft = drafts.locked(session, draft_id, seen_version)
    take_turn(session, draft.jurisdiction_id)
    newest = drafts.newest_of(session, draft.jurisdiction_id)
    if newest.version < draft.base_version:
        raise Conflict(
            "La versión {base}, de la que parte este borrador, se canceló. Ponlo al día y revísalo.",
            base=draft.base_version,
        )
    if newest.version != draft.base_version:
        raise Conflict(
            "Mientras tanto se publicó la versión {newest}; este borrador parte de la {base}. Ponlo al día y revísalo.",
            newest=newest.version,
            base=draft.base_version,
        )
    first = earliest(session, draft, now)
    if valid_from < first.day:
        raise InvalidInput("El primer día posible es el {day}.", field="valid_from", day=first.day.isoformat())
    last = latest(session, draft.jurisdiction_id, now)
    if valid_from > last:
        raise InvalidInput("El último día posible es el {day}.", field="valid_from", day=last.isoformat())
    content = drafts.content_of(session, draft)
    drafts.book_of(session, draft)
    if content == newest.content and not first.has_layers:
        raise InvalidInput("El borrador no cambia nada de lo que está en vigor.", field="valid_from")
    lost = rule_sets.tests_removed(newest.content, content)
    if lost and not without_tests:
        raise InvalidInput(
            "El borrador quita o cambia pruebas de la versión {version}: {codes}. Di que sí a publicarlo sin ellas.",
            field="without_tests",
            version=newest.version,
            codes=", ".join(lost),
        )
    refuse_errors(findings_of(session, draft, valid_from, subjects))
    failed = rule_tests.failures(results_of(session, draft, valid_from))
    if failed:
        raise TestsFail(failed)
    known = queries.city(session, draft.jurisdiction_id).layers
    for layer in drafts.layers_in(session, draft.id):
        import_layer(
            session,
            jurisdiction_id=draft.jurisdiction_id,
            key=layer.key,
            name=known[layer.key].name if layer.key in known else layer.name,
            areas=drafts.areas_in(session, layer.id),
            valid_from=valid_from,
            now=now,
        )
    rule_set = RuleSet(
        jurisdiction_id=draft.jurisdiction_id,
        version=queries.last_version(session, draft.jurisdiction_id) + 1,
        digest=rule_sets.digest(content),
        default_agency_code=content["default_agency_code"],
        content=content,
        rules_text=draft.rules_text or newest.rules_text,
        valid_from=valid_from,
        origin="draft",
        published_by=by,
        draft_id=draft.id,
        at=now,
    )
    session.add(rule_set)
    draft.state, draft.published_version, draft.valid_from = "published", rule_set.version, valid_from
    draft.changed_by, draft.changed_at = by, now
    session.add(draft)
    session.flush()
    outbox.record(session, "rules.published", at=now, rule_set_id=rule_set.id)
    return rule_set
