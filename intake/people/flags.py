"""Alarms that a supervisor looks at: raised once, and raised again by what comes after somebody has looked."""

from datetime import datetime
from typing import Protocol, TypeVar, cast
from uuid import UUID

from sqlmodel import Session, SQLModel

from kernel.errors import NotFound


class Flag(Protocol):
    """What every table of alarms has."""

    jurisdiction_id: str
    reviewed_at: datetime | None
    reviewed_by: UUID | None
    reviewed_by_name: str
    note: str


F = TypeVar("F", bound=SQLModel)


def review(
    session: Session,
    table: type[F],
    flag_id: UUID,
    jurisdiction_id: str,
    *,
    note: str,
    by: UUID,
    by_name: str,
    now: datetime,
) -> None:
    """Somebody has looked at it; the first to do so is kept. table: one whose rows are `Flag`s. Raises NotFound."""
    row = session.get(table, flag_id, with_for_update=True, populate_existing=True)
    found = cast(Flag | None, row)
    if row is None or found is None or found.jurisdiction_id != jurisdiction_id:
        raise NotFound("No encontramos esa alarma.")
    if found.reviewed_at is None:
        found.reviewed_at, found.reviewed_by, found.reviewed_by_name, found.note = now, by, by_name, note[:500]
        session.add(row)
        session.flush()
