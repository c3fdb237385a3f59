"""A key as the pages show it, in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.presentation import Look, ago
from agent_console.rows import names
from intake.catalog import keys
from intake.catalog.models import ApiKey
from kernel.dates import day_in_words, moment_in_words
from kernel.i18n import translate

SCOPES = {
    keys.SUBMIT: "Mandar reportes",
    keys.UPDATE: "Actualizar los de su dependencia",
    keys.READ_PRIVATE: "Leer los no públicos de su dependencia",
    keys.ALERT: "Mandar alertas CAP",
}
STATES = {
    "active": ("En uso", "ok", "ok"),
    "expired": ("Venció", "clock", "quiet"),
    "disabled": ("Apagada", "minus", "quiet"),
}


@dataclass(frozen=True)
class KeyRow:
    """`told_by`: what tells its secret from others; `previous`: the one before and until when it works; blank what is not."""

    id: UUID
    label: str
    told_by: str
    scopes: list[str]
    agency: str
    made: str
    used: str
    state: Look
    is_active: bool
    ends: str
    previous: str
    limit: int | None


def rows_of(session: Session, viewer: Viewer, *, now: datetime) -> list[KeyRow]:
    """The keys of the viewer's city: those in use first, then by label."""
    agencies = names(session, viewer).agencies
    rows = [_row(key, viewer, agencies, now) for key in keys.listed(session, jurisdiction_id=viewer.jurisdiction_id)]
    return sorted(rows, key=lambda row: (not row.is_active, row.label.casefold()))


def row_of(session: Session, viewer: Viewer, key: ApiKey, *, now: datetime) -> KeyRow:
    return _row(key, viewer, names(session, viewer).agencies, now)


def _row(key: ApiKey, viewer: Viewer, agencies: Mapping[str, str], now: datetime) -> KeyRow:
    language, timezone = viewer.language, viewer.timezone
    state = keys.state_of(key, now)
    text, icon, css = STATES[state]
    previous = ""
    if state == "active" and key.previous_ends_at is not None and key.previous_ends_at > now:
        until = moment_in_words(key.previous_ends_at, timezone, language, now=now)
        shown = f"{key.previous_prefix}…" if key.previous_prefix else translate(language, "La anterior")
        previous = translate(language, "{shown} sirve hasta: {until}", shown=shown, until=until)
    ended = key.disabled_at or key.expires_at
    return KeyRow(
        id=key.id,
        label=key.label,
        told_by=keys.told_by(key),
        scopes=[translate(language, SCOPES[scope]) for scope in keys.scopes_of(key)],
        agency=agencies.get(key.agency_code, key.agency_code) if key.agency_code else "",
        made=day_in_words(key.created_at, timezone, language, now=now),
        used=ago(key.last_used_at, now, timezone, language) if key.last_used_at else "",
        state=Look(translate(language, text), icon, css),
        is_active=state == "active",
        ends=day_in_words(ended, timezone, language, now=now) if ended else "",
        previous=previous,
        limit=key.writes_per_minute,
    )
