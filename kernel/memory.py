"""Units of work that go by what this process read before, and say in the statement that writes that it still is so.

What is asked in nearly every unit of work has nearly always the answer of the last time: the city's settings, its rules. To ask
again is a round trip each. A unit of work that goes by memory claims instead, and `kernel.inserts` puts the claims into its
statement: where one does not hold, no row is written, and the work is done again by one that asks.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlmodel import Session

from kernel import db
from kernel.errors import AtiendeError

_CLAIMS = "atiende_claims"

T = TypeVar("T")


class NotAsRemembered(Exception):
    """Something is no longer as this process read it last."""


def work_by_memory(work: Callable[[Session], T]) -> T:
    """What `work` does in one transaction, by memory where it can.

    Nothing that was done by memory is kept unless all its claims were confirmed; then, and when it raises an AtiendeError, which
    may come of what is no longer so, it is rolled back and `work` runs again as in any other transaction. So it may run twice.
    """
    try:
        with db.transaction() as session:
            session.info[_CLAIMS] = {}
            done = work(session)
            if open_claims(session):
                raise NotAsRemembered
            return done
    except (NotAsRemembered, AtiendeError):
        pass
    with db.transaction() as session:
        return work(session)


def goes_by_memory(session: Session) -> bool:
    """Whether this unit of work may claim what was read before it."""
    return _CLAIMS in session.info


def claim(session: Session, condition: str, values: Mapping[str, Any]) -> None:
    """Goes by something until a statement confirms it.

    condition: SQL, true while it is so, with `%(name)s` for each of `values`. Claims of one unit of work name theirs differently.
    """
    session.info[_CLAIMS][condition] = values


def open_claims(session: Session) -> Mapping[str, Mapping[str, Any]]:
    """What this unit of work goes by and nobody has confirmed: the values by their condition."""
    found: Mapping[str, Mapping[str, Any]] = session.info.get(_CLAIMS, {})
    return found


def confirmed(session: Session) -> None:
    """A statement of this unit of work has found that all open claims hold."""
    session.info[_CLAIMS].clear()
