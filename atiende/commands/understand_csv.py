"""A file of messages, understood in bulk: the columns it has are kept, the facts follow."""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import orjson

from kernel.errors import InvalidInput, NotFound

_COLUMN = "text"
_JSON_LINES = ".jsonl"
_LONGEST_CELL = 100_000
_COLUMNS = (
    "language", "emergency", "intent", "service_code", "service_name", "score", "why", "second_code", "second_name",
    "third_code", "third_name", "place",
)  # fmt: skip

Facts = Mapping[str, Any]


def understand_file(read: Callable[[str], Facts], source: Path, target: Path) -> dict[str, Any]:
    """Writes `target`, JSON Lines if it ends so and CSV otherwise, and returns how many rows and of which intents.

    A column of ours that the input already has gets `understood_` in front. The file appears whole or not at all.
    """
    intents: Counter[str] = Counter()
    emergencies = 0
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with _open(source) as read_file, _create(partial, target) as write_file:
            rows = _rows(read_file, source)
            header = next(rows)
            place = _column(header, source)
            write = (
                _json_lines(write_file, header) if target.suffix.lower() == _JSON_LINES else _csv(write_file, header)
            )
            for row in rows:
                kept = (row + [""] * len(header))[: len(header)]
                facts = read(kept[place])
                intents[facts["intent"]] += 1
                emergencies += bool(facts["emergency"])
                write(kept, facts)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return {"rows": intents.total(), "emergencies": emergencies, "intents": dict(intents.most_common())}


def _open(source: Path) -> TextIO:
    if not source.is_file():
        raise NotFound("No existe el archivo {path}.", path=source)
    return source.open(newline="", encoding="utf-8-sig")


def _create(partial: Path, target: Path) -> TextIO:
    try:
        return partial.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise InvalidInput("No se pudo escribir {path}: {reason}.", path=target, reason=error.strerror) from error


def _rows(file: TextIO, source: Path) -> Iterator[list[str]]:
    """The header and every row that is not blank. Raises InvalidInput."""
    reader = csv.reader(file)
    is_empty = True
    try:
        for row in reader:
            # The reader's own limit belongs to the whole process, and other readers move it.
            if max(map(len, row), default=0) > _LONGEST_CELL:
                raise csv.Error
            if row:
                is_empty = False
                yield row
    except UnicodeDecodeError as error:
        raise InvalidInput("{path} no es texto en UTF-8.", path=source) from error
    except csv.Error as error:
        raise InvalidInput(
            "{path} no se puede leer como CSV: renglón {line}.", path=source, line=reader.line_num
        ) from error
    if is_empty:
        raise InvalidInput("{path} está vacío.", path=source)


def _column(header: list[str], source: Path) -> int:
    names = [name.strip().casefold() for name in header]
    if _COLUMN not in names:
        raise InvalidInput("A {path} le falta la columna {column}.", path=source, column=_COLUMN)
    return names.index(_COLUMN)


def _csv(file: TextIO, header: list[str]) -> Callable[[list[str], Facts], None]:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*header, *(_free(name, header) for name in _COLUMNS)])

    def write(kept: list[str], facts: Facts) -> None:
        services = [*facts["services"], *[{"code": "", "name": "", "score": "", "why": []}] * 3][:3]
        first, second, third = services
        writer.writerow(
            [
                *kept,
                facts["language"],
                facts["emergency"] or "",
                facts["intent"],
                first["code"],
                first["name"],
                first["score"],
                "; ".join(first["why"]),
                second["code"],
                second["name"],
                third["code"],
                third["name"],
                facts["place"] or "",
            ]
        )

    return write


def _json_lines(file: TextIO, header: list[str]) -> Callable[[list[str], Facts], None]:
    def write(kept: list[str], facts: Facts) -> None:
        named = {_free(name, header): value for name, value in facts.items()}
        file.write(orjson.dumps(dict(zip(header, kept, strict=True)) | named).decode() + "\n")

    return write


def _free(name: str, header: list[str]) -> str:
    return f"understood_{name}" if name in header else name
