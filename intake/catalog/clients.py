"""Who a secret belongs to, remembered in the process until the city's keys change.

Every change of a key made by this program moves `jurisdiction.keys_version`, which each call reads anyway: a disabled key stops
with the next call. What was changed past the program, by hand or by an older release, is noticed after REMEMBERED_S.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from intake.catalog.keys import hash_of, scopes_of
from intake.catalog.models import ApiKey

REMEMBERED_S = 30.0
_VERSION = text("SELECT keys_version, xmin::text AS xmin FROM jurisdiction WHERE id = :id")

# xmin names the transaction that last wrote the city's row.
Version = tuple[int, str]


@dataclass(frozen=True, slots=True)
class ApiClient:
    """Who sent a secret. `scopes`: what it may really do; `ends_at`: when this secret stops."""

    id: UUID
    jurisdiction_id: str
    label: str
    agency_code: str | None
    scopes: frozenset[str]
    writes_per_minute: int | None
    key_hash: bytes
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Remembered:
    version: Version
    until: float
    by_hash: Mapping[bytes, ApiClient]


_cache: dict[str, _Remembered] = {}
_lock = Lock()


def find(session: Session, jurisdiction_id: str, secret: str, *, now: datetime) -> ApiClient | None:
    """The client with this secret in this city, or None: for a missing, unknown, foreign, expired or disabled one alike."""
    row = session.connection().execute(_VERSION, {"id": jurisdiction_id}).one_or_none()
    return None if row is None else find_at(session, jurisdiction_id, (row.keys_version, row.xmin), secret, now=now)


def find_at(
    session: Session, jurisdiction_id: str, version: Version, secret: str, *, now: datetime
) -> ApiClient | None:
    """As `find`, for a caller that has just read the city's row."""
    if not secret:
        return None
    kept = _cache.get(jurisdiction_id)
    if kept is None or kept.version != version or kept.until < time.monotonic():
        kept = _Remembered(version, time.monotonic() + REMEMBERED_S, _load(session, jurisdiction_id))
        with _lock:
            _cache[jurisdiction_id] = kept
    found = kept.by_hash.get(hash_of(secret))
    return None if found is None or (found.ends_at is not None and found.ends_at <= now) else found


def remembered(jurisdiction_id: str | None, secret: str) -> ApiClient | None:
    """Whose secret this was when last looked up, without asking the database: for counting, never for letting in.

    jurisdiction_id None: in the one city that knows it.
    """
    if not secret:
        return None
    digest = hash_of(secret)
    if jurisdiction_id is not None:
        kept = _cache.get(jurisdiction_id)
        return kept.by_hash.get(digest) if kept else None
    found = [client for kept in list(_cache.values()) if (client := kept.by_hash.get(digest))]
    return found[0] if len(found) == 1 else None


def _load(session: Session, jurisdiction_id: str) -> dict[bytes, ApiClient]:
    wanted = select(ApiKey).where(ApiKey.jurisdiction_id == jurisdiction_id, col(ApiKey.disabled_at).is_(None))
    by_hash: dict[bytes, ApiClient] = {}
    for key in session.exec(wanted.execution_options(populate_existing=True)):
        if key.previous_hash is not None and key.previous_ends_at is not None:
            ends = [at for at in (key.previous_ends_at, key.expires_at) if at is not None]
            by_hash.setdefault(key.previous_hash, _client(key, key.previous_hash, min(ends)))
        # A secret in use wins over the same one on its way out.
        by_hash[key.key_hash] = _client(key, key.key_hash, key.expires_at)
    return by_hash


def _client(key: ApiKey, digest: bytes, ends_at: datetime | None) -> ApiClient:
    scopes = frozenset(scopes_of(key))
    return ApiClient(
        key.id, key.jurisdiction_id, key.label, key.agency_code, scopes, key.writes_per_minute, digest, ends_at
    )
