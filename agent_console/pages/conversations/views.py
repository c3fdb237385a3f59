"""The inbox's views beside the list and its filters above it: links, so that they work without scripts."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.pages.conversations import inbox
from agent_console.pages.conversations.inbox import InboxFilters
from agent_console.presentation import CHANNELS
from kernel.i18n import translate

# Ways to write to a city; the other words of `CHANNELS` are ways to report.
_WRITTEN = ("sms", "whatsapp", "telegram", "web_chat", "email")
_STATES = {
    "": "por responder",
    "waiting": "esperan respuesta",
    "with_agent": "con una persona",
    "automatic": "con el diálogo",
    "closed": "cerradas",
    "any": "todas",
}
_WHOSE = {"": "de cualquiera", "mine": "mías", "nobody": "de nadie"}
_LANGUAGES = {"": "cualquiera", "es": "Español", "en": "English"}
_COUNTED = (
    ("Por responder", "new", InboxFilters()),
    ("Mías", "user", InboxFilters(who="mine")),
    ("Sin nadie", "users", InboxFilters(state="waiting", who="nobody")),
)
_REST = (
    ("Con el diálogo", "loop", InboxFilters(state="automatic")),
    ("Cerradas", "minus", InboxFilters(state="closed")),
    ("Todas", "layers", InboxFilters(state="any")),
)
_NAMES = {"state": "Estado", "who": "De quién", "channel": "Canal", "language": "Idioma"}
TEXTS = (
    *(name for name, _, _ in (*_COUNTED, *_REST)),
    *_NAMES.values(),
    *_STATES.values(),
    *_WHOSE.values(),
    *_LANGUAGES.values(),
)


@dataclass(frozen=True)
class View:
    """One line beside the list; count None where counting says nothing."""

    name: str
    icon: str
    filters: InboxFilters
    count: int | None = None


@dataclass(frozen=True)
class Choice:
    text: str
    href: str
    is_chosen: bool


@dataclass(frozen=True)
class Chip:
    """One filter. remove: the list without it, or "" when it filters nothing."""

    name: str
    value: str
    choices: list[Choice]
    remove: str


def views_of(session: Session, viewer: Viewer, now: datetime) -> list[View]:
    words = viewer.language
    return [
        View(translate(words, name), icon, filters, inbox.count(session, viewer, filters, now))
        for name, icon, filters in _COUNTED
    ] + [View(translate(words, name), icon, filters) for name, icon, filters in _REST]


def title_of(filters: InboxFilters, views: list[View], language: str) -> str:
    """The view that shows just this, else what the list is of."""
    plain = filters.query()
    return next((view.name for view in views if view.filters.query() == plain), translate(language, "Conversaciones"))


def chips_of(filters: InboxFilters, language: str) -> list[Chip]:
    every = {"": "todos"} | {key: CHANNELS[key][0] for key in _WRITTEN if key in CHANNELS}
    texts = {"state": _STATES, "who": _WHOSE, "channel": every, "language": _LANGUAGES}
    return [_chip(filters, field, name, texts[field], language) for field, name in _NAMES.items()]


def _chip(filters: InboxFilters, field: str, name: str, texts: dict[str, str], language: str) -> Chip:
    value = str(getattr(filters, field))
    choices = [
        Choice(translate(language, text), filters.query(**{field: key}), key == value) for key, text in texts.items()
    ]
    told = translate(language, texts.get(value, value))
    return Chip(translate(language, name), told, choices, filters.query(**{field: ""}) if value else "")
