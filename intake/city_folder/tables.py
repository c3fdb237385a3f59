"""Reads TOML tables, noting every problem instead of stopping at the first."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from intake.city_folder.values import Problem, Texts

ENDS_HALFWAY = "No es TOML válido: termina a medias."
_TOML_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")


class Notes:
    """The problems found so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def error(self, file: str, where: str, text: str, /, **params: object) -> None:
        self.problems.append(Problem("error", file, where, text, params))

    def warning(self, file: str, where: str, text: str, /, **params: object) -> None:
        self.problems.append(Problem("warning", file, where, text, params))

    def note(self, file: str, where: str, text: str, /, **params: object) -> None:
        self.problems.append(Problem("note", file, where, text, params))

    @property
    def has_errors(self) -> bool:
        return any(problem.level == "error" for problem in self.problems)


class Table:
    """A TOML table with typed getters; a missing or wrong value is noted and an empty one of the right type returned."""

    def __init__(self, notes: Notes, file: str, where: str, raw: Mapping[str, Any], known: Sequence[str]) -> None:
        self.notes, self.file, self.where, self.raw = notes, file, where, raw
        for key in raw:
            if key not in known:
                notes.error(
                    file,
                    self._at(key),
                    "No existe la clave {key}. Las que hay: {known}.",
                    key=key,
                    known=", ".join(known),
                )

    def _at(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def wrong(self, key: str, text: str, /, **params: object) -> None:
        self.notes.error(self.file, self._at(key), text, **params)

    def _get(self, key: str, kind: type | tuple[type, ...], empty: Any, required: bool, words: str) -> Any:
        value = self.raw.get(key)
        if value is None:
            if required:
                self.wrong(key, "Falta {key}.", key=key)
            return empty
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.wrong(key, "{key} debe ser {kind}.", key=key, kind=words)
            return empty
        return value

    def text(self, key: str, *, required: bool = True, default: str = "") -> str:
        return str(self._get(key, str, default, required, "un texto entre comillas")).strip()

    def number(self, key: str, *, required: bool = True, default: int = 0) -> int:
        return int(self._get(key, int, default, required, "un número entero"))

    def metres(self, key: str, *, most: float) -> float | None:
        """A distance above 0, None when there is none."""
        value = self._get(key, (int, float), None, False, "un número de metros")
        if value is None:
            return None
        if not 0 < value <= most:
            self.wrong(key, "{key} debe estar entre 0 y {most} metros.", key=key, most=most)
            return None
        return float(value)

    def flag(self, key: str, *, default: bool = False) -> bool:
        return bool(self._get(key, bool, default, False, "true o false"))

    def day(self, key: str, default: date) -> date:
        value: date = self._get(key, date, default, False, "una fecha como 2026-03-01")
        return value

    def table(self, key: str, *, required: bool = False) -> dict[str, Any]:
        return dict(self._get(key, dict, {}, required, "una tabla"))

    def texts(self, key: str, *, required: bool = True) -> Texts:
        """Spanish and English: `{ es = "…", en = "…" }`; a missing translation is an error."""
        raw = self._get(key, dict, {}, required, "una tabla con es y en")
        if not raw:
            return {}
        for language in ("es", "en"):
            if not isinstance(raw.get(language), str) or not raw[language].strip():
                self.wrong(f"{key}.{language}", "Falta el texto de {key} en «{code}».", key=key, code=language)
        for language in raw:
            if not isinstance(raw[language], str):
                self.wrong(f"{key}.{language}", "{key} debe ser {kind}.", key=language, kind="un texto entre comillas")
        return {language: value for language, value in raw.items() if isinstance(value, str)}

    def words(self, key: str, *, required: bool = False) -> list[str]:
        raw = self._get(key, list, [], required, "una lista de textos")
        if not all(isinstance(item, str) for item in raw):
            self.wrong(key, "{key} debe ser {kind}.", key=key, kind="una lista de textos")
            return []
        return list(raw)

    def rows(self, key: str) -> list[dict[str, Any]]:
        raw = self._get(key, list, [], False, "una lista de tablas")
        if not all(isinstance(item, dict) for item in raw):
            self.wrong(key, "{key} debe ser {kind}.", key=key, kind="una lista de tablas")
            return []
        return list(raw)

    def one_of(self, key: str, allowed: Sequence[str], *, default: str = "") -> str:
        value = self.text(key, required=not default, default=default)
        if value and value not in allowed:
            self.wrong(
                key,
                "{key} es «{value}» y debe ser uno de: {allowed}.",
                key=key,
                value=value,
                allowed=", ".join(allowed),
            )
        return value


def read_toml(notes: Notes, folder: Path, name: str, *, required: bool = True) -> dict[str, Any]:
    """The tables of `folder/name`; {} with a note when there is no such file or it is not TOML."""
    path = folder / name
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        if required:
            notes.error(name, "", "Falta el archivo {file}.", file=name)
    except UnicodeDecodeError:
        notes.error(name, "", "No es texto en UTF-8.")
    except tomllib.TOMLDecodeError as error:
        # What is wrong is said in English only; where it is, in numbers.
        place = _TOML_PLACE.search(str(error))
        if place:
            notes.error(
                name,
                "",
                "No es TOML válido en la línea {line}, letra {column}.",
                line=int(place[1]),
                column=int(place[2]),
            )
        else:
            notes.error(name, "", ENDS_HALFWAY)
    return {}
