"""Reads of who is one and the same, and of who shares a contact point."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import or_
from sqlmodel import Session, col, select

from intake.people.models import ContactPoint, ContactPointPerson, Person, PersonLink
from kernel.errors import NotFound

# Nobody can show that a short code or a hidden number is a certain person.
NOBODYS = ("sender", "withheld")


def find(session: Session, jurisdiction_id: str, person_id: UUID) -> Person:
    """The person. Raises NotFound, also for one of another city."""
    found = session.get(Person, person_id)
    if found is None or found.jurisdiction_id != jurisdiction_id:
        raise NotFound("No encontramos a esa persona.")
    return found


def same_person(session: Session, person_id: UUID) -> list[UUID]:
    """All rows that are known to be this person, itself among them, oldest first."""
    group_id = session.exec(select(Person.group_id).where(Person.id == person_id)).one_or_none()
    if group_id is None:
        return [person_id]
    return sorted(session.exec(select(Person.id).where(Person.group_id == group_id)))


def contact_points_of(session: Session, person_id: UUID) -> list[ContactPoint]:
    """Where this person is reached, over all rows that are them: also what they share with others. Oldest first."""
    people = same_person(session, person_id)
    shared = select(ContactPointPerson.contact_point_id).where(col(ContactPointPerson.person_id).in_(people))
    statement = select(ContactPoint).where(
        or_(col(ContactPoint.person_id).in_(people), col(ContactPoint.id).in_(shared))
    )
    return list(session.exec(statement.order_by(col(ContactPoint.id))))


def people_at(session: Session, contact_point_id: UUID) -> list[UUID]:
    """Who uses this contact point: one, or a household. Oldest first."""
    last = session.exec(select(ContactPoint.person_id).where(ContactPoint.id == contact_point_id)).one()
    others = session.exec(
        select(ContactPointPerson.person_id).where(ContactPointPerson.contact_point_id == contact_point_id)
    )
    return sorted({last, *others})


def links_of(session: Session, people: Sequence[UUID]) -> list[PersonLink]:
    """The evidence in force that makes these rows one person, oldest first."""
    return [link for link in evidence_of(session, people) if link.undone_at is None]


def evidence_of(session: Session, people: Sequence[UUID]) -> list[PersonLink]:
    """As `links_of`, with what was undone."""
    touches = or_(col(PersonLink.one_id).in_(people), col(PersonLink.other_id).in_(people))
    return list(session.exec(select(PersonLink).where(touches).order_by(col(PersonLink.linked_at), col(PersonLink.id))))


def is_nobodys(session: Session, people: Sequence[UUID]) -> bool:
    """True when one of these wrote from a short code or a hidden number."""
    points = select(ContactPoint.id).where(col(ContactPoint.person_id).in_(people), col(ContactPoint.kind).in_(NOBODYS))
    return session.exec(points.limit(1)).first() is not None
