"""What residents are told, in words: texts by language, filled with names and dates. Pure but for reading its own files, once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path

from kernel.dates import day_in_words

ONE_SMS = 160
# Of what an agency wrote, in a message about it. With the words around it this fits what a provider takes, even when each letter
# counts twice; the whole note is on the page of the folio.
MOST_OF_A_NOTE = 350
_FOLDER = Path(__file__).parent / "texts"
_LANGUAGE = "es"
# All that a message about what is confidential may name.
_PRIVATE = ("folio", "city")


@cache
def texts(language: str) -> Mapping[str, Mapping[str, str]]:
    """Every text of a language by section and key; Spanish for a language there is no file of."""
    path = _FOLDER / f"{language}.toml"
    read: Mapping[str, Mapping[str, str]] = tomllib.loads(
        (path if path.exists() else _FOLDER / f"{_LANGUAGE}.toml").read_text("utf-8")
    )
    return read


@cache
def texts_of_channel(channel: str, language: str) -> Mapping[str, str]:
    """By `section.key`, our own texts for a channel on which those for all make no sense; {} for most."""
    folder = _FOLDER / channel
    if not channel or not folder.is_dir():
        return {}
    path = folder / f"{language}.toml"
    read = tomllib.loads((path if path.exists() else folder / f"{_LANGUAGE}.toml").read_text("utf-8"))
    return {f"{section}.{key}": text for section, keys in read.items() for key, text in keys.items()}


Own = Mapping[str, str]
"""What a city says in its own words, by `section.key` (`own_texts`)."""
_NONE: Own = {}


def say(language: str, section: str, key: str, own: Own = _NONE, **params: object) -> str:
    """The text with its fields filled. Raises KeyError for a key that no file has."""
    default = texts(language)[section][key]
    return own.get(f"{section}.{key}", default).format(**params)


def prompt(language: str, key: str, own: Own = _NONE, **params: object) -> str:
    """A question of the dialogue without its numbered answers, for where they are buttons."""
    return say(language, "prompts", key, own, **params)


def folio_in_words(folio: str) -> str:
    """`26 4817 3056` with ordinary spaces: a no-break space would cost an SMS half its length."""
    return f"{folio[:2]} {folio[2:6]} {folio[6:]}"


@dataclass(frozen=True, slots=True)
class RequestInWords:
    """What may be told of a request to its reporter. agency: full and short name; service: its name in the reader's language.

    gives_folio: False for services that promise no number. note: what was last written for the public. forecast: one sentence on
    how long such requests take, told where there is room for it: letters, of one SMS by itself. private_news: the one text of
    section `notice` that stands for all news of it, which says nothing of what it is about; "" where that is no secret.
    """

    folio: str
    service: str
    life: str
    outcome_code: str | None
    agency: tuple[str, str]
    expected_at: datetime | None
    closed_at: datetime | None
    note: str
    gives_folio: bool
    is_default_agency: bool
    timezone: str
    language: str
    forecast: str = ""
    room: int = ONE_SMS
    paused_at: datetime | None = None
    own: Own = field(default_factory=dict)
    city: str = ""
    private_news: str = ""


def receipt(request: RequestInWords, now: datetime) -> str:
    """What is written, once nobody talks with them any more, to whoever reported it."""
    return _fill(request, "notice", "private_received", None, now) if request.private_news else received(request, now)


def received(request: RequestInWords, now: datetime) -> str:
    """The answer to a report: folio, who comes and by when."""
    if request.outcome_code == "outside_jurisdiction":
        return _fill(request, "received", "outside", None, now)
    if not request.gives_folio:
        return _fill(request, "received", "private", None, now)
    if request.expected_at is None:
        return _fill(request, "received", "undated", None, now)
    key = "default" if request.is_default_agency else "assigned"
    return _with_forecast(request, _fill(request, "received", key, request.expected_at, now))


def joined(request: RequestInWords, now: datetime) -> str:
    """The answer to "it is the same": under which folio it goes on, with whom and by when."""
    is_dated = request.expected_at is not None and request.expected_at >= now and request.life != "reopened"
    key = "reopened" if request.life == "reopened" else "assigned" if is_dated else "undated"
    return _fill(request, "joined", key, request.expected_at if is_dated else None, now)


def status(request: RequestInWords, now: datetime) -> str:
    """One sentence on how a request goes."""
    if request.life == "closed":
        return _fill(request, "status", f"closed_{request.outcome_code}", request.closed_at, now)
    if request.life == "waiting_resident":
        return _fill(request, "status", "waiting_resident", None, now)
    if request.expected_at is not None and request.expected_at < now:
        return _fill(request, "status", "late", request.expected_at, now)
    key = "in_progress" if request.life == "in_progress" else "open"
    told = _fill(request, "status", key if request.expected_at else f"{key}_undated", request.expected_at, now)
    return _with_forecast(request, told)


def _with_forecast(request: RequestInWords, told: str) -> str:
    longer = f"{told} {request.forecast}"
    return longer if request.forecast and len(longer) <= request.room else told


def notice(request: RequestInWords, life: str, outcome_code: str | None, note: str, now: datetime) -> str | None:
    """What to write when a request has come to `life`, with what the agency says about it. None: nothing to tell."""
    key = _notice_key(request, life, outcome_code, now)
    if key is None:
        return None
    return _fill(replace(request, note=_sentence(note)), "notice", key, request.expected_at, now)


def notice_template(
    request: RequestInWords, life: str, outcome_code: str | None, note: str, now: datetime
) -> tuple[str, dict[str, str]] | None:
    """Which text `notice` gives, and what fills it: for networks that only take texts they approved before."""
    key = _notice_key(request, life, outcome_code, now)
    if key is None:
        return None
    told = replace(request, note=_sentence(note))
    fields = _fields(told, told.agency[0], told.expected_at, now)
    return f"notice.{key}", {name: fields[name] for name in _PRIVATE} if request.private_news else fields


def _notice_key(request: RequestInWords, life: str, outcome_code: str | None, now: datetime) -> str | None:
    key = _news_key(request, life, outcome_code, now)
    return request.private_news or key if key else None


def _news_key(request: RequestInWords, life: str, outcome_code: str | None, now: datetime) -> str | None:
    if life == "closed":
        return f"closed_{outcome_code}"
    if life == "in_progress":
        return "in_progress" if request.expected_at and request.expected_at >= now else "in_progress_undated"
    return life if life in ("waiting_resident", "reopened") else None


def _sentence(note: str) -> str:
    """A remark that others may follow: on one line, with a full stop."""
    told = _shortened(" ".join(note.split()))
    return told if not told or told.endswith((".", "!", "?", "…")) else f"{told}."


def _shortened(note: str) -> str:
    """Its beginning, up to the end of a word."""
    if sum(2 if ord(letter) > 0xFFFF else 1 for letter in note) <= MOST_OF_A_NOTE:
        return note
    kept, room = "", MOST_OF_A_NOTE - 1
    for letter in note:
        room -= 2 if ord(letter) > 0xFFFF else 1
        if room < 0:
            break
        kept += letter
    words = kept.rpartition(" ")[0] or kept
    return f"{words.rstrip(' .,;:')}…"


def _fill(request: RequestInWords, section: str, key: str, at: datetime | None, now: datetime) -> str:
    """With the agency's full name when there is room for it, else with its short one."""
    long, short = (
        say(request.language, section, key, request.own, **_fields(request, agency, at, now))
        for agency in request.agency
    )
    told = long if len(long) <= request.room else short
    return " ".join(told.split())


def _fields(request: RequestInWords, agency: str, at: datetime | None, now: datetime) -> dict[str, str]:
    return {
        "folio": folio_in_words(request.folio),
        "service": request.service,
        "agency": agency,
        "date": day_in_words(at, request.timezone, request.language, now=now) if at else "",
        "note": _shortened(request.note),
        "city": request.city,
    }
