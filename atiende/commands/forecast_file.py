"""Past requests of any register as `routing.forecasts` counts them, from a CSV file."""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from kernel.errors import InvalidInput, NotFound
from routing.forecasts import Cases, columns


@dataclass(frozen=True, slots=True)
class FileColumns:
    """Which column is what."""

    opened: str
    ended: str
    service: str
    group: str
    area: str


def read_cases(path: Path, named: FileColumns, without: Sequence[str]) -> Cases:
    """The rows of the file; times without a zone are taken as they stand.

    without: `column=value`, rows to pass over. Raises NotFound for a missing file, InvalidInput for a missing column or a time
    that is none.
    """
    if not path.is_file():
        raise NotFound("No existe el archivo {path}.", path=path)
    passed_over = [tuple(pair.split("=", 1)) for pair in without]
    if any(len(pair) != 2 for pair in passed_over):
        raise InvalidInput("--without se escribe COLUMNA=VALOR.")
    with _open(path) as file:
        reader = csv.DictReader(file)
        wanted = [*astuple(named), *(pair[0] for pair in passed_over)]
        missing = [name for name in wanted if name not in (reader.fieldnames or [])]
        if missing:
            raise InvalidInput("A {path} le faltan columnas: {missing}.", path=path, missing=", ".join(missing))
        return columns(
            [
                (
                    row[named.service],
                    row[named.area] or None,
                    row[named.group],
                    _instant(row[named.opened], reader.line_num),
                    _instant(row[named.ended], reader.line_num) if row[named.ended] else None,
                    True,
                )
                for row in reader
                if row[named.opened] and not any(row[pair[0]] == pair[1] for pair in passed_over)
            ]
        )


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _instant(text: str, line: int) -> float:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput("Línea {line}: «{value}» no es una fecha ISO 8601.", line=line, value=text[:40]) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
