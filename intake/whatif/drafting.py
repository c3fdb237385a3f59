"""Drafts from files: boundaries as `atiende layer import` reads them, rules as a city folder writes them."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from georef.readers import Feature, read_features
from intake.city_folder import rule_text
from intake.city_folder.rule_text import Mistake
from intake.city_folder.rules import FILE as RULES_FILE
from kernel.errors import InvalidInput, NotFound
from kernel.i18n import translate
from routing.values import Rule
from routing.whatif.sides import NamedArea, Side

_NAMED = re.compile(r"([a-z][a-z0-9_]*)=(.+)", re.DOTALL)
_CODES, _NAMES = ("code", "clave", "codigo", "id"), ("name", "nombre", "label")
_SHOWN = 8


def split_spec(spec: str, known: Iterable[str]) -> tuple[str, str]:
    """(layer key, file) of `KEY=FILE`, or of `FILE` alone when its name begins with the key of a layer. Raises InvalidInput."""
    named = _NAMED.fullmatch(spec)
    if named:
        return named[1], named[2]
    name = Path(spec.split("?")[0]).name
    fitting = [key for key in known if re.match(rf"{re.escape(key)}(?![a-z])", name)]
    if not fitting:
        raise InvalidInput(
            "Di qué capa es {file}: --layer CAPA={file}. Están: {layers}.",
            field="layer",
            file=spec,
            layers=", ".join(known),
        )
    return max(fitting, key=len), spec


def read_layer(
    live: Side, key: str, file: str | Path, *, code_field: str | None = None, name_field: str | None = None
) -> list[NamedArea]:
    """(code, name, polygon) of every feature with a code.

    Without `code_field` it is the field called code, else the one that holds the codes of today's areas; the name likewise.
    Raises NotFound for a missing file, InvalidInput for one that cannot be used.
    """
    features = list(read_features(file))
    fields = list(features[0][0]) if features else []
    known = live.layers[key].index.areas if key in live.layers else ()
    code = _field(fields, code_field, features, {area.code for area in known}, _CODES)
    if code is None:
        raise InvalidInput(
            "{file} no dice qué campo es la clave de cada zona. Tiene: {fields}. Escríbelo con --code.",
            field="code",
            file=Path(str(file)).name,
            fields=", ".join(fields[:_SHOWN]) or "–",
        )
    name = _field(fields, name_field, features, {area.name for area in known}, _NAMES) or code
    areas = [(_text(values[code]), _text(values[name]), geometry) for values, geometry in features]
    return [area for area in areas if area[0].strip()]


def _field(
    fields: Sequence[str], wanted: str | None, features: Sequence[Feature], known: set[str], usual: Sequence[str]
) -> str | None:
    if wanted:
        if wanted not in fields:
            raise InvalidInput(
                "El archivo no tiene el campo «{wanted}». Tiene: {fields}.", wanted=wanted, fields=", ".join(fields)
            )
        return wanted
    held = {field: len(known & {_text(values[field]) for values, _ in features}) for field in fields}
    best = max(held, key=lambda field: held[field], default=None)
    if best is not None and held[best] * 2 >= max(len(known), 1):
        return best
    return next((field for name in usual for field in fields if field.lower() == name), None)


def _text(value: Any) -> str:
    # A code column of whole numbers is read as floats as soon as one row is empty.
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else "" if value != value else str(value)
    return "" if value is None else str(value)


class RulesUnusable(InvalidInput):
    """Text that is no rules; `mistakes` say where and why."""

    def __init__(self, file: str, mistakes: Sequence[Mistake]) -> None:
        super().__init__("{file} no se puede usar:\n{lines}", field="rules", file=file)
        self.mistakes = tuple(mistakes)

    def public_text(self, language: str = "es") -> str:
        lines = [
            translate(language, "Línea {line}: {text}", line=mistake.line, text=mistake.public_text(language))
            for mistake in self.mistakes[:_SHOWN]
        ]
        return translate(language, self.text, **self.params, lines="\n".join(lines))


def read_rules_file(path: Path) -> list[Rule]:
    """The rules of a `rules.toml`. Raises NotFound for a missing file, InvalidInput with the problems of one that is wrong."""
    return read_rules_text(text_of(path), path.name)


def text_of(path: Path) -> str:
    """Raises NotFound for a missing file, InvalidInput for one that is no text."""
    if not path.is_file():
        raise NotFound("No existe el archivo {path}.", path=path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("{path} no es texto en UTF-8.", field="rules", path=path.name) from None


def read_rules_text(text: str, name: str = RULES_FILE) -> list[Rule]:
    """The rules written in `text` as a city folder writes them; `name` is what errors call it. Raises InvalidInput."""
    rules, mistakes = rule_text.read(text)
    if mistakes:
        raise RulesUnusable(name, mistakes)
    if not rules:
        raise InvalidInput("{file} no tiene ninguna regla.", field="rules", file=name)
    return list(rules)
