"""`[templates.<channel>."<text>"]` of city.toml: our texts as a network approved them, by language."""

from typing import Any

from intake.city_folder.tables import Notes, Table
from intake.conversations.approved import our_text, problems_of
from kernel.i18n import LANGUAGES

TEMPLATES = "templates"


def read_templates(notes: Notes, raw: dict[str, Any]) -> dict[str, Any]:
    """Channel, text, language: `{ id = "HX…", variables = ["folio", "agency"] }`, and `text` where it is none of ours.

    Which channels there are is not ours to say.
    """
    channels = Table(notes, "city.toml", TEMPLATES, raw, tuple(raw))
    return {channel: _texts(notes, channel, channels.table(channel)) for channel in raw}


def _texts(notes: Notes, channel: str, raw: dict[str, Any]) -> dict[str, Any]:
    texts = Table(notes, "city.toml", f"{TEMPLATES}.{channel}", raw, tuple(raw))
    return {key: _languages(notes, f"{TEMPLATES}.{channel}.{key}", key, texts.table(key)) for key in raw}


def _languages(notes: Notes, where: str, key: str, raw: dict[str, Any]) -> dict[str, Any]:
    languages = Table(notes, "city.toml", where, raw, LANGUAGES)
    found = {}
    for language in raw:
        table = Table(notes, "city.toml", f"{where}.{language}", languages.table(language), ("id", "variables", "text"))
        variables, text = table.words("variables"), table.text("text", required=False)
        found[language] = {"id": table.text("id"), "variables": variables} | ({"text": text} if text else {})
        _compare(table, key, language, text, variables)
    return found


def _compare(table: Table, key: str, language: str, text: str, variables: list[str]) -> None:
    """A text of the city's own is needed where there is none of ours: nobody can choose what nobody can read."""
    if not text and not our_text(key, language):
        table.wrong("text", "Falta {key}.", key="text")
    differs = problems_of(text, variables) if text else None
    if differs is not None:
        table.wrong("text", "El texto y «variables» no nombran los mismos datos: {name}.", name=differs or "{ }")
