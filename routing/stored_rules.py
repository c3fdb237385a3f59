"""Reads rule sets as they are kept. One that cannot be read has an older one decide in its place."""

from collections.abc import Sequence

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select

from kernel.errors import AtiendeError, NotFound
from routing import rule_sets
from routing.decide import RuleBook
from routing.in_force import DatedSet, Fallen, RulesInForce, answering
from routing.models import RuleSet


def newest_rule_set(session: Session, jurisdiction_id: str) -> RuleSet | None:
    """The rule set with the highest version, also when its day is yet to come; None before the first import."""
    return session.exec(
        select(RuleSet).where(RuleSet.jurisdiction_id == jurisdiction_id).order_by(col(RuleSet.version).desc()).limit(1)
    ).first()


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
    """The versions up to `up_to` that answer on some day, as values; an older one in the place of each that cannot be read."""
    dated = session.exec(
        select(col(RuleSet.version), col(RuleSet.valid_from)).where(
            RuleSet.jurisdiction_id == jurisdiction_id, RuleSet.version <= up_to
        )
    ).all()
    versions = sorted((version for version, _ in dated), reverse=True)
    sets = answering(DatedSet(version, valid_from) for version, valid_from in dated)
    books: list[RuleBook] = []
    fallen: dict[int, Fallen] = {}
    for position, known in enumerate(sets):
        book, error = _last_good(session, jurisdiction_id, [one for one in versions if one <= known.version])
        books.append(book)
        if error is not None:
            fallen[position] = Fallen(known.version, book.version, error)
    return RulesInForce(tuple(known.valid_from for known in sets), tuple(books), fallen)


def _last_good(session: Session, jurisdiction_id: str, versions: Sequence[int]) -> tuple[RuleBook, str | None]:
    """The first of `versions` that can be read, and why the very first cannot. Raises what is wrong with it when none can."""
    first: Exception | None = None
    for version in versions:
        try:
            book = rule_book(session, jurisdiction_id, version)
        except DBAPIError:
            raise  # the database is away: nothing is known about the rules
        except Exception as error:  # a content may be broken in any way
            first = first or error
        else:
            return book, said(first) if first is not None else None
    assert first is not None
    raise first


def said(error: Exception) -> str:
    """An error in one line, for staff."""
    text = error.public_text() if isinstance(error, AtiendeError) else f"{type(error).__name__}: {error}"
    return text[:500]
