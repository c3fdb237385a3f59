"""Reading the feed: by number for those who follow it, by time for those who ask in windows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Row, text
from sqlmodel import Session, col, select

from intake.changes.models import ServiceRequestChange
from kernel.errors import InvalidInput

BEGINNING = "0"
NOW = "now"

_ITEM = (
    "SELECT c.seq, c.event_id, c.published_at, c.is_farewell, e.name, e.at, e.note, e.public_note,"
    " e.actor_kind, e.data, r.folio, r.life,"
    " r.outcome_code, r.service_code, r.is_public, r.agency_code, a.name AS agency_name"
    " FROM service_request_change c JOIN service_request_event e ON e.id = c.event_id"
    " JOIN service_request r ON r.id = c.service_request_id"
    " LEFT JOIN agency a ON a.jurisdiction_id = r.jurisdiction_id AND a.code = r.agency_code"
    " WHERE c.jurisdiction_id = :jurisdiction_id"
)
_OF_AGENCY = " AND c.agency_code = :agency_code"
_PUBLIC = " AND c.is_public AND NOT c.is_farewell AND r.is_public"
_AFTER = " AND c.seq > :after ORDER BY c.seq LIMIT :limit"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who follows. `agency_code`: its requests, those that the public may not see too; None: everybody, what is public."""

    jurisdiction_id: str
    agency_code: str | None = None


def after(session: Session, reader: Reader, seq: int, *, limit: int) -> Sequence[Row[Any]]:
    """The next changes behind number `seq` that this reader may see, oldest first."""
    sql = _ITEM + (_OF_AGENCY if reader.agency_code else _PUBLIC) + _AFTER
    values = {
        "jurisdiction_id": reader.jurisdiction_id,
        "agency_code": reader.agency_code,
        "after": seq,
        "limit": limit,
    }
    return session.connection().execute(text(sql), values).all()


def newest_seq(session: Session, jurisdiction_id: str | None = None) -> int:
    """The highest number given, in this city or in any; 0 when there is none."""
    statement = select(ServiceRequestChange.seq).order_by(col(ServiceRequestChange.seq).desc()).limit(1)
    if jurisdiction_id is not None:
        statement = statement.where(ServiceRequestChange.jurisdiction_id == jurisdiction_id)
    return session.exec(statement).one_or_none() or 0


def cursor_of(seq: int, event_id: int, published_at: datetime) -> str:
    """A number with a check: after a restore from an older backup the same number may stand for another change."""
    check = sha256(f"{seq}:{event_id}:{published_at.timestamp():.0f}".encode()).hexdigest()[:8]
    return f"{seq}-{check}"


def read_cursor(session: Session, jurisdiction_id: str, cursor: str) -> int:
    """The number behind which to go on. Raises InvalidInput for a cursor that this city never gave, or gives no more."""
    if cursor == BEGINNING:
        return 0
    if cursor == NOW:
        return newest_seq(session, jurisdiction_id)
    number = cursor.partition("-")[0]
    if number.isascii() and number.isdigit() and len(number) < 19:
        change = session.get(ServiceRequestChange, int(number))
        if (
            change is not None
            and change.jurisdiction_id == jurisdiction_id
            and cursor == cursor_of(int(number), change.event_id, change.published_at)
        ):
            return int(number)
    raise InvalidInput(
        "Ese cursor no es de esta lista: empieza con cursor=now y vuelve a leer tus reportes.", field="cursor"
    )


def cursor_at(session: Session, seq: int) -> str:
    """The cursor that stands for this number."""
    change = session.get(ServiceRequestChange, seq) if seq else None
    return cursor_of(seq, change.event_id, change.published_at) if change is not None else BEGINNING
