"""Which service is a message about? Pure, over the catalogue's own matching."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from intake.catalog.matching import ServiceMatch
from intake.conversations.dialogue import places
from intake.conversations.dialogue.places import Finding
from intake.conversations.dialogue.steps import DialogueContext
from intake.conversations.dialogue.words import is_emergency, plain

_SURE, _LEAD, _POSSIBLE, _VERBATIM = 45.0, 12.0, 25.0, 25.0
_PLAIN = 70.0
_MOST_CHOICES = 4

MatchServices = Callable[[str], Sequence[ServiceMatch]]


@dataclass(frozen=True, slots=True)
class Matter:
    """codes: the services it may be, best first, at most four; is_sure: nobody need be asked."""

    codes: tuple[str, ...]
    is_sure: bool


def recognise(text: str, finding: Finding | None, context: DialogueContext) -> Matter | None:
    """What `text` is about, or None when no service is known in it. finding: the place it tells."""
    return weighed(guesses(text, finding, context.match_offered), text)


def guesses(text: str, finding: Finding | None, match_services: MatchServices) -> list[ServiceMatch]:
    """The services that `text` may be about, best first; [] when it says too little of any."""
    # Names of streets and colonias are full of the words of services (Av. del Agua, colonia Las Fuentes).
    matter = places.before_place(text, finding)
    scored = _scored(matter, match_services)
    if matter == text or (scored and scored[0].score >= _SURE):
        return scored
    # "Vivo en Niebla 20 y no pasa la basura": they begin with where they are.
    whole = _scored(text, match_services)
    return whole if not scored or (whole and whole[0].score >= scored[0].score + _LEAD) else scored


def weighed(scored: Sequence[ServiceMatch], text: str) -> Matter | None:
    """Whether the best guess is enough to go on without asking."""
    if not scored:
        return None
    best = scored[0].score
    leads = len(scored) == 1 or best - scored[1].score >= _LEAD
    if best >= _SURE and leads and _is_told(scored[0]) and not _tells_another(scored):
        return Matter((scored[0].definition.code,), is_sure=True)
    if best < _SURE and is_emergency(plain(text)):
        return None  # a weak guess is worse than asking when somebody smells gas
    near = [match.definition.code for match in scored if match.score >= best * 0.6]
    return Matter(tuple(near[:_MOST_CHOICES]), is_sure=False)


def _is_told(match: ServiceMatch) -> bool:
    """True when more is said than one word that happens to stand in the service's name, or one that may be a slip."""
    return len(match.reasons) > 1 or any(
        reason.source in ("keyword", "said_as", "classifier") and reason.how != "typo" for reason in match.reasons
    )


def _tells_another(scored: Sequence[ServiceMatch]) -> bool:
    """True when other words of the message tell another service as plainly: `un bache y una lámpara apagada`."""
    said = _said(scored[0])
    return any(match.score >= _PLAIN and not said & _said(match) for match in scored[1:])


def _said(match: ServiceMatch) -> set[str]:
    return {word for reason in match.reasons for word in reason.said.split()}


def _scored(text: str, match_services: MatchServices) -> list[ServiceMatch]:
    said = f" {plain(text)} "
    found = [
        replace(match, score=match.score + _VERBATIM * _says_name(said, match))
        for match in match_services(text)
        if match.score >= _POSSIBLE
    ]
    return sorted(found, key=lambda match: -match.score)


def _says_name(said: str, match: ServiceMatch) -> bool:
    """True when a name or a keyword of several words stands in the text as it is written in the catalogue."""
    definition = match.definition
    phrases = [plain(phrase) for phrase in (*definition.keywords, *definition.name.values())]
    return any(" " in phrase and f" {phrase} " in said for phrase in phrases)
