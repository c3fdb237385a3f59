"""Tries the rule set in force, and those planned after it, on their own tests."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from routing import queries, rule_sets, rule_tests
from routing.rule_tests import RuleTest, TestResult, TestsFail
from routing.stored_rules import said


@dataclass(frozen=True, slots=True)
class Trial:
    """What a version makes of its tests. `error`: why it cannot decide anything, "" when it can."""

    version: int
    valid_from: date
    results: tuple[TestResult, ...]
    error: str = ""

    @property
    def is_good(self) -> bool:
        return not self.error and not rule_tests.failures(self.results)


def trials(session: Session, jurisdiction_id: str, now: datetime) -> list[Trial]:
    """One for each set, by first day; asked for today, or for noon of the day on which it starts. Raises NotFound."""
    city = queries.city(session, jurisdiction_id)
    calendar = city.book.calendar
    found = []
    for known in queries.sets_from(session, jurisdiction_id, now):
        noon = datetime.combine(known.valid_from, time(12), calendar.timezone).astimezone(UTC)
        at = noon if known.valid_from > calendar.local_date(now) else now
        try:
            book = rule_sets.book_of(jurisdiction_id, known.version, known.content)
            tests = [RuleTest.of(kept) for kept in known.content.get("tests", ())]
        except DBAPIError:
            raise
        except Exception as error:  # a content may be broken in any way
            found.append(Trial(known.version, known.valid_from, (), said(error)))
        else:
            results = rule_tests.run(book, city.layers, tests, at)
            found.append(Trial(known.version, known.valid_from, tuple(results)))
    return found


def refuse_failing(session: Session, jurisdiction_id: str, now: datetime) -> None:
    """Raises TestsFail with every test that a set in force or planned does not pass."""
    failed = [
        result for trial in trials(session, jurisdiction_id, now) for result in rule_tests.failures(trial.results)
    ]
    if failed:
        raise TestsFail(failed)
