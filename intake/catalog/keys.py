"""Keys of the Open311 API: made here, shown once, kept only as their SHA-256.

A key is a client's record; a secret is what the client sends. Rotation gives the record a new secret and lets the old one work
until a chosen time.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from intake.catalog.models import ApiKey, Jurisdiction
from kernel.errors import Conflict, InvalidInput, NotFound
from routing.models import Agency

SUBMIT, UPDATE, READ_PRIVATE, ALERT = "submit", "update", "read_private", "alert"
SCOPES = (SUBMIT, UPDATE, READ_PRIVATE, ALERT)
# About the requests of the key's agency, and nothing without one.
AGENCY_SCOPES = frozenset({UPDATE, READ_PRIVATE})
MAX_LABEL = 100
MAX_WRITES_PER_MINUTE = 1_000_000
MAX_OVERLAP = timedelta(days=90)
# So that people, and programs that look for secrets left in public code, see what it is.
_START = "atk_"
# 32 random bytes leave nothing to guess, so a fast hash is enough and no salt is needed.
_SECRET_BYTES = 32
_SHOWN_LETTERS = 9
# A secret somebody else made may be short; its first letters would give it away.
_SHORTEST_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key is to be: whose it is and what it may do. Raises InvalidInput for what does not hold together."""

    label: str
    scopes: Collection[str] = (SUBMIT,)
    agency_code: str | None = None
    expires_at: datetime | None = None
    writes_per_minute: int | None = None

    def __post_init__(self) -> None:
        if not self.label.strip():
            raise InvalidInput("Falta la etiqueta: di de quién es la llave.", field="label")
        if len(self.label) > MAX_LABEL:
            raise InvalidInput("La etiqueta es demasiado larga: caben {limit} letras.", field="label", limit=MAX_LABEL)
        if not self.scopes:
            raise InvalidInput("Di qué puede hacer la llave: al menos una cosa.", field="scopes")
        unknown = [scope for scope in self.scopes if scope not in SCOPES]
        if unknown:
            known = ", ".join(SCOPES)
            raise InvalidInput("No hay permiso {scope}; hay: {known}.", field="scopes", scope=unknown[0], known=known)
        if AGENCY_SCOPES.intersection(self.scopes) and self.agency_code is None:
            raise InvalidInput("Ese permiso es sobre los reportes de una dependencia: di de cuál.", field="agency_code")
        if self.writes_per_minute is not None and not 0 <= self.writes_per_minute <= MAX_WRITES_PER_MINUTE:
            raise InvalidInput(
                "El límite por minuto va de 0 (sin límite) a {most}.",
                field="writes_per_minute",
                most=f"{MAX_WRITES_PER_MINUTE:,}",
            )


def end_of(day: str, timezone: str) -> datetime:
    """The end, in the city, of the day `YYYY-MM-DD`. Raises InvalidInput."""
    try:
        after = date.fromisoformat(day) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise InvalidInput("Escribe el día como 2027-03-31.", field="expires_at") from None
    return datetime.combine(after, time(), ZoneInfo(timezone))


def new_secret() -> str:
    return secret_of(secrets.token_bytes(_SECRET_BYTES))


def secret_of(random: bytes) -> str:
    """These bytes as a secret; nobody else may be able to guess them."""
    return _START + urlsafe_b64encode(random).rstrip(b"=").decode()


