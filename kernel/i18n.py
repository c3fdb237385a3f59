"""Texts in the reader's language. Spanish is the source: the msgid is the Spanish text itself.

Each package keeps its translations in `<package>/locale/<language>.po`; they are read once, merged, and a missing
translation falls back to Spanish. Fields are named: `translate("en", "Folio {folio}", folio="26 4817 3056")`.
"""

from functools import cache
from pathlib import Path

SOURCE_LANGUAGE = "es"
LANGUAGES = ("es", "en")
_ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ("kernel", "georef", "routing", "intake", "channels", "agent_console", "atiende")


def catalog_files(language: str) -> list[Path]:
    """Every translation file for `language`, in a stable order."""
    found: list[Path] = []
    for package in _PACKAGES:
        found += sorted((_ROOT / package).rglob(f"locale/{language}.po"))
    return found


@cache
def _messages(language: str) -> dict[str, str]:
    from babel.messages.pofile import read_po  # 0.1 s: only when a second language is first asked for

    messages: dict[str, str] = {}
    for path in catalog_files(language):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id and message.string and not message.fuzzy:
                    messages[str(message.id)] = str(message.string)
    return messages


def translate(language: str, msgid: str, **params: object) -> str:
    """`msgid` in `language` (a BCP 47 tag; only the primary part counts), with its named fields filled."""
    primary = language.split("-")[0].lower()
    text = msgid if primary == SOURCE_LANGUAGE or not msgid else _messages(primary).get(msgid, msgid)
    return text.format(**params) if params else text


def best_language(accept_language: str | None) -> str:
    """The language of ours that an Accept-Language header prefers; Spanish when it says nothing we speak."""
    ranked: list[tuple[float, str]] = []
    for part in (accept_language or "").split(","):
        tag, _, quality = part.strip().partition(";q=")
        primary = tag.split("-")[0].lower()
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        if primary in LANGUAGES and weight > 0:
            ranked.append((weight, primary))
    return max(ranked, key=lambda pair: pair[0])[1] if ranked else SOURCE_LANGUAGE
