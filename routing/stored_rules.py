"""Reads rule sets as they are kept. One that cannot be read has an older one decide in its place."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, func, select

from kernel.errors import AtiendeError, NotFound, Unavailable
from routing import rule_sets
from routing.decide import RuleBook
from routing.in_force import DatedSet, Fallen, RulesInForce, answering
from routing.models import RuleSet


class NoReadableRules(Unavailable):
    """No version can be read that could answer for a day. `version` should have; `error`: what is wrong with it, for staff."""

    def __init__(self, version: int, error: str) -> None:
        super().__init__("Por ahora no se puede decidir a quién le toca un reporte. El equipo ya lo sabe.")
        self.version = version
        self.error = error


def newest_rule_set(session: Session, jurisdiction_id: str, *, before: int | None = None) -> RuleSet | None:
    """The rule set with the highest version that was not taken back, also when its day is yet to come; None before the first
    import. before: of the versions under this one.
    """
    found = select(RuleSet).where(RuleSet.jurisdiction_id == jurisdiction_id, col(RuleSet.withdrawn_at).is_(None))
    if before is not None:
        found = found.where(RuleSet.version < before)
    return session.exec(found.order_by(col(RuleSet.version).desc()).limit(1)).first()


def last_version(session: Session, jurisdiction_id: str) -> int:
    """The highest version on record, also of sets that were taken back; 0 before the first import."""
    highest = select(func.max(RuleSet.version)).where(RuleSet.jurisdiction_id == jurisdiction_id)
    return session.exec(highest).one() or 0


def versions_due(session: Session, jurisdiction_id: str, before: int, on: date, limit: int) -> list[int]:
    """Versions below `before` whose day has come by `on`, the highest first."""
    return list(
        session.exec(
            select(RuleSet.version)
            .where(
                RuleSet.jurisdiction_id == jurisdiction_id,
                RuleSet.version < before,
                RuleSet.valid_from <= on,
                col(RuleSet.withdrawn_at).is_(None),
            )
            .order_by(col(RuleSet.version).desc())
            .limit(limit)
        )
    )


def rule_set(session: Session, jurisdiction_id: str, version: int) -> RuleSet:
    """Raises NotFound for a version that is not on record."""
    found = session.exec(
        select(RuleSet).where(RuleSet.jurisdiction_id == jurisdiction_id, RuleSet.version == version)
    ).first()
    if found is None or not found.content:
        raise NotFound("No hay registro de la versión {version} de las reglas.", version=version)
    return found


def last_imported(session: Session, jurisdiction_id: str) -> RuleSet | None:
    """What the city folder said last."""
    return session.exec(
        select(RuleSet)
        .where(RuleSet.jurisdiction_id == jurisdiction_id, RuleSet.origin == "import")
        .order_by(col(RuleSet.version).desc())
        .limit(1)
    ).first()


def rule_book(session: Session, jurisdiction_id: str, version: int) -> RuleBook:
    """What a past version decided with, to check a receipt of then. Raises NotFound for a version that is not on record."""
    return rule_sets.book_of(jurisdiction_id, version, rule_set(session, jurisdiction_id, version).content)


def load_rules(session: Session, jurisdiction_id: str, up_to: int) -> RulesInForce:
    """The versions up to `up_to` that answer on some day, as values.

    On the days of one that cannot be read, the highest good one whose first day has come answers. Raises NoReadableRules when
    there is none.
    """
    dated = session.exec(
        select(col(RuleSet.version), col(RuleSet.valid_from)).where(
            RuleSet.jurisdiction_id == jurisdiction_id,
            RuleSet.version <= up_to,
            col(RuleSet.withdrawn_at).is_(None),
        )
    ).all()
    sets = [DatedSet(version, valid_from) for version, valid_from in dated]
    meant = answering(sets)
    good, books, broken = _good(session, jurisdiction_id, sets)
    days = sorted({known.valid_from for known in (*meant, *good)})
    answers: list[RuleBook] = []
    fallen: dict[int, Fallen] = {}
    for position, day in enumerate(days):
        wanted, used = _due(meant, day), _due(good, day)
        assert wanted is not None
        if used is None:
            raise NoReadableRules(wanted, said(broken[wanted])) from broken[wanted]
        answers.append(books[used])
        if used != wanted:
            fallen[position] = Fallen(wanted, used, said(broken[wanted]))
    return RulesInForce(tuple(days), tuple(answers), fallen)


def _good(
    session: Session, jurisdiction_id: str, sets: Iterable[DatedSet]
) -> tuple[list[DatedSet], dict[int, RuleBook], dict[int, Exception]]:
    """The sets that answer when those that cannot be read are passed over, with their books, and why the others cannot."""
    books: dict[int, RuleBook] = {}
    broken: dict[int, Exception] = {}
    while True:
        good = answering(known for known in sets if known.version not in broken)
        unread = [known.version for known in good if known.version not in books]
        if not unread:
            return good, books, broken
        for version in unread:
            try:
                books[version] = rule_book(session, jurisdiction_id, version)
            except DBAPIError:
                raise  # the database is away: nothing is known about the rules
            except Exception as error:  # a content may be broken in any way
                broken[version] = error


def _due(sets: Iterable[DatedSet], day: date) -> int | None:
    """The version that answers on the day, of sets as `answering` gives them."""
    return max((known.version for known in sets if known.valid_from <= day), default=None)


def said(error: Exception) -> str:
    """An error in one line, for staff."""
    text = error.public_text() if isinstance(error, AtiendeError) else f"{type(error).__name__}: {error}"
    return text[:500]