def hash_of(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def create(
    session: Session,
    jurisdiction_id: str,
    label: str,
    *,
    now: datetime,
    scopes: Collection[str] | None = None,
    agency_code: str | None = None,
    expires_at: datetime | None = None,
    writes_per_minute: int | None = None,
    key: str | None = None,
) -> str:
    """A new key for the city; its secret is returned in clear this once.

    scopes: `submit`, and with an agency also `update`, unless they are named. key: a secret that the installation made itself.
    Raises InvalidInput for what does not hold together.
    """
    default = (SUBMIT,) if agency_code is None else (SUBMIT, UPDATE)
    grant = Grant(label.strip(), default if scopes is None else scopes, agency_code, expires_at, writes_per_minute)
    secret = key or new_secret()
    _insert(session, jurisdiction_id, grant, secret, now)
    return secret


def add(session: Session, jurisdiction_id: str, grant: Grant, secret: str, *, now: datetime) -> ApiKey:
    """The city's key with this secret: made now, or, for a form sent twice, the one that it made the first time.

    Raises InvalidInput for an agency that the city does not have or a day that is over, Conflict for a label in use, and for a
    form that was changed after it had made its key.
    """
    # Twins wait for one another here: the second finds the first's key before it finds that the label is taken.
    session.exec(
        select(Jurisdiction.id).where(Jurisdiction.id == jurisdiction_id).with_for_update(key_share=True)
    ).one()
    known = _with_hash(session, jurisdiction_id, hash_of(secret))
    if known is not None:
        if state_of(known, now) != "active":
            raise Conflict("Esta llave ya terminó: haz otra.")
        if not _is_asked_for(known, grant):
            raise Conflict(
                "Este formulario ya hizo la llave «{label}», con otros datos. Si quieres otra, mándalo de nuevo.",
                label=known.label,
            )
        return known
    if grant.agency_code is not None:
        agencies = select(Agency.code).where(Agency.jurisdiction_id == jurisdiction_id)
        if grant.agency_code not in session.exec(agencies).all():
            raise InvalidInput("La ciudad no tiene esa dependencia.", field="agency_code")
    if grant.expires_at is not None and grant.expires_at <= now:
        raise InvalidInput("Ese día ya pasó: la llave no serviría.", field="expires_at")
    label = grant.label.strip()
    same = listed(session, named=label, is_enabled=True, jurisdiction_id=jurisdiction_id)
    if any(state_of(key, now) == "active" for key in same):
        raise Conflict("Ya hay una llave «{label}»: apágala primero o usa otra etiqueta.", field="label", label=label)
    return _insert(session, jurisdiction_id, grant, secret, now)


def _is_asked_for(key: ApiKey, grant: Grant) -> bool:
    return (key.label, set(key.scopes), key.agency_code, key.expires_at, key.writes_per_minute) == (
        grant.label.strip(),
        set(grant.scopes),
        grant.agency_code,
        grant.expires_at,
        grant.writes_per_minute,
    )


def _insert(session: Session, jurisdiction_id: str, grant: Grant, secret: str, now: datetime) -> ApiKey:
    digest = hash_of(secret)
    made = ApiKey(
        jurisdiction_id=jurisdiction_id,
        label=grant.label.strip(),
        key_hash=digest,
        prefix=_shown(secret),
        agency_code=grant.agency_code,
        scopes=[scope for scope in SCOPES if scope in grant.scopes],
        writes_per_minute=grant.writes_per_minute,
        created_at=now,
        expires_at=grant.expires_at,
    )
    session.connection().execute(insert(ApiKey).values(made.model_dump()).on_conflict_do_nothing())
    _touch(session, jurisdiction_id)
    found = _with_hash(session, jurisdiction_id, digest)
    assert found is not None
    return found


def _with_hash(session: Session, jurisdiction_id: str, digest: bytes) -> ApiKey | None:
    wanted = select(ApiKey).where(ApiKey.jurisdiction_id == jurisdiction_id, ApiKey.key_hash == digest)
    return session.exec(wanted).one_or_none()


def rotate(
    session: Session,
    jurisdiction_id: str,
    key_id: UUID,
    secret: str,
    *,
    seen: str | None = None,
    overlap: timedelta,
    now: datetime,
) -> ApiKey:
    """Gives the key this secret; the one before works for `overlap` more, and one still older ends at once.

    seen: what told the secret that whoever decides this had before them. Rotating again with the same secret changes nothing.
    Raises NotFound, Conflict for a key that has ended or was rotated since it was seen, InvalidInput for an overlap that is too
    long.
    """
    found = get(session, jurisdiction_id, key_id, for_update=True)
    digest = hash_of(secret)
    if found.key_hash == digest:
        return found
    if state_of(found, now) != "active":
        raise Conflict("Esta llave ya terminó: haz otra.")
    if seen is not None and told_by(found) != seen:
        raise Conflict("Alguien ya renovó esta llave mientras la veías. Ábrela otra vez antes de decidir.")
    if not timedelta() <= overlap <= MAX_OVERLAP:
        raise InvalidInput("La llave anterior puede durar de 0 a {days} días.", field="overlap", days=MAX_OVERLAP.days)
    if overlap:
        found.previous_hash, found.previous_prefix = found.key_hash, found.prefix
        found.previous_ends_at = now + overlap
    else:
        found.previous_hash = found.previous_prefix = found.previous_ends_at = None
    found.key_hash, found.prefix = digest, _shown(secret)
    session.add(found)
    session.flush()
    _touch(session, jurisdiction_id)
    return found


def disable(session: Session, key_id: UUID, *, now: datetime, jurisdiction_id: str | None = None) -> ApiKey:
    """Ends a key at once, both its secrets; its record stays. Raises NotFound, also for another city's."""
    found = get(session, jurisdiction_id, key_id, for_update=True)
    if found.disabled_at is None:
        found.disabled_at = now
        session.add(found)
        session.flush()
        _touch(session, found.jurisdiction_id)
    return found


def get(session: Session, jurisdiction_id: str | None, key_id: UUID, *, for_update: bool = False) -> ApiKey:
    """The key's record, as the database has it now. Raises NotFound, also for a key of another city."""
    wanted = select(ApiKey).where(ApiKey.id == key_id).execution_options(populate_existing=True)
    found = session.exec(wanted.with_for_update() if for_update else wanted).one_or_none()
    if found is None or jurisdiction_id not in (None, found.jurisdiction_id):
        raise NotFound("No encontramos esa llave.")
    return found


def listed(
    session: Session, *, named: str | None = None, is_enabled: bool = False, jurisdiction_id: str | None = None
) -> list[ApiKey]:
    """The keys of every city, or of one, oldest first. named: with this label or id; is_enabled: not disabled."""
    wanted = select(ApiKey).order_by(col(ApiKey.created_at), col(ApiKey.id))
    if is_enabled:
        wanted = wanted.where(col(ApiKey.disabled_at).is_(None))
    if jurisdiction_id is not None:
        wanted = wanted.where(ApiKey.jurisdiction_id == jurisdiction_id)
    return [key for key in session.exec(wanted) if named is None or named in (key.label, str(key.id))]


def note_use(session: Session, key_id: UUID, *, now: datetime) -> None:
    """Keeps when the key was last used."""
    session.connection().execute(
        update(ApiKey)
        .where(col(ApiKey.id) == key_id, col(ApiKey.last_used_at).is_(None) | (col(ApiKey.last_used_at) < now))
        .values(last_used_at=now)
    )


def state_of(key: ApiKey, now: datetime) -> str:
    """`active`, `disabled` or `expired`."""
    if key.disabled_at is not None:
        return "disabled"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "active"


def scopes_of(key: ApiKey) -> list[str]:
    """What the key may really do."""
    return [scope for scope in SCOPES if scope in key.scopes and (key.agency_code or scope not in AGENCY_SCOPES)]


def told_by(key: ApiKey) -> str:
    """What tells a key from another: the first letters of its secret, else of the secret's digest."""
    return f"{key.prefix}…" if key.prefix else f"#{key.key_hash.hex()[:8]}"


def _shown(secret: str) -> str | None:
    return secret[:_SHOWN_LETTERS] if len(secret) >= _SHORTEST_SHOWN else None


def _touch(session: Session, jurisdiction_id: str) -> None:
    session.connection().execute(
        update(Jurisdiction)
        .where(col(Jurisdiction.id) == jurisdiction_id)
        .values(keys_version=Jurisdiction.keys_version + 1)
    )
