"""The words of `servicerequestupdates`, ours and FixMyStreet's, both ways. Pure."""

from collections.abc import Mapping
from typing import Any

from intake.service_requests import lifecycle

Target = tuple[str, str | None]

# What a caller says -> (state, outcome); None leaves the state as it is and keeps the words.
MEANING: dict[str, Target | None] = {
    "OPEN": (lifecycle.REOPENED, None),
    "REOPEN": (lifecycle.REOPENED, None),
    "CLOSED": (lifecycle.CLOSED, "resolved"),
    "FIXED": (lifecycle.CLOSED, "resolved"),
    "DUPLICATE": (lifecycle.CLOSED, "duplicate"),
    "NO_FURTHER_ACTION": (lifecycle.CLOSED, "no_further_action"),
    "CANCELLED": (lifecycle.CLOSED, "cancelled_by_resident"),
    "IN_PROGRESS": (lifecycle.IN_PROGRESS, None),
    "PLANNED": (lifecycle.IN_PROGRESS, None),
    "ACTION_SCHEDULED": (lifecycle.IN_PROGRESS, None),
    "INVESTIGATING": (lifecycle.IN_PROGRESS, None),
    "INTERNAL_REFERRAL": None,
    "NOT_COUNCILS_RESPONSIBILITY": None,
    "FOR_TRIAGE": None,
    "UNCHANGED": None,
}
# "It is not ours": the request stays open, and goes back to the desk that gives it to somebody else.
HANDS_BACK = "NOT_COUNCILS_RESPONSIBILITY"
SAME_AS = "DUPLICATE"
# Words that say less than the state itself.
_SAYS_NOTHING = ("OPEN", "REOPEN", "UNCHANGED")
_SAID_OF_LIFE = {lifecycle.IN_PROGRESS: "in_progress"}
_SAID_OF_OUTCOME = {
    "resolved": "fixed",
    "duplicate": "duplicate",
    "cancelled_by_resident": "cancelled",
    "outside_jurisdiction": "not_councils_responsibility",
}

# Why an update did not move the request, told to the caller (msgids).
STALE, CLOSED_ALREADY, UNJOINED = "stale", "closed_already", "unjoined"
KEPT_TEXTS = {
    STALE: "Es más vieja que lo último que se sabe: se guardó como nota y el estado no cambió.",
    CLOSED_ALREADY: "El reporte ya estaba cerrado con otro resultado: se guardó como nota.",
    UNJOINED: "No se pudo unir con el duplicate_of que dice: se guardó como duplicado, sin decir de cuál.",
}


def step(life: str, outcome_code: str | None, word: str) -> tuple[Target | None, str | None]:
    """The step to take from `life`, and why there is none when the caller should know.

    No step without a reason: it is so already, or was never closed.
    """
    meaning = MEANING[word]
    if meaning is None:
        return None, None
    if meaning[0] == life:
        return None, CLOSED_ALREADY if life == lifecycle.CLOSED and meaning[1] != outcome_code else None
    if meaning[0] == lifecycle.REOPENED and life != lifecycle.CLOSED:
        return None, None
    if meaning[0] == lifecycle.IN_PROGRESS and life == lifecycle.CLOSED:
        return (lifecycle.REOPENED, None), None  # somebody works on it again; the table wants to hear that first
    return meaning, None


def said(data: Mapping[str, Any], life: str, outcome_code: str | None) -> str:
    """The word for an event with this `data`: the caller's own where it fits the state, else the state's."""
    life, outcome_code = data.get("life", life), data.get("outcome_code", outcome_code)
    word = data.get("external_status")
    if word in MEANING and word not in _SAYS_NOTHING and _fits(MEANING[word], life, outcome_code):
        return str(word).lower()
    if life == lifecycle.CLOSED:
        return _SAID_OF_OUTCOME.get(outcome_code or "", "no_further_action")
    return _SAID_OF_LIFE.get(life, "open")


def _fits(meaning: Target | None, life: str, outcome_code: str | None) -> bool:
    if meaning is None:
        return life != lifecycle.CLOSED
    if meaning[0] == lifecycle.CLOSED:
        return life == lifecycle.CLOSED and outcome_code == meaning[1]
    return life in (lifecycle.IN_PROGRESS, lifecycle.REOPENED)
