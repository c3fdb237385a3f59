"""Units of work that go by what this process read before, and say in the statement that writes that it still is so.

What is asked in nearly every unit of work has nearly always the answer of the last time: the city's settings, its rules. To ask
again is a round trip each. A unit of work that goes by memory claims instead, and `kernel.inserts` puts the claims into its
statement: where one does not hold, no row is written, and the work is done again by one that asks.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from kernel import db
from kernel.errors import AtiendeError

_CLAIMS = "atiende_claims"
_LATER = "atiende_later"

T = TypeVar("T")


class NotAsRemembered(Exception):
    """Something is no longer as this process read it last."""


def work_by_memory(work: Callable[[Session], T]) -> T:
    """What `work` does in one transaction, by memory where it can.

    Nothing that was done by memory is kept unless all its claims were confirmed. Where they were not, and after an error that may
    come of what is no longer so, it is rolled back and `work` runs again as in any other transaction. So it may run twice.
    """
    claims: dict[str, Mapping[str, Any]] = {}
    later: list[Callable[[], object]] = []
    try:
        with db.transaction() as session:
            session.info[_CLAIMS], session.info[_LATER] = claims, later
            done = work(session)
            if claims:
                raise NotAsRemembered
    except DBAPIError:
        raise  # the database is away, or two waited for one another
    except Exception as error:
        # A bug as well, while something is claimed: who remembers what it stumbles over would stumble for ever.
        if not claims and not isinstance(error, NotAsRemembered | AtiendeError):
            raise
    else:
        for do in later:
            do()
        return done
    with db.transaction() as session:
        return work(session)


def goes_by_memory(session: Session) -> bool:
    """Whether this unit of work may claim what was read before it."""
    return _CLAIMS in session.info


def claim(session: Session, condition: str, values: Mapping[str, Any]) -> None:
    """Goes by something until a statement confirms it.

    condition: SQL, true while it is so, with `%(name)s` for each of `values`. Raises NotAsRemembered when the same was claimed
    with other values: of two that differ, one is not so.
    """
    if session.info[_CLAIMS].setdefault(condition, values) != values:
        raise NotAsRemembered


def open_claims(session: Session) -> Mapping[str, Mapping[str, Any]]:
    """What this unit of work goes by and nobody has confirmed: the values by their condition."""
    found: Mapping[str, Mapping[str, Any]] = session.info.get(_CLAIMS, {})
    return found


def confirmed(session: Session) -> None:
    """A statement of this unit of work has found that all open claims hold."""
    session.info[_CLAIMS].clear()


def when_believed(session: Session, do: Callable[[], object]) -> None:
    """Does at once what a rollback would not undo; in a unit of work that goes by memory, once it has been kept."""
    if goes_by_memory(session):
        session.info[_LATER].append(do)
    else:
        do()
