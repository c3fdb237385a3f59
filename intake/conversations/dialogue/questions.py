"""A service's questions, asked one at a time, and the answers people give. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rapidfuzz import fuzz

from intake.catalog.definitions import AttributeDefinition, ServiceDefinition, text_in
from intake.conversations.dialogue.spoken_numbers import number_in
from intake.conversations.dialogue.state import Draft
from intake.conversations.dialogue.steps import Text
from intake.conversations.dialogue.words import SMALL_NUMBERS, option_number, plain, yes_or_no

_SEPARATORS = re.compile(r"[,;/\n]+|\s+y\s+|\s+and\s+")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DAY_MONTH = re.compile(r"\b(\d{1,2})[/.-](\d{1,2})(?:[/.-](\d{2,4}))?\b")
_CLOCK = re.compile(
    r"\b(\d{1,2})(?::(\d{2})|\s*(?:hrs?|h|horas)\b)?\s*(am|pm|a m|p m|de la (?:mañana|manana|tarde|noche))?"
)
_AGO = re.compile(
    r"\b(?:hace|desde hace)\s+(\w+)\s+(minuto|hora|dia|semana|mes)|\b(\w+)\s+(minute|hour|day|week|month)s?\s+ago"
)
_UNITS = {
    "minuto": timedelta(minutes=1), "minute": timedelta(minutes=1), "hora": timedelta(hours=1), "hour": timedelta(hours=1),
    "dia": timedelta(days=1), "day": timedelta(days=1), "semana": timedelta(weeks=1), "week": timedelta(weeks=1),
    "mes": timedelta(days=30), "month": timedelta(days=30),
}  # fmt: skip
_DAYS_BACK = {
    "ahora": 0, "ahorita": 0, "hoy": 0, "now": 0, "today": 0, "ayer": 1, "anoche": 1, "yesterday": 1,
    "antier": 2, "anteayer": 2, "antes de ayer": 2,
}  # fmt: skip
_ALIKE = 82


def next_question(service: ServiceDefinition, draft: Draft) -> AttributeDefinition | None:
    """The first required question that has no answer yet."""
    for attribute in service.asked(draft.answers):
        if attribute.is_required and attribute.code not in draft.answers:
            return attribute
    return None


def ask(attribute: AttributeDefinition, language: str, *, again: bool = False) -> Text:
    """The question with its choices."""
    question = text_in(attribute.description, language).strip() or attribute.code
    names = [text_in(option.name, language) for option in attribute.options]
    kind = {"singlevaluelist": "choice", "multivaluelist": "choices"}.get(attribute.datatype, attribute.datatype)
    # Several may be true of one place, and a press is one.
    options = tuple(names) if kind == "choice" else ()
    return Text(
        f"ask_{kind}_again" if again else f"ask_{kind}", {"question": question, "choices": numbered(names)}, options
    )


def in_words(service: ServiceDefinition, answers: Mapping[str, Sequence[str]], language: str) -> list[str]:
    """What was answered, a line for each question, as a person would write it: `¿Qué ocurre?: No enciende`."""
    told = []
    for attribute in service.attributes:
        names = {option.key: text_in(option.name, language) for option in attribute.options}
        given = [names.get(value, value) for value in answers.get(attribute.code, ()) if value.strip()]
        if given:
            told.append(f"{text_in(attribute.description, language).strip() or attribute.code}: {', '.join(given)}")
    return told


def numbered(names: Iterator[str] | list[str]) -> str:
    """`1 Sí, 2 No`."""
    return ", ".join(f"{number} {name}" for number, name in enumerate(names, start=1))


def named(names: Sequence[str], said: str) -> int | None:
    """The number of the one name of which a word is said that no other name has; None when none or several are."""
    words = [{word for word in plain(name).split() if len(word) > 2} for name in names]
    told = set(said.split())
    own = [
        number
        for number, mine in enumerate(words, start=1)
        if told & (mine - set().union(*(other for other in words if other is not mine)))
    ]
    return own[0] if len(own) == 1 else None


def read(attribute: AttributeDefinition, text: str, language: str, now: datetime, zone: ZoneInfo) -> list[str] | None:
    """The answer in the form that a submission takes, or None when these words are no answer."""
    said = plain(text)
    if not said:
        return None
    if attribute.datatype == "singlevaluelist":
        key = _option(attribute, text, language)
        return None if key is None else [key]
    if attribute.datatype == "multivaluelist":
        return _options(attribute, text, language)
    if attribute.datatype == "number":
        number = number_in(text) or next(
            (str(SMALL_NUMBERS[word]) for word in said.split() if word in SMALL_NUMBERS), None
        )
        return None if number is None else [number]
    if attribute.datatype == "datetime":
        at = read_moment(text, now, zone)
        return None if at is None else [at.isoformat(timespec="seconds")]
    if attribute.datatype == "string":
        return [" ".join(text.split())]
    return [text.strip()]


def _option(attribute: AttributeDefinition, text: str, language: str) -> str | None:
    said = plain(text)
    number = option_number(said)
    if number is not None:
        return attribute.options[number - 1].key if 1 <= number <= len(attribute.options) else None
    names = {
        option.key: {plain(name) for name in option.name.values()} | {plain(option.key)} for option in attribute.options
    }
    exact = [key for key, written in names.items() if said in written]
    if exact:
        return exact[0]
    answer = yes_or_no(said)
    if answer is not None and len(names) == 2:
        wanted = {"si", "yes"} if answer else {"no"}
        for key, written in names.items():
            if any(wanted & set(name.split()[:1]) for name in written):
                return key
    scored = sorted(
        ((max(_likeness(said, name) for name in written), key) for key, written in names.items()), reverse=True
    )
    if scored and scored[0][0] >= _ALIKE and (len(scored) == 1 or scored[0][0] > scored[1][0]):
        return scored[0][1]
    return None


def _likeness(said: str, name: str) -> float:
    # A name inside a longer answer counts ("creo que parpadea"); a short word inside a long name is a guess.
    inside = f" {name} " in f" {said} " or (len(said) >= 4 and f" {said} " in f" {name} ")
    return 100.0 if inside else fuzz.ratio(said, name)


def _options(attribute: AttributeDefinition, text: str, language: str) -> list[str] | None:
    whole = _option(attribute, text, language)
    parts = [part for part in _SEPARATORS.split(text) if plain(part)]
    if len(parts) == 1 and plain(text).replace(" ", "").isdigit():
        parts = text.split()
    keys = [_option(attribute, part, language) for part in parts]
    if keys and all(key is not None for key in keys):
        return list(dict.fromkeys(key for key in keys if key is not None))
    return None if whole is None else [whole]


def read_moment(text: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant that people mean by `ayer a las 8 pm`, `hace 3 dias`, `20/11 8:30`; in the past."""
    said = plain(text)
    local = now.astimezone(zone)
    for ago in _AGO.finditer(said):
        amount = _amount(ago[1] or ago[3])
        if amount is not None:
            return local - amount * _UNITS[ago[2] or ago[4]]
    lowered = text.lower()
    day = next(_dates(lowered, local), None)
    back = next((days for word, days in _DAYS_BACK.items() if f" {word} " in f" {said} "), None)
    if day is None and back is not None:
        day = local - timedelta(days=back)
    if day is None:
        return None
    rest = _DAY_MONTH.sub(" ", _ISO.sub(" ", lowered))
    clock = _clock(rest)
    if clock is None:
        return day if back == 0 else day.replace(hour=12, minute=0, second=0, microsecond=0)
    return day.replace(hour=clock[0], minute=clock[1], second=0, microsecond=0)


