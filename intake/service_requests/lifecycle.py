"""The life of a request: one table of states, one of outcomes, and what each looks like. Pure.

           ┌──────────────┐
new ──────►│ in_progress  │◄──────► waiting_resident
 │         └──────┬───────┘               │
 └───────► closed ◄───────────────────────┘
             │  ▲
             ▼  │
          reopened ──► in_progress, waiting_resident
"""

from datetime import datetime
from typing import NamedTuple

from kernel.errors import Conflict, InvalidInput
from kernel.i18n import translate

NEW, IN_PROGRESS, WAITING, REOPENED, CLOSED = "new", "in_progress", "waiting_resident", "reopened", "closed"

TRANSITIONS: dict[str, frozenset[str]] = {
    NEW: frozenset({IN_PROGRESS, WAITING, CLOSED}),
    IN_PROGRESS: frozenset({WAITING, CLOSED}),
    WAITING: frozenset({IN_PROGRESS, CLOSED}),
    REOPENED: frozenset({IN_PROGRESS, WAITING, CLOSED}),
    CLOSED: frozenset({REOPENED}),
}

# code -> what people read about why it is closed (msgids; the English texts are in locale/en.po).
OUTCOMES: dict[str, str] = {
    "resolved": "Resuelto",
    "not_found": "Fuimos y no encontramos el problema",
    "private_property": "Es propiedad privada",
    "outside_jurisdiction": "Está fuera de la ciudad",
    "duplicate": "Ya estaba reportado",
    "no_further_action": "No se hará nada más",
    "cancelled_by_resident": "Lo canceló quien lo reportó",
}

LIFE_TEXTS: dict[str, str] = {
    NEW: "Nuevo",
    IN_PROGRESS: "En proceso",
    WAITING: "Espera a la persona",
    REOPENED: "Reabierto",
    CLOSED: "Cerrado",
}


class Pill(NamedTuple):
    """code -> PILL_TEXTS; `css` is a class of the design's pill; `icon` is a symbol's name without its `i-`."""

    code: str
    css: str
    icon: str


PILL_TEXTS: dict[str, str] = {
    "new": "Nuevo",
    "in_progress": "En proceso",
    "waiting_resident": "Espera a la persona",
    "transferred": "Transferido",
    "returned": "Devuelto",
    "reopened": "Reabierto",
    "resolved": "Resuelto",
    "duplicate": "Ya reportado",
    "cancelled": "Cancelado",
    "closed_unrepaired": "Cerrado sin reparar",
}

_PILLS = {
    NEW: Pill("new", "info", "new"),
    IN_PROGRESS: Pill("in_progress", "work", "work"),
    WAITING: Pill("waiting_resident", "wait", "pause"),
    REOPENED: Pill("reopened", "danger", "loop"),
}
_CLOSED_PILLS = {
    "resolved": Pill("resolved", "ok", "ok"),
    "duplicate": Pill("duplicate", "quiet", "minus"),
    "cancelled_by_resident": Pill("cancelled", "quiet", "minus"),
}
_UNREPAIRED = Pill("closed_unrepaired", "quiet", "minus")


def pill(life: str, outcome_code: str | None, handover: str) -> Pill:
    """The one word, colour and icon that stand for the three axes together."""
    if life == CLOSED:
        return _CLOSED_PILLS.get(outcome_code or "", _UNREPAIRED)
    if handover == "returned":
        return Pill("returned", "danger", "loop")
    if handover == "transferred" and life == NEW:
        return Pill("transferred", "info", "go")
    return _PILLS[life]


def is_late(
    expected_at: datetime | None, now: datetime, *, closed_at: datetime | None = None, paused_at: datetime | None = None
) -> bool:
    """Whether the date has passed, or had when the request was closed or its clock stopped to wait for the person."""
    return expected_at is not None and (closed_at or paused_at or now) > expected_at


def open311_status(life: str) -> str:
    """`open` or `closed`, the only two that GeoReport knows."""
    return "closed" if life == CLOSED else "open"


def check_change(life: str, target: str, outcome_code: str | None) -> None:
    """Passes when a request in `life` may become `target` with this outcome.

    Raises InvalidInput for a word that is no state or outcome (or an outcome without closing), Conflict for a step the table
    does not have.
    """
    if target not in TRANSITIONS:
        raise InvalidInput("No existe el estado {life}.", field="life", life=target)
    if target == CLOSED and outcome_code not in OUTCOMES:
        raise InvalidInput("Para cerrar hay que decir con qué resultado.", field="outcome_code")
    if target != CLOSED and outcome_code is not None:
        raise InvalidInput("Solo se da un resultado al cerrar.", field="outcome_code")
    if target not in TRANSITIONS[life]:
        raise ImpossibleStep(life, target)


class ImpossibleStep(Conflict):
    """A step that the table does not have, told with the states' names in the reader's language."""

    def __init__(self, life: str, target: str) -> None:
        super().__init__("Un reporte en «{before}» no puede pasar a «{after}».")
        self.states = {"before": LIFE_TEXTS[life], "after": LIFE_TEXTS[target]}

    def public_text(self, language: str = "es") -> str:
        names = {field: translate(language, name) for field, name in self.states.items()}
        return translate(language, self.text, **names)
