"""Writes about people. Safe under contention: the database decides who was first."""

import secrets
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, col, select

from intake.people import addresses
from intake.people.addresses import Address
from intake.people.models import Consent, ContactPoint, Person
from kernel import crypto
from kernel.ids import new_id
from kernel.inserts import Row, insert_together
from kernel.rows import change, fresh, load_one

LONGEST_NAME = 80
_PROFILE_NAME = "contact_point.profile_name"
_LOOKUP = "WHERE jurisdiction_id = $1 AND kind = $2 AND lookup = $3"


class Keys(NamedTuple):
    """other, other_lookup: of the same telephone number on the other network; empty where no network vouches for one."""

    kind: str
    lookup: bytes
    other: str
    other_lookup: bytes


def find_or_create(
    session: Session, jurisdiction_id: str, kind: str, address: str, *, now: datetime, language: str = "es"
) -> ContactPoint:
    """The contact point of `address`, with a person of its own if it is new. kind: as of a contact point.

    Raises InvalidInput for an address that cannot be one of its kind.
    """
    return find_or_create_address(session, jurisdiction_id, addresses.read(kind, address), now=now, language=language)


def find_or_create_address(
    session: Session, jurisdiction_id: str, address: Address, *, now: datetime, language: str = "es"
) -> ContactPoint:
    """As `find_or_create`, for an address that was read already. A withheld one is a new person every time."""
    keys = keys_of(address)
    found = _by_lookup(session, jurisdiction_id, keys.kind, keys.lookup)
    if found is not None:
        return found
    beside = _by_lookup(session, jurisdiction_id, keys.other, keys.other_lookup) if address.phone else None
    beside_id = beside.person_id if beside else None
    made, person = new_contact_point(jurisdiction_id, address, keys, beside=beside_id, language=language, now=now)
    if insert_together(session, made, person):
        return made
    found = _by_lookup(session, jurisdiction_id, keys.kind, keys.lookup)
    assert found is not None, "somebody was faster and has committed"
    return found


def keys_of(address: Address) -> Keys:
    """By what an address is looked up. A withheld one has a key of its own each time."""
    vault = crypto.vault()
    key = secrets.token_hex(16) if address.key is None else address.key
    lookup = vault.lookup(f"contact_point.{address.kind}", key)
    if address.phone is None:
        return Keys(address.kind, lookup, "", b"")
    other = "whatsapp" if address.kind == "phone" else "phone"
    return Keys(address.kind, lookup, other, vault.lookup(f"contact_point.{other}", address.phone))


def new_contact_point(
    jurisdiction_id: str,
    address: Address,
    keys: Keys,
    *,
    beside: UUID | None,
    language: str = "es",
    profile_name: str = "",
    now: datetime,
) -> tuple[ContactPoint, list[Row]]:
    """A contact point that is not written yet, and its person if that is a new one.

    beside: who has the same telephone number on the other network. Who answers it there answers it here: the same person, until
    somebody says otherwise.
    """
    vault = crypto.vault()
    told = _told_name(profile_name)
    made = fresh(
        ContactPoint,
        jurisdiction_id=jurisdiction_id,
        person_id=beside or new_id(),
        kind=address.kind,
        lookup=keys.lookup,
        address_sealed=vault.seal(address.reachable, context=f"contact_point.{address.kind}"),
        last_digits=address.last_digits,
        profile_name_sealed=vault.seal(told, context=_PROFILE_NAME) if told else None,
        created_at=now,
    )
    person = {"id": made.person_id, "jurisdiction_id": jurisdiction_id, "language": language, "created_at": now}
    return made, [] if beside else [Row(Person, person)]


def _by_lookup(session: Session, jurisdiction_id: str, kind: str, lookup: bytes) -> ContactPoint | None:
    return load_one(session, ContactPoint, _LOOKUP, [jurisdiction_id, kind, lookup])


def address_of(contact_point: ContactPoint) -> str:
    """The address to reach this person at, exactly as it was received."""
    return crypto.vault().unseal(contact_point.address_sealed, context=f"contact_point.{contact_point.kind}")


def remember_address(session: Session, contact_point: ContactPoint, address: Address) -> None:
    """Replies go to the newest writing of an address (`+521…` and `+52…` are one person)."""
    if address_of(contact_point) == address.reachable:
        return
    sealed = crypto.vault().seal(address.reachable, context=f"contact_point.{contact_point.kind}")
    change(session, contact_point, address_sealed=sealed)


def remember_profile_name(session: Session, contact_point: ContactPoint, name: str) -> None:
    """Keeps what the network says they are called, the newest: a hint for staff, never a name they gave us."""
    told = _told_name(name)
    kept = contact_point.profile_name_sealed
    if not told or (kept is not None and crypto.vault().unseal(kept, context=_PROFILE_NAME) == told):
        return
    change(session, contact_point, profile_name_sealed=crypto.vault().seal(told, context=_PROFILE_NAME))


def _told_name(name: str) -> str:
    return " ".join(name.replace("\0", "").split())[:LONGEST_NAME]


def profile_name_of(contact_point: ContactPoint) -> str:
    """What the network says they are called; "" when it says nothing."""
    kept = contact_point.profile_name_sealed
    return "" if kept is None else crypto.vault().unseal(kept, context=_PROFILE_NAME)


def record_consent(
    session: Session, contact_point_id: UUID, *, purpose: str, is_granted: bool, words: str = "", now: datetime
) -> Consent:
    """Keeps the evidence of a choice: `words` as the person wrote them. Waits for whoever is deciding on this contact point."""
    lock(session, contact_point_id)
    consent = Consent(contact_point_id=contact_point_id, purpose=purpose, is_granted=is_granted, words=words, at=now)
    session.add(consent)
    session.flush()
    return consent


def lock(session: Session, contact_point_id: UUID) -> None:
    """Until this transaction ends nobody else records a consent here: a notice that is being written sees the last one."""
    session.execute(
        select(ContactPoint.id).where(ContactPoint.id == contact_point_id).with_for_update(key_share=True)
    ).one()


def is_opted_out(session: Session, contact_point_id: UUID, purpose: str = "notices") -> bool:
    """True when the newest choice for `purpose` is a withdrawal; nobody who never chose is opted out."""
    newest = session.exec(
        select(Consent.is_granted)
        .where(Consent.contact_point_id == contact_point_id, Consent.purpose == purpose)
        .order_by(col(Consent.at).desc(), col(Consent.id).desc())
        .limit(1)
    ).first()
    return newest is False


def remember_name(session: Session, person_id: UUID, name: str) -> None:
    """Keeps what somebody says they are called, sealed; the first name given stays until a person of staff changes it."""
    person = session.get_one(Person, person_id, with_for_update=True)
    if person.name_sealed is None and name.strip():
        person.name_sealed = crypto.vault().seal(name.strip(), context="person.name")
        session.add(person)


def name_of(person: Person) -> str:
    """What they said they are called; "" when they never said."""
    return "" if person.name_sealed is None else crypto.vault().unseal(person.name_sealed, context="person.name")
