"""`[templates.<channel>."<text>"]` of city.toml: our texts as a network approved them, by language."""

from typing import Any

from intake.city_folder.tables import Notes, Table
from kernel.i18n import LANGUAGES

TEMPLATES = "templates"


def read_templates(notes: Notes, raw: dict[str, Any]) -> dict[str, Any]:
    """Channel, text, language: `{ id = "HX…", variables = ["folio", "agency"] }`. Which channels there are is not ours to say."""
    channels = Table(notes, "city.toml", TEMPLATES, raw, tuple(raw))
    return {channel: _texts(notes, channel, channels.table(channel)) for channel in raw}


def _texts(notes: Notes, channel: str, raw: dict[str, Any]) -> dict[str, Any]:
    texts = Table(notes, "city.toml", f"{TEMPLATES}.{channel}", raw, tuple(raw))
    return {key: _languages(notes, f"{TEMPLATES}.{channel}.{key}", texts.table(key)) for key in raw}


def _languages(notes: Notes, where: str, raw: dict[str, Any]) -> dict[str, Any]:
    languages = Table(notes, "city.toml", where, raw, LANGUAGES)
    found = {}
    for language in raw:
        table = Table(notes, "city.toml", f"{where}.{language}", languages.table(language), ("id", "variables"))
        found[language] = {"id": table.text("id"), "variables": table.words("variables")}
    return found
