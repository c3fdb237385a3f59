"""The machine's own texts by language. Pure but for reading its files, once."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "texts"


@cache
def texts(language: str) -> Mapping[str, str]:
    """Every text of a language; Spanish for a language there is no file of."""
    path = _FOLDER / f"{language}.toml"
    read: Mapping[str, str] = tomllib.loads((path if path.exists() else _FOLDER / "es.toml").read_text("utf-8"))
    return read


def say(language: str, key: str, **params: object) -> str:
    """The text with its fields filled. Raises KeyError for a key that no file has."""
    return texts(language)[key].format(**params)
