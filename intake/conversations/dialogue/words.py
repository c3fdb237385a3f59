"""What residents' words mean to the dialogue, in Spanish and English. The lists are data: vocabulary.toml."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intake.catalog.matching import fold

# `holaaa`
_DRAWN_OUT = re.compile(r"([a-zñ])\1{2,}")
_FEW = 8
_GAPS = re.compile(r"[^\w]+|_+")


def plain(text: str) -> str:
    """Folded words with single spaces between them: `¡ALTO!` is `alto`, `1️⃣` is `1`, an emoji is nothing."""
    compatible = unicodedata.normalize("NFKC", text)
    return _GAPS.sub(" ", fold(compatible)).strip()


VOCABULARY: dict[str, Any] = tomllib.loads((Path(__file__).parent / "vocabulary.toml").read_text("utf-8"))
_WHOLE = {name: frozenset(phrases) for name, phrases in VOCABULARY["whole_messages"].items()}
OPT_OUT, OPT_IN, HELP = _WHOLE["opt_out"], _WHOLE["opt_in"], _WHOLE["help"]
CANCEL, FORGET, AGENT = _WHOLE["cancel"], _WHOLE["forget"], _WHOLE["agent"]
THANKS, GREETINGS, YES, NO = _WHOLE["thanks"], _WHOLE["greetings"], _WHOLE["yes"], _WHOLE["no"]
DONT_KNOW, BACK, FIX = _WHOLE["dont_know"], _WHOLE["back"], _WHOLE["fix"]
RESTART, SUMMARY, CONTINUE, SEND = _WHOLE["restart"], _WHOLE["summary"], _WHOLE["continue"], _WHOLE["send"]
WRONG_PLACE, WRONG_SERVICE = _WHOLE["wrong_place"], _WHOLE["wrong_service"]
LINK, PHOTO_PLACE = _WHOLE["link"], _WHOLE["photo_place"]
PLACE_KINDS, PREPOSITIONS, EMPTY, ENDS_A_PLACE, LEADS, JOINS, NO_PLACE, LACKS, OF_MANY = (
    frozenset(VOCABULARY["place"][name].split())
    for name in ("kinds", "prepositions", "empty", "ends", "leads", "joins", "no_place", "lacks", "of_many")
)
LINK_VERBS, AROUND_AN_ADDRESS, WHATSAPP, CODE, AROUND_A_CODE = (
    frozenset(VOCABULARY["other_address"][name].split())
    for name in ("verbs", "around", "whatsapp", "code", "around_a_code")
)
_COMMANDS = {
    "opt_out": OPT_OUT,
    "opt_in": OPT_IN,
    "help": HELP,
    "person": AGENT,
    "language": _WHOLE["spanish"] | _WHOLE["english"],
    "greeting": GREETINGS,
    "thanks": THANKS,
}
SMALL_NUMBERS = {
    word: number for number, words in enumerate(VOCABULARY["answers"]["numbers"]) for word in words.split()
}
_AROUND_A_NUMBER = frozenset(VOCABULARY["answers"]["around_a_number"].split())
_SPANISH, _ENGLISH = (frozenset(VOCABULARY["language"][name].split()) for name in ("spanish", "english"))


@dataclass(frozen=True, slots=True)
class EmergencyKind:
    """kind: its name in our own words. text: the key of what is said then."""

    kind: str
    text: str
    signs: re.Pattern[str]


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(patterns)})(?!\w)")


_EMERGENCIES = tuple(
    EmergencyKind(table["kind"], table["text"], _any_of(table["patterns"])) for table in VOCABULARY["emergency"]
)
_HARMLESS = _any_of(VOCABULARY["safe"]["harmless"])
_DENIED = re.compile(rf"\b{VOCABULARY['safe']['denial']}")
_ENGLISH_NAMED = frozenset(VOCABULARY["language"]["english_named"].split())
_LANGUAGE_DENIED = re.compile(VOCABULARY["language"]["denied"])
_COURTESY = rf"(?:(?:{VOCABULARY['asking']['courtesy']}) ?)*"
_ASKED = {
    name: re.compile(rf"{_COURTESY}(?:{'|'.join(patterns)}) ?{_COURTESY}")
    for name, patterns in VOCABULARY["asking"]["whole"].items()
}
_CORRECTED = tuple(re.compile(rf"{_COURTESY}(?:{pattern})") for pattern in VOCABULARY["asking"]["instead"]["corrected"])
_PLACE_CORRECTED = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL) for pattern in VOCABULARY["asking"]["instead"]["place"]
)
_NO_MESSAGES = re.compile(
    rf"\b(?:(?:pero|y|que|and|but|prefiero|mejor|prefer) )*(?:{'|'.join(VOCABULARY['asking']['part']['no_messages'])})"
    rf"(?!\w)(?: ?\b(?:{VOCABULARY['asking']['courtesy']}|thank you)(?!\w))*"
)
_WANTS_MESSAGES = re.compile(
    rf"(?:(?:{VOCABULARY['asking']['aloud']['before_messages']}) )*"
    rf"(?:{'|'.join(VOCABULARY['asking']['aloud']['messages']).replace('MSG', VOCABULARY['asking']['aloud']['message'])})"
    rf"(?: (?:{VOCABULARY['asking']['aloud']['after_messages']}))*"
)
_AROUND_NO_MESSAGES = frozenset(VOCABULARY["answers"]["around_no_messages"].split())
_ASKS = {name: _any_of(patterns) for name, patterns in VOCABULARY["asking"]["part"].items()}


def emergency(said: str) -> EmergencyKind | None:
    """The danger to somebody now that plain words tell of; a hint, so it may be wrong in both directions."""
    return next(_dangers(said), None)


def dangers(said: str) -> frozenset[str]:
    """Every kind of danger that plain words tell of."""
    return frozenset(danger.kind for danger in _dangers(said))


def _dangers(said: str) -> Iterator[EmergencyKind]:
    told = _HARMLESS.sub(" ", said)
    for kind in _EMERGENCIES:
        if any(not _DENIED.search(told, 0, sign.start()) for sign in kind.signs.finditer(told)):
            yield kind


def is_emergency(said: str) -> bool:
    """True when plain words tell of danger to somebody now."""
    return emergency(said) is not None


def commands(said: str) -> str | None:
    """What a message asks for that asks nothing else: opt_out, opt_in, status, help, person, language, greeting or thanks."""
    said = _DRAWN_OUT.sub(r"\1", said)
    for intent, phrases in _COMMANDS.items():
        if said in phrases:
            return intent
    for name, pattern in _ASKED.items():
        if pattern.fullmatch(said):
            return "greeting" if name == "greetings" else name
    return None


def gives_up(said: str) -> bool:
    """True when whoever is telling a report may not want it any more: `ya no, gracias`, `nada, ya lo arreglaron`."""
    told = said.removesuffix(" gracias").removesuffix(" thanks")
    is_settled = len(told.split()) <= _FEW and asks(told, "settled")
    return told in CANCEL or told in FORGET or is_settled


def asks(said: str, intent: str) -> bool:
    """True when words of a longer message ask for this: a name under `[asking.part]`."""
    return bool(_ASKS[intent].search(said))


def without_messages(text: str) -> str | None:
    """What else is said where they want no messages: `Fuga en Juárez, sin mensajes por favor` leaves `Fuga en Juárez`.

    "" when it was nothing but that and courtesies; None when they do not say so.
    """
    tokens = text.split()
    folded = [(word, at) for at, token in enumerate(tokens) for word in plain(token).split()]
    found = _NO_MESSAGES.search(" ".join(word for word, _ in folded))
    if found is None:
        return None
    first, count = found.string.count(" ", 0, found.start()), len(found[0].split())
    dropped = {at for _, at in folded[first : first + count]}
    rest = " ".join(token for at, token in enumerate(tokens) if at not in dropped).strip(" ,;.¡!")
    return rest if set(plain(rest).split()) - _AROUND_NO_MESSAGES else ""


def wants_messages(said: str) -> bool:
    """True when they ask, in a call and in so many words, for a message: `sí, mándeme el folio por mensaje`; `sí` does not."""
    return bool(_WANTS_MESSAGES.fullmatch(said))


def corrected(said: str) -> str | None:
    """What it is instead: `no era bache, era coladera` gives `coladera`."""
    return next((found["it"] for pattern in _CORRECTED if (found := pattern.fullmatch(said))), None)


def corrected_place(text: str) -> str | None:
    """The place, as it was written, that a message gives as the right one: `la dirección es Juárez 50` gives `Juárez 50`."""
    told = text.strip().rstrip(".!")
    return next((found["it"] for pattern in _PLACE_CORRECTED if (found := pattern.fullmatch(told))), None)


def asks_language(said: str) -> str | None:
    """The language that a whole message asks to go on in."""
    if commands(said) != "language":
        return None
    names_english = bool(_ENGLISH_NAMED & set(said.split()))
    # "I don't speak Spanish" asks for the other one.
    return "en" if names_english != bool(_LANGUAGE_DENIED.search(said)) else "es"


def language_lead(said: str) -> int:
    """How many more words of `said` are English than Spanish; negative for Spanish."""
    words = set(said.split())
    return len(words & _ENGLISH) - len(words & _SPANISH)


def option_number(said: str) -> int | None:
    """The number that a short answer picks: `1`, `la 1`, `opcion dos`, `1 si`. None when it picks none."""
    words = said.split()
    if not words or len(words) > 6:
        return None
    for word in words:
        if word.isascii() and word.isdigit() and len(word) <= 2:
            rest = [other for other in words if other != word]
            return int(word) if _is_filler(rest) else None
    numbers = [SMALL_NUMBERS[word] for word in words if word in SMALL_NUMBERS]
    rest = [word for word in words if word not in SMALL_NUMBERS]
    return numbers[0] if len(numbers) == 1 and _is_filler(rest) else None


def _is_filler(words: Iterable[str]) -> bool:
    return all(word in _AROUND_A_NUMBER or word in YES or word in NO or word in THANKS for word in words)


def yes_or_no(said: str) -> bool | None:
    """True for 1 or yes, False for 2 or no, None for anything else."""
    if said in YES:
        return True
    if said in NO:
        return False
    return {1: True, 2: False}.get(option_number(said) or 0)
