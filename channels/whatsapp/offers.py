"""Answers to press, as WhatsApp takes them: up to three buttons, or a list of up to ten. Pure.

Twilio sends either only as "content" that was defined before (docs/adr/0028-whatsapp-buttons.md). Every word of ours is a
variable in it, so that one definition serves all messages of the same shape, and no resident's words are kept in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from intake.conversations.values import Choice
from kernel.i18n import translate

MOST_BUTTONS, MOST_ROWS = 3, 10
BUTTON, ROW, DESCRIPTION, BODY = 20, 24, 72, 1024
# To be raised whenever the definitions below change.
_EDITION = 1


@dataclass(frozen=True, slots=True)
class Shape:
    """What a definition depends on. kind: `buttons` or `list`; described: the rows, from 0, that have a second line."""

    kind: str
    count: int
    described: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """How we find our own definition at the provider."""
        lines = f"_lines_{''.join(map(str, self.described))}" if self.described else ""
        return f"atiende_{self.kind}_{self.count}{lines}_v{_EDITION}"

    def definition(self) -> dict[str, Any]:
        """The `types` of a Content resource, with `{{n}}` where `Offer.variables` has n."""
        if self.kind == "buttons":
            actions = [{"title": _slot(2 * n), "id": _slot(2 * n + 1)} for n in range(1, self.count + 1)]
            return {"twilio/quick-reply": {"body": _slot(1), "actions": actions}}
        items: list[dict[str, str]] = []
        free = 3
        for row in range(self.count):
            fields = ("item", "id", "description") if row in self.described else ("item", "id")
            items.append({field: _slot(number) for number, field in enumerate(fields, start=free)})
            free += len(fields)
        return {"twilio/list-picker": {"body": _slot(1), "button": _slot(2), "items": items}}


@dataclass(frozen=True, slots=True)
class Offer:
    """A question with its answers, ready to be sent. variables: what fills the shape's definition."""

    shape: Shape
    variables: Mapping[str, str]


def offer(prompt: str, choices: Sequence[Choice], language: str) -> Offer | None:
    """As buttons where all labels fit, else as a list; None when neither can hold them."""
    words = prompt.strip()
    labels = [" ".join(choice.label.split()) for choice in choices]
    if not labels or not words or len(words) > BODY or len(labels) > MOST_ROWS or not all(labels):
        return None
    values = [choice.value for choice in choices]
    if len(labels) <= MOST_BUTTONS and _are_distinct(labels) and all(len(label) <= BUTTON for label in labels):
        return Offer(Shape("buttons", len(labels)), _numbered([words, *_pairs(labels, values)]))
    return _as_list(words, labels, choices, language)


def _as_list(words: str, labels: Sequence[str], choices: Sequence[Choice], language: str) -> Offer | None:
    titles = [_cut(label, ROW) for label in labels]
    if not _are_distinct(titles):
        # They begin alike: their number tells them apart, as it does in an SMS.
        titles = [_cut(f"{number}. {label}", ROW) for number, label in enumerate(labels, start=1)]
    details = [
        choice.description.strip() or (label if title != label else "")
        for choice, label, title in zip(choices, labels, titles, strict=True)
    ]
    if any(label != title and len(label) > DESCRIPTION for label, title in zip(labels, titles, strict=True)):
        return None  # its end would be read nowhere
    cells = [words, translate(language, "Ver opciones")[:BUTTON]]
    for title, detail, choice in zip(titles, details, choices, strict=True):
        cells += [title, choice.value, *([_cut(detail, DESCRIPTION)] if detail else [])]
    described = tuple(row for row, detail in enumerate(details) if detail)
    return Offer(Shape("list", len(titles), described), _numbered(cells))


def _slot(number: int) -> str:
    return "{{" + str(number) + "}}"


def _numbered(cells: Sequence[str]) -> dict[str, str]:
    return {str(number): cell for number, cell in enumerate(cells, start=1)}


def _pairs(labels: Sequence[str], values: Sequence[str]) -> list[str]:
    return [cell for pair in zip(labels, values, strict=True) for cell in pair]


def _are_distinct(labels: Sequence[str]) -> bool:
    return len({label.casefold() for label in labels}) == len(labels)


def _cut(text: str, most: int) -> str:
    """Its beginning, up to the end of a word where that leaves most of it."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    words = kept.rpartition(" ")[0]
    return (words if len(words) > most // 2 else kept).rstrip(" .,;:") + "…"
