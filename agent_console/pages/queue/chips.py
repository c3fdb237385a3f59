"""The filters as chips: each a small menu of links, so that they work without scripts. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent_console.accounts import Viewer
from agent_console.lists import ListFilters
from agent_console.presentation import CHANNELS
from agent_console.rows import Names
from intake.service_requests.lifecycle import LIFE_TEXTS
from kernel.i18n import translate


@dataclass(frozen=True)
class Choice:
    """One value of a filter, and the list it leads to."""

    text: str
    href: str
    is_chosen: bool


@dataclass(frozen=True)
class Chip:
    """One filter. `remove` is the list without it, or "" when it filters nothing."""

    field: str
    name: str
    value: str
    choices: list[Choice]
    remove: str


STATUS_TEXTS: Mapping[str, str] = {
    "open": "abiertas",
    "new": "nuevas",
    "in_progress": "en proceso",
    "waiting_resident": "esperan a la persona",
    "reopened": "reabiertas",
    "returned": "devueltas",
    "closed": "cerradas",
    "any": "todas",
}
DUE_TEXTS: Mapping[str, str] = {
    "": "cualquiera",
    "today": "vence hoy",
    "week": "vence en 7 días",
    "late": "vencido",
    "unanswered": "sin primera respuesta",
    "silent": "en silencio",
}
PLACE_TEXTS: Mapping[str, str] = {"": "cualquiera", "unsure": "sin ubicación segura"}
ALIKE_TEXTS: Mapping[str, str] = {"": "cualquiera", "waiting": "por decidir"}
ORDER_TEXTS: Mapping[str, str] = {"due": "lo que vence primero", "newest": "lo más reciente"}
assert set(STATUS_TEXTS) - {"open", "returned", "any"} == set(LIFE_TEXTS)


def chips_of(filters: ListFilters, viewer: Viewer, known: Names) -> list[Chip]:
    """The chips above the list, in order; agency staff need no agency filter."""
    language = viewer.language
    everything = translate(language, "todas")
    all_of_them = translate(language, "todos")
    chips = [
        _chip(filters, "due", translate(language, "Plazo"), _translated(DUE_TEXTS, language)),
        _chip(filters, "status", translate(language, "Estado"), _translated(STATUS_TEXTS, language)),
        _chip(filters, "agency", translate(language, "Dependencia"), {"": everything} | dict(known.agencies)),
        _chip(filters, "group", translate(language, "Tema"), {"": all_of_them} | dict(known.groups)),
        _chip(
            filters,
            "channel",
            translate(language, "Canal"),
            {"": all_of_them} | {key: translate(language, word) for key, (word, _) in CHANNELS.items()},
        ),
        _chip(filters, "place", translate(language, "Lugar"), _translated(PLACE_TEXTS, language)),
        _chip(filters, "alike", translate(language, "Duplicados"), _translated(ALIKE_TEXTS, language)),
    ]
    hidden = {"agency"} if viewer.role == "agency" else set()
    # One line of chips at 1366: these are set by their view and shown only then.
    hidden |= {name for name in ("place", "alike") if not getattr(filters, name)}
    return [chip for chip in chips if chip.field not in hidden]


def order_chip(filters: ListFilters, viewer: Viewer) -> Chip:
    """Which end of the list comes first."""
    shown = ListFilters(**{**filters.__dict__, "order": "due" if filters.by_due else "newest"})
    return _chip(shown, "order", translate(viewer.language, "Orden"), _translated(ORDER_TEXTS, viewer.language))


def _translated(texts: Mapping[str, str], language: str) -> dict[str, str]:
    return {key: translate(language, text) for key, text in texts.items()}


def _chip(filters: ListFilters, field: str, name: str, texts: Mapping[str, str]) -> Chip:
    value = str(getattr(filters, field))
    default = next(iter(texts)) if field == "order" else str(ListFilters.__dataclass_fields__[field].default)
    choices = [Choice(text, filters.query(**{field: key}) or "?", key == value) for key, text in texts.items()]
    return Chip(
        field=field,
        name=name,
        value=texts.get(value, value),
        choices=choices,
        remove=(filters.query(**{field: default}) or "?") if value != default and field != "order" else "",
    )
