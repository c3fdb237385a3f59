"""Keys of the Open311 API: made here, shown once, kept only as their SHA-256."""

import hmac
import secrets
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from sqlmodel import Session, col, select

from intake.catalog.models import ApiKey

# 32 random bytes leave nothing to guess, so a fast hash is enough and no salt is needed.
_KEY_BYTES = 32


def create(
    session: Session,
    jurisdiction_id: str,
    label: str,
    *,
    now: datetime,
    agency_code: str | None = None,
    key: str | None = None,
) -> str:
    """A new key for the city, returned in clear this once. `key` is given only by an installation that made its own."""
    made = key or secrets.token_urlsafe(_KEY_BYTES)
    session.add(
        ApiKey(
            jurisdiction_id=jurisdiction_id,
            label=label,
            key_hash=hash_of(made),
            agency_code=agency_code,
            created_at=now,
        )
    )
    session.flush()
    return made


def find(session: Session, jurisdiction_id: str, key: str) -> ApiKey | None:
    """The enabled key of this city, or None: for a missing, empty, unknown, foreign or disabled key alike."""
    digest = hash_of(key)
    wanted = select(ApiKey).where(ApiKey.jurisdiction_id == jurisdiction_id, ApiKey.key_hash == digest)
    found = session.exec(wanted).one_or_none() if key else None
    if found is None or not hmac.compare_digest(found.key_hash, digest):
        return None
    return found if found.disabled_at is None else None


def listed(session: Session, *, named: str | None = None, is_enabled: bool = False) -> list[ApiKey]:
    """Every city's keys, oldest first. named: only those with this label or id; is_enabled: only those that still open."""
    wanted = select(ApiKey).order_by(col(ApiKey.created_at), col(ApiKey.id))
    if is_enabled:
        wanted = wanted.where(col(ApiKey.disabled_at).is_(None))
    return [key for key in session.exec(wanted) if named is None or named in (key.label, str(key.id))]


def disable(session: Session, key_id: UUID, *, now: datetime) -> None:
    """Ends a key at once; its record stays."""
    found = session.get(ApiKey, key_id)
    if found is not None and found.disabled_at is None:
        found.disabled_at = now
        session.flush()


def hash_of(key: str) -> bytes:
    return sha256(key.encode()).digest()
