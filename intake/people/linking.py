"""One person over several addresses: linked by proof or by an operator's word, and undone exactly.

A link moves nothing. Each contact point, conversation and report stays with the row it was made for, also what is made while the
link holds; who is one person is read from the links in force. So taking one away gives back what there was without it, whatever
came before or after, and in whichever order.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from georef.names import fold
from intake.people import actions, addresses, same
from intake.people.models import ContactPoint, ContactPointPerson, Person, PersonLink
from kernel.errors import Conflict, InvalidInput, NotFound

MAX_WHY = 500
# A form that is sent again comes within moments; a father and a son of one name are hardly added so fast.
_AGAIN_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class By:
    """Who of the staff says so; nobody for a proof."""

    id: UUID | None = None
    name: str = ""


PROOF = By()


def prove_phone(session: Session, contact_point: ContactPoint, phone: str, *, now: datetime) -> PersonLink | None:
    """Whoever writes from `contact_point` has this number, their network says: they are whoever texts or calls from it.

    None when that was known, or when an operator undid it before: a person's word stands against a second proof of the same kind.
    """
    if contact_point.kind in same.NOBODYS:
        return None
    try:
        address = addresses.read_phone(phone)
    except InvalidInput:
        return None
    _take_turns(session, contact_point.jurisdiction_id)
    theirs = actions.find_or_create_address(session, contact_point.jurisdiction_id, address, now=now)
    if theirs.person_id == contact_point.person_id:
        return None
    pair = _pair(theirs.person_id, contact_point.person_id)
    if session.exec(select(PersonLink.id).where(pair, PersonLink.basis == "shared_phone")).first() is not None:
        return None
    return _link(session, theirs.person_id, contact_point.person_id, "shared_phone", "", PROOF, contact_point, now)


def prove_code(
    session: Session, asker: ContactPoint, person_id: UUID, target: ContactPoint, *, by: By, now: datetime
) -> PersonLink | None:
    """Whoever writes from `asker` has read a code that was sent to `target`: they use that one too. by: the agent who typed it.

    Of a household, and of somebody who told another name, a code proves no more than that: they become one more who uses it. None
    when it was known.
    """
    _take_turns(session, asker.jurisdiction_id)
    group = same.same_person(session, person_id)
    there = same.people_at(session, target.id)
    if set(group) & set(there):
        return None
    name = _name_of(session, group)
    other_id = there[0]
    if len(there) > 1 or _is_another_name(name, _name_of(session, same.same_person(session, other_id))):
        other_id = _once_proved(session, group, there) or _one_more(session, target, there, name, by, now)
    return _link(session, person_id, other_id, "code", "", by, asker, now)


def was_undone(session: Session, person_id: UUID, target: ContactPoint) -> bool:
    """True when a code linked these before and an agent took it back."""
    there = set(same.people_at(session, target.id))
    return any(
        link.basis == "code" and link.undone_at is not None and {link.one_id, link.other_id} & there
        for link in same.evidence_of(session, same.same_person(session, person_id))
    )


def _name_of(session: Session, people: Collection[UUID]) -> str:
    names = (actions.name_of(session.get_one(Person, id_)) for id_ in people)
    return next((name for name in names if name), "")


def _is_another_name(one: str, other: str) -> bool:
    """Whether both are told and have no word in common: Rosa and Rosa Cruz may be one, Rosa and Juan are two."""
    words = [set(fold(name).split()) for name in (one, other)]
    return all(words) and not words[0] & words[1]


def _once_proved(session: Session, group: Collection[UUID], there: Collection[UUID]) -> UUID | None:
    """Who they were among these by a proof that was taken back: nobody is added twice."""
    for found in same.evidence_of(session, list(group)):
        if found.basis == "code" and (other := {found.one_id, found.other_id} & set(there)):
            return min(other)
    return None


def _one_more(
    session: Session, target: ContactPoint, there: Collection[UUID], name: str, by: By, now: datetime
) -> UUID:
    person = Person(jurisdiction_id=target.jurisdiction_id, created_at=now)
    session.add(person)
    session.flush()
    actions.remember_name(session, person.id, name)
    _add_all(session, target, [*((id_, PROOF) for id_ in there), (person.id, by)], now)
    return person.id


def link(
    session: Session, jurisdiction_id: str, one_id: UUID, other_id: UUID, *, why: str, by: By, now: datetime
) -> PersonLink:
    """An operator says that two are the same person, and why.

    Raises NotFound, also for a person of another city; Conflict when they are one already; InvalidInput for the sender of a
    short code or a hidden number, and without a reason.
    """
    said = _said(why)
    _take_turns(session, jurisdiction_id)
    one, other = same.find(session, jurisdiction_id, one_id), same.find(session, jurisdiction_id, other_id)
    group = same.same_person(session, one.id)
    if other.id in group:
        raise Conflict("Ya son la misma persona.")
    if same.is_nobodys(session, [*group, *same.same_person(session, other.id)]):
        raise InvalidInput("Un número oculto o un código corto no es de nadie: no se puede unir.", field="person")
    return _link(session, one.id, other.id, "operator", said, by, one, now)


def undo(session: Session, jurisdiction_id: str, link_id: UUID, *, why: str, by: By, now: datetime) -> PersonLink:
    """Takes a link back; it stays as evidence. Raises NotFound, InvalidInput without a reason, Conflict when it was undone."""
    said = _said(why)
    _take_turns(session, jurisdiction_id)
    found = session.get(PersonLink, link_id, populate_existing=True)
    if found is None or found.jurisdiction_id != jurisdiction_id:
        raise NotFound("No encontramos esa unión.")
    if found.undone_at is not None:
        raise Conflict("Esa unión ya se deshizo.")
    found.undone_at, found.undone_why = now, said
    found.undone_by, found.undone_by_name = by.id, by.name
    session.flush()
    _regroup(session, found.one_id)
    _regroup(session, found.other_id)
    return found


def add_person(session: Session, contact_point: ContactPoint, name: str, *, by: By, now: datetime) -> Person:
    """Somebody else of the household, who uses this contact point too, and did so last. Nobody's name is changed.

    Whom the same agent added under this name a moment ago is given back: a form sent twice makes one person.
    Raises InvalidInput without a name, and for a short code or a hidden number.
    """
    told = " ".join(name.replace("\0", "").split())
    if not told:
        raise InvalidInput("Escribe cómo se llama.", field="name")
    if contact_point.kind in same.NOBODYS:
        raise InvalidInput("Un número oculto o un código corto no es de nadie.", field="name")
    told = told[: actions.LONGEST_NAME]
    person = _added_just_now(session, contact_point, told, by, now)
    if person is None:
        person = Person(jurisdiction_id=contact_point.jurisdiction_id, created_at=now)
        session.add(person)
        session.flush()
        actions.remember_name(session, person.id, told)
        _add_all(session, contact_point, [(contact_point.person_id, PROOF), (person.id, by)], now)
    used_by(session, contact_point, person.id)
    return person


def _added_just_now(session: Session, contact_point: ContactPoint, name: str, by: By, now: datetime) -> Person | None:
    added = (
        select(Person)
        .join(ContactPointPerson, col(ContactPointPerson.person_id) == col(Person.id))
        .where(
            ContactPointPerson.contact_point_id == contact_point.id,
            ContactPointPerson.added_by == by.id,
            ContactPointPerson.added_at > now - _AGAIN_WITHIN,
        )
    )
    return next((person for person in session.exec(added) if fold(actions.name_of(person)) == fold(name)), None)


def _add_all(session: Session, contact_point: ContactPoint, people: Collection[tuple[UUID, By]], now: datetime) -> None:
    rows = [
        {
            "contact_point_id": contact_point.id,
            "person_id": id_,
            "added_by": who.id,
            "added_by_name": who.name,
            "added_at": now,
        }
        for id_, who in people
    ]
    session.execute(insert(ContactPointPerson).values(rows).on_conflict_do_nothing())


def used_by(session: Session, contact_point: ContactPoint, person_id: UUID) -> None:
    """Who of the household used this contact point last: what comes next is taken for theirs. Raises NotFound for a stranger."""
    if person_id not in same.people_at(session, contact_point.id):
        raise NotFound("No encontramos a esa persona.")
    session.execute(update(ContactPoint).where(col(ContactPoint.id) == contact_point.id).values(person_id=person_id))
    session.refresh(contact_point)


def _said(why: str) -> str:
    said = " ".join(why.replace("\0", "").split())[:MAX_WHY]
    if not said:
        raise InvalidInput("Escribe por qué lo sabes.", field="why")
    return said


def _take_turns(session: Session, jurisdiction_id: str) -> None:
    # Groups grow and fall apart as wholes: two at once in one city wait for each other.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"person_link:{jurisdiction_id}", 0))))


def _pair(one_id: UUID, other_id: UUID) -> ColumnElement[bool]:
    one, other = col(PersonLink.one_id), col(PersonLink.other_id)
    return or_((one == one_id) & (other == other_id), (one == other_id) & (other == one_id))


def _link(
    session: Session,
    one_id: UUID,
    other_id: UUID,
    basis: str,
    why: str,
    by: By,
    in_city: ContactPoint | Person,
    now: datetime,
) -> PersonLink:
    people = same.same_person(session, other_id)
    points = session.exec(select(ContactPoint.id).where(col(ContactPoint.person_id).in_(people)))
    made = PersonLink(
        jurisdiction_id=in_city.jurisdiction_id,
        one_id=one_id,
        other_id=other_id,
        basis=basis,
        why=why,
        together={"people": [str(id_) for id_ in people], "contact_points": sorted(str(id_) for id_ in points)},
        linked_by=by.id,
        linked_by_name=by.name,
        linked_at=now,
    )
    session.add(made)
    session.flush()
    _regroup(session, one_id)
    return made


def _regroup(session: Session, person_id: UUID) -> None:
    """Writes down who is one with this person by the links that are in force."""
    known: set[UUID] = set()
    fresh: Collection[UUID] = {person_id}
    while fresh:
        known |= set(fresh)
        found = same.links_of(session, sorted(fresh))
        fresh = {id_ for link in found for id_ in (link.one_id, link.other_id)} - known
    group_id = min(known) if len(known) > 1 else None
    session.execute(update(Person).where(col(Person.id).in_(known)).values(group_id=group_id))
