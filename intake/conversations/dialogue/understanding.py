"""What a first message says: language, danger, what it asks for, which service, where. The dialogue and the command share it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from intake.catalog.matching import ServiceMatch
from intake.conversations.dialogue import emoji, folios, matter, places, words
from intake.conversations.dialogue.matter import MatchServices, Matter
from intake.conversations.dialogue.places import Finding
from intake.conversations.dialogue.state import Place
from intake.conversations.dialogue.words import EmergencyKind, plain

INTENTS = (
    "report", "status", "person", "help", "opt_out", "opt_in", "greeting", "thanks", "information", "language", "unknown",
)  # fmt: skip
OFFERED = 3
_LONGEST = 2000
_WITH_PLACE = ("report", "information", "unknown")


@dataclass(frozen=True, slots=True)
class Understanding:
    """language: None when its words tell none. services: best first, each with the reasons; matter: what follows from them.

    finding: the place it tells, as it was looked up; place: the words about it as they were written, known or not.
    """

    intent: str
    language: str | None
    emergency: EmergencyKind | None
    services: tuple[ServiceMatch, ...]
    matter: Matter | None
    finding: Finding | None
    place: str | None


def understand(
    text: str, match_services: MatchServices, find_places: Callable[[str], Sequence[Place]]
) -> Understanding:
    """Never raises, whatever the text; of a very long one the beginning counts."""
    text = emoji.spelled(text[:_LONGEST])
    said = plain(text)
    danger = words.emergency(said)
    # A number alone answers a question that has passed; it is not at Calle 2.
    finding = None if words.option_number(said) is not None else places.find_in_report(text, find_places)
    services = matter.guesses(text, finding, match_services)
    weighed = matter.weighed(services, text)
    if finding and services and _is_the_matter(finding, text, services[0]):
        finding = None
    intent = _intent(text, said, is_danger=danger is not None, weighed=weighed, finding=finding)
    place = places.in_words(text, finding) if intent in _WITH_PLACE else None
    return Understanding(intent, _language(said), danger, tuple(services if weighed else ()), weighed, finding, place)


def _is_the_matter(finding: Finding, text: str, service: ServiceMatch) -> bool:
    """True for a place that only resembles what the message is about: "un árbol caído" is not at the Glorieta del Árbol."""
    if finding.is_told or finding.words != text.strip():
        return False
    shared = (set(plain(finding.places[0].label).split()) & set(plain(text).split())) - words.EMPTY
    return shared <= {word for reason in service.reasons for word in plain(reason.said).split()}


def _intent(text: str, said: str, *, is_danger: bool, weighed: Matter | None, finding: Finding | None) -> str:
    if command := words.commands(said):
        return command
    if is_danger:
        return "report"
    if folios.read(text, digits_alone=True):
        return "status"
    if words.asks(said, "person"):
        return "person"
    # Who reports what was reported before, and says where, has it compared with what is there.
    is_whole = weighed is not None and weighed.is_sure and finding is not None and finding.is_told
    if words.asks(said, "status") and not is_whole:
        return "status"
    if words.asks(said, "question"):
        return "information"
    is_sure = weighed is not None and weighed.is_sure
    for asked in ("help", "information"):
        if words.asks(said, asked) and not is_sure:
            return asked
    if words.asks(said, "thanks") and not is_sure:
        return "thanks"
    return "report" if weighed or (finding and finding.is_told) else "unknown"


def _language(said: str) -> str | None:
    if asked := words.asks_language(said):
        return asked
    lead = words.language_lead(said)
    return None if lead == 0 else "en" if lead > 0 else "es"
