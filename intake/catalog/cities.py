"""What is asked of a city with every message: its names, numbers and settings, kept in the process until its row changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session

from kernel import db
from kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class City:
    """A `Jurisdiction` to read, without its map. settings: nobody writes into them."""

    id: str
    name: str
    timezone: str
    language: str
    sms_number: str | None
    settings: Mapping[str, Any] = field(repr=False)


# ctid moves with every writing, also the second one of a transaction.
_VERSION = "SELECT xmin::text, ctid::text FROM jurisdiction WHERE id = $1"
_ROW = (
    "SELECT id, name, timezone, language, sms_number, settings, xmin::text, ctid::text FROM jurisdiction WHERE id = $1"
)
_ADDRESS = """
    SELECT address FROM channel_address WHERE channel = $1 AND jurisdiction_id = $2 ORDER BY address LIMIT 1
"""
# The city whose address was written to, in a statement that has channel and address as its first two values; NULL for no city's.
OWNER = """coalesce(
        (SELECT jurisdiction_id FROM channel_address WHERE channel = $1 AND address = $2),
        (SELECT id FROM jurisdiction WHERE $1 = 'sms' AND sms_number = $2),
        -- where nothing is between us and the person, a city is written to by its id
        (SELECT id FROM jurisdiction WHERE id = $2)
    )"""
_kept: dict[str, tuple[tuple[str, str], City]] = {}


def city(session: Session, jurisdiction_id: str) -> City:
    """The city, at the cost of a glance at its row while that has not changed. Raises NotFound."""
    return db.asked_once(session, ("city", jurisdiction_id), lambda: _city(session, jurisdiction_id))


def _city(session: Session, jurisdiction_id: str) -> City:
    session.flush()
    kept = _kept.get(jurisdiction_id)
    if kept is not None and db.fetch(session, _VERSION, [jurisdiction_id], prepare=True) == [kept[0]]:
        return kept[1]
    rows = db.fetch(session, _ROW, [jurisdiction_id], prepare=True)
    if not rows:
        raise NotFound("No atendemos la jurisdicción {jurisdiction_id}.", jurisdiction_id=jurisdiction_id)
    *values, xmin, ctid = rows[0]
    made = City(*values)
    _kept[jurisdiction_id] = (xmin, ctid), made
    return made


def address_on(session: Session, owner: City, channel: str) -> str | None:
    """From which of its addresses the city writes on a channel; None where the installation's only one is used."""
    if channel == "sms":
        return owner.sms_number
    rows = db.fetch(session, _ADDRESS, [channel, owner.id], prepare=True)
    return rows[0][0] if rows else None


def owner_of(session: Session, channel: str, address: str) -> str | None:
    """The city whose address this is; None for one that is no city's."""
    session.flush()
    owner: str | None = db.fetch(session, f"SELECT {OWNER}", [channel, address], prepare=True)[0][0]
    return owner
