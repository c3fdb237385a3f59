"""Reads of people and of where they are reached."""

from sqlmodel import Session, select

from intake.people.addresses import Address
from intake.people.models import ContactPoint
from kernel import crypto


def contact_point_of(session: Session, jurisdiction_id: str, address: Address) -> ContactPoint | None:
    """The contact point of this address; None for one that never wrote, and for a withheld one."""
    if address.key is None:
        return None
    lookup = crypto.vault().lookup(f"contact_point.{address.kind}", address.key)
    return session.exec(
        select(ContactPoint).where(
            ContactPoint.jurisdiction_id == jurisdiction_id,
            ContactPoint.kind == address.kind,
            ContactPoint.lookup == lookup,
        )
    ).one_or_none()
