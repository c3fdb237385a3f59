"""A decision by the rules of its day, and by the last good ones when those fail: nobody is turned away for a rule's sake."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import TypeVar

import structlog
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from kernel import db, memory
from routing import alerts, bulk, receipts
from routing.bulk import BulkAnswer, BulkRow
from routing.decide import RuleBook
from routing.in_force import Fallen, RulesInForce
from routing.places import Layer
from routing.receipts import Elsewhere
from routing.situation import Question
from routing.stored_rules import rule_book, said, versions_due
from routing.values import RoutingDecision

# How far back a set is looked for that decides what the newest cannot.
_OLDER_SETS = 5

log = structlog.get_logger(__name__)
_T = TypeVar("_T")


def decide(
    session: Session, rules: RulesInForce, layers: Mapping[str, Layer], question: Question, elsewhere: Elsewhere | None
) -> RoutingDecision:
    """The decision with its receipt; when an older version made it, the receipt says in whose place and why."""
    book, fallen = rules.at(question.at), rules.fallen_at(question.at)
    try:
        decision = receipts.decide(book, layers, question, elsewhere)
    except DBAPIError:
        raise
    except Exception as error:
        older = _by_an_older_set(
            session, rules, question.at, lambda book: receipts.decide(book, layers, question, elsewhere)
        )
        if older is None:
            raise
        _, decision = older
        fallen = Fallen(fallen.version if fallen else book.version, decision.rule_set_version, said(error))
    if fallen is not None:
        decision.receipt["instead_of"] = {"rule_set_version": fallen.version, "because": fallen.error}
        memory.when_believed(session, partial(alerts.note, book.jurisdiction_id, fallen, question.at))
    return decision


def decide_many(rules: RulesInForce, layers: Mapping[str, Layer], rows: Sequence[BulkRow]) -> list[BulkAnswer]:
    """`RulesInForce.decide_many`; rows that a set fails on are decided by the last good one, and the alert is counted.

    Raises what the newest set raised when no older one can decide a row either.
    """
    try:
        answers = rules.decide_many(layers, rows)
    except Exception as error:
        if len(rows) == 1:
            return [_by_an_older_set_in_bulk(rules, layers, rows[0], error)]
        # Halves, so that one bad row among thousands costs a few dozen tries.
        middle = len(rows) // 2
        return [*decide_many(rules, layers, rows[:middle]), *decide_many(rules, layers, rows[middle:])]
    for row in rows if rules.fallen else ():
        if (fallen := rules.fallen_at(row.at)) is not None:
            alerts.note(rules.newest.jurisdiction_id, fallen, row.at)
    return answers


def _by_an_older_set_in_bulk(
    rules: RulesInForce, layers: Mapping[str, Layer], row: BulkRow, error: Exception
) -> BulkAnswer:
    fallen = rules.fallen_at(row.at)
    with db.transaction() as session:
        older = _by_an_older_set(session, rules, row.at, lambda book: bulk.decide_many(book, layers, [row]))
    if older is None:
        raise error
    version, (answer,) = older
    failed = fallen.version if fallen else rules.at(row.at).version
    alerts.note(rules.newest.jurisdiction_id, Fallen(failed, version, said(error)), row.at)
    return answer


def _by_an_older_set(
    session: Session, rules: RulesInForce, at: datetime, decide: Callable[[RuleBook], _T]
) -> tuple[int, _T] | None:
    """The last version whose day has come that can decide, and what. None when all fail: then the question is wrong."""
    book, on = rules.at(at), rules.newest.calendar.local_date(at)
    for version in versions_due(session, book.jurisdiction_id, book.version, on, _OLDER_SETS):
        try:
            return version, decide(rule_book(session, book.jurisdiction_id, version))
        except DBAPIError:
            raise
        except Exception as error:  # it is the newest set's failure that is told
            _tell_once(book.jurisdiction_id, version, type(error).__name__)
    return None


@lru_cache(maxsize=1_000)
def _tell_once(jurisdiction_id: str, version: int, error: str) -> None:
    """One line for each process, not one for each report that is decided by a set that is older still."""
    log.warning("an older rule set fails too", jurisdiction_id=jurisdiction_id, version=version, error=error)
