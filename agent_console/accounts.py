"""Staff accounts and their sessions: sign in, sign out, who is this cookie. Nothing here commits."""

import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from agent_console.models import ConsoleSession, ConsoleUser
from agent_console.passwords import hash_password, matches, needs_rehash
from intake.catalog.models import Jurisdiction
from intake.distribution import actions as distribution
from intake.distribution.models import AgentSession
from kernel.errors import Conflict, NotFound
from routing.draft_models import RuleAlert
from routing.models import Agency

ROLES = ("operator", "supervisor", "agency", "admin")
# Who may hold contacts.
AT_DESKS = ("operator", "supervisor", "admin")
IDLE = timedelta(hours=8)
ABSOLUTE = timedelta(hours=12)
# Writing "seen now" on every request would turn each read into a write.
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Viewer:
    """Who is looking. `agency_code` is set for role `agency` only and narrows everything they may see."""

    user_id: UUID
    session_id: UUID
    token: str
    name: str
    email: str
    role: str
    agency_code: str | None
    agency_name: str | None
    language: str
    jurisdiction_id: str
    jurisdiction_name: str
    timezone: str
    # Public texts that wait for this viewer; counted up to 100, and only for those who review them.
    to_review: int = 0
    # Calls of providers that nobody could take in; for the same, and as far as they are theirs.
    unread: int = 0
    # Proposed incidents and alarms of abuse, for the same.
    to_decide: int = 0
    # Rule sets that cannot decide, told to those who can publish others.
    rule_alerts: tuple[RuleAlert, ...] = ()
    # None of their city's rules can be read, and so no report can be taken: told to the same.
    is_undecided: bool = False

    def today(self, now: datetime) -> date:
        """Their city's day."""
        return now.astimezone(ZoneInfo(self.timezone)).date()

    @property
    def alert_mark(self) -> str:
        """Names what this viewer is warned of, so that an open page can ask whether that is still all."""
        told = sorted(alert.id.hex[-8:] for alert in self.rule_alerts)
        return "-".join(["undecided", *told] if self.is_undecided else told)


def tidy_email(email: str) -> str:
    """The form under which an account is found."""
    return email.strip().casefold()


def ensure_user(
    session: Session,
    *,
    jurisdiction_id: str,
    email: str,
    name: str,
    role: str,
    password: str,
    agency_code: str | None = None,
) -> ConsoleUser:
    """The account `email`, created or brought to these values; a disabled account stays disabled."""
    user = session.exec(select(ConsoleUser).where(ConsoleUser.email == tidy_email(email))).first()
    if user is None:
        user = ConsoleUser(
            jurisdiction_id=jurisdiction_id,
            email=tidy_email(email),
            name=name,
            role=role,
            agency_code=agency_code,
            password_hash=hash_password(password),
        )
    else:
        if user.jurisdiction_id != jurisdiction_id or role not in AT_DESKS:
            _close_desk(session, user.id)
        user.jurisdiction_id, user.name, user.role, user.agency_code = jurisdiction_id, name, role, agency_code
        if not matches(password, user.password_hash):
            user.password_hash = hash_password(password)
            end_sessions(session, user.id)
    session.add(user)
    session.flush()
    return user


def sign_in(session: Session, *, email: str, password: str, now: datetime) -> str | None:
    """A fresh session's secret token, or None: the same answer and time whether the account or the password is wrong."""
    user = session.exec(select(ConsoleUser).where(ConsoleUser.email == tidy_email(email))).first()
    fits = matches(password, user.password_hash if user else None)
    if user is None or not fits or user.disabled_at is not None:
        return None
    if needs_rehash(user.password_hash):
        user.password_hash = hash_password(password)
    return begin_session(session, user, now=now)


def begin_session(session: Session, user: ConsoleUser, *, now: datetime) -> str:
    """The secret token of a fresh session of one who has proved who they are; their sessions that have ended are deleted."""
    session.connection().execute(
        delete(ConsoleSession).where(col(ConsoleSession.user_id) == user.id, col(ConsoleSession.expires_at) <= now)
    )
    token = secrets.token_urlsafe(32)
    session.add(
        ConsoleSession(
            user_id=user.id,
            token_hash=_hash(token),
            created_at=now,
            last_seen_at=now,
            expires_at=now + ABSOLUTE,
        )
    )
    session.flush()
    return token


