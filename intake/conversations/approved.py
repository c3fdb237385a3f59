"""Texts that a network approved beforehand, as a city's folder names them: all it takes once its window is closed. Pure."""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from intake.conversations import wording
from kernel.errors import InvalidInput

MOST_LETTERS = 300
# Sent by the program alone.
_NOT_BY_HAND = frozenset(("proof.code", "incident.updated", "incident.ended", "incident.reopened"))


@dataclass(frozen=True, slots=True)
class Template:
    """One text in one language. variables: the names of its fields, in the network's order."""

    key: str
    text: str
    variables: tuple[str, ...]

    @property
    def title(self) -> str:
        """The text with the names of its fields, for choosing it from a list."""
        return self.text.replace("{", "[").replace("}", "]")


def templates_of(settings: Mapping[str, Any], channel: str, language: str) -> list[Template]:
    """What the city's agents may choose from, its own texts first. settings: of the jurisdiction."""
    found = []
    for key, languages in settings.get("templates", {}).get(channel, {}).items():
        named = languages.get(language)
        text = (named or {}).get("text") or our_text(key, language)
        if named and text and key not in _NOT_BY_HAND:
            found.append(Template(key, " ".join(text.split()), tuple(named["variables"])))
    return sorted(found, key=lambda one: (one.key.startswith("notice."), one.key))


def our_text(key: str, language: str) -> str:
    """Our own text of that key; "" where there is none."""
    section, _, name = key.partition(".")
    return wording.texts(language).get(section, {}).get(name, "")


def fields_of(text: str) -> list[str]:
    """The names in braces, in their order. Raises ValueError for braces that do not close."""
    return [name for _, name, _, _ in string.Formatter().parse(text) if name]


def checked(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """What fills it, each on one line. Raises InvalidInput, which names the field at fault, for what the network refuses."""
    filled = {}
    for name in template.variables:
        told = " ".join(given.get(name, "").replace("\0", "").split())
        if not told:
            raise InvalidInput("Falta este dato: WhatsApp no acepta huecos.", field=name)
        if len(told) > MOST_LETTERS:
            raise InvalidInput("Caben {most} letras.", field=name, most=MOST_LETTERS)
        filled[name] = told
    return filled


def filled(template: Template, values: Mapping[str, str]) -> str:
    """The text as the person reads it. values: one for each variable."""
    return template.text.format_map({name: values.get(name, "") for name in fields_of(template.text)})


def problems_of(text: str, variables: Sequence[str]) -> str | None:
    """The first name that is in the text and not among the variables, or the other way round; "" for braces that do not close."""
    try:
        named = fields_of(text)
    except ValueError:
        return ""
    differs = sorted(set(named) ^ set(variables))
    return differs[0] if differs else None
