"""What keys mean as an answer to a question of the dialogue. Pure."""

from collections.abc import Mapping

# Not an answer, but the wish to give it with the keys.
BY_KEYS = "<by keys>"
_MOMENTS = {"1": "<today>", "2": "<yesterday>"}
_IN_LANGUAGE: Mapping[str, Mapping[str, str]] = {
    "es": {"<today>": "hoy", "<yesterday>": "ayer", "<dont_know>": "no sé"},
    "en": {"<today>": "today", "<yesterday>": "yesterday", "<dont_know>": "I don't know"},
}


def meaning(expects: str, keys: str) -> str | None:
    """The words that keys stand for where this is expected; None for keys that mean nothing there."""
    digits = "".join(key for key in keys if key.isdigit())
    if expects in ("open", "place"):
        return BY_KEYS if keys == "1" else None
    if expects == "moment":
        return _MOMENTS.get(keys)
    if expects == "words":
        return "<dont_know>" if keys == "1" else None
    if expects == "several":
        # `1*2`, or `12` where no option has two digits: each key is one of them.
        return ",".join(part for part in (keys.split("*") if "*" in keys else list(digits)) if part) or None
    return digits or None


def in_language(meant: str, language: str) -> str:
    return _IN_LANGUAGE.get(language, _IN_LANGUAGE["es"]).get(meant, meant)