def viewer_of(session: Session, token: str, *, now: datetime) -> Viewer | None:
    """Who holds `token`, or None when it is unknown, idle for 8 hours, older than 12, or its user is disabled."""
    row = session.exec(
        select(ConsoleSession, ConsoleUser, Jurisdiction, Agency.short_name)
        .join(ConsoleUser, col(ConsoleUser.id) == col(ConsoleSession.user_id))
        .join(Jurisdiction, col(Jurisdiction.id) == col(ConsoleUser.jurisdiction_id))
        .join(
            Agency,
            (col(Agency.jurisdiction_id) == col(ConsoleUser.jurisdiction_id))
            & (col(Agency.code) == col(ConsoleUser.agency_code)),
            isouter=True,
        )
        .where(
            ConsoleSession.token_hash == _hash(token),
            col(ConsoleSession.expires_at) > now,
            col(ConsoleSession.last_seen_at) > now - IDLE,
            col(ConsoleUser.disabled_at).is_(None),
        )
    ).first()
    if row is None:
        return None
    opened, user, jurisdiction, agency_name = row
    if now - opened.last_seen_at >= _SEEN_EVERY:
        session.connection().execute(
            update(ConsoleSession).where(col(ConsoleSession.id) == opened.id).values(last_seen_at=now)
        )
    return Viewer(
        user_id=user.id,
        session_id=opened.id,
        token=token,
        name=user.name,
        email=user.email,
        role=user.role,
        agency_code=user.agency_code,
        agency_name=agency_name,
        language=user.language,
        jurisdiction_id=jurisdiction.id,
        jurisdiction_name=jurisdiction.name,
        timezone=jurisdiction.timezone,
    )


def sign_out(session: Session, viewer: Viewer) -> None:
    """Ends this session; its cookie is worth nothing afterwards."""
    session.connection().execute(delete(ConsoleSession).where(col(ConsoleSession.id) == viewer.session_id))


def end_sessions(session: Session, user_id: UUID) -> None:
    """Signs a user out everywhere."""
    session.connection().execute(delete(ConsoleSession).where(col(ConsoleSession.user_id) == user_id))


def staff(session: Session, viewer: Viewer) -> list[tuple[ConsoleUser, datetime | None]]:
    """Every account of the viewer's city by name, with when its newest session was last used."""
    seen = func.max(col(ConsoleSession.last_seen_at))
    found = session.exec(
        select(ConsoleUser, seen)
        .join(ConsoleSession, col(ConsoleSession.user_id) == col(ConsoleUser.id), isouter=True)
        .where(ConsoleUser.jurisdiction_id == viewer.jurisdiction_id)
        .group_by(col(ConsoleUser.id))
        .order_by(col(ConsoleUser.name), col(ConsoleUser.email))
    )
    return [(user, at) for user, at in found]


def allow(session: Session, viewer: Viewer, user_id: UUID, *, allowed: bool, now: datetime) -> ConsoleUser:
    """Lets a colleague in, or keeps them out from their next action on.

    Raises NotFound for an account of another city, Conflict for one's own: nobody locks themselves out.
    """
    user = session.get(ConsoleUser, user_id)
    if user is None or user.jurisdiction_id != viewer.jurisdiction_id:
        raise NotFound("No encontramos esa cuenta.")
    if user.id == viewer.user_id:
        raise Conflict("No puedes quitarte el acceso: pídelo a otra persona que administre.")
    if allowed:
        user.disabled_at = None
    else:
        shut_out(session, user, now=now)
    session.add(user)
    session.flush()
    return user


def shut_out(session: Session, user: ConsoleUser, *, now: datetime) -> None:
    """Keeps this user out, everywhere and at once; what they hold goes back to the line."""
    user.disabled_at = user.disabled_at or now
    end_sessions(session, user.id)
    _close_desk(session, user.id)


def _close_desk(session: Session, user_id: UUID) -> None:
    if session.get(AgentSession, user_id) is not None:
        distribution.force_off(session, user_id, why="no_account", now=distribution.database_now(session))


def choose_language(session: Session, viewer: Viewer, language: str) -> Viewer:
    """Keeps the language in which this user reads the console."""
    session.connection().execute(
        update(ConsoleUser).where(col(ConsoleUser.id) == viewer.user_id).values(language=language)
    )
    return replace(viewer, language=language)


def form_token(session_key: bytes, secret: str) -> str:
    """The anti-forgery token of the forms shown to the holder of `secret` (a session token or a sign-in nonce)."""
    return hmac.new(session_key, f"console form\0{secret}".encode(), sha256).hexdigest()


def is_form_token(session_key: bytes, secret: str, given: str) -> bool:
    """True if `given` came from a form that we showed to the holder of `secret`."""
    return hmac.compare_digest(form_token(session_key, secret).encode(), given.encode())


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