def _amount(word: str) -> int | None:
    if word.isascii() and word.isdigit():
        return int(word) if len(word) <= 4 else None
    return {"a": 1, "an": 1}.get(word, SMALL_NUMBERS.get(word))


def _dates(text: str, local: datetime) -> Iterator[datetime]:
    for found in _ISO.finditer(text):
        yield from _date(local, int(found[1]), int(found[2]), int(found[3]))
    for found in _DAY_MONTH.finditer(text):
        year = int(found[3]) if found[3] else local.year
        day, month = int(found[1]), int(found[2])
        year = year + 2000 if year < 100 else year
        # Without a year, a day that is still to come was last year's.
        is_to_come = not found[3] and (month, day) > (local.month, local.day)
        yield from _date(local, year - 1 if is_to_come else year, month, day)


def _date(local: datetime, year: int, month: int, day: int) -> Iterator[datetime]:
    try:
        yield local.replace(year=year, month=month, day=day)
    except ValueError:
        return


def _clock(text: str) -> tuple[int, int] | None:
    # Folded, with the colons kept.
    said = ":".join(plain(part) for part in text.split(":"))
    for found in _CLOCK.finditer(said):
        hour, minute, half = int(found[1]), int(found[2] or 0), found[3] or ""
        if not (found[2] or half or "a las" in said or " at " in f" {said} "):
            continue
        if half.startswith("p") or half.endswith(("tarde", "noche")):
            hour = hour + 12 if hour < 12 else hour
        elif half and hour == 12:
            hour = 0
        if hour <= 23 and minute <= 59:
            return hour, minute
    return None
