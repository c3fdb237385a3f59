"""Files of past requests, row by row: CSV, JSON (GeoReport lists or one object a line) and Parquet, the first two also gzipped.

A row is its place in the file and its cells as text, in the order of `columns`. What cannot be read is a `Broken` row; the rest
of the file goes on.
"""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, Protocol

from intake.history.mapping import DETECT, HistoryMap
from kernel.errors import InvalidInput, NotFound

_SUFFIXES = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), "csv"),
    **dict.fromkeys((".json", ".ndjson", ".jsonl"), "json"),
    ".parquet": "parquet",
}
# How many objects are looked at to learn which names a JSON file uses.
_SAMPLE = 100
_CHUNK = 1 << 20
# A cell longer than this is a quotation mark that was never closed.
_LONGEST_CELL = 200_000


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that is none: why (a msgid with its fields), and what little of it is worth showing."""

    text: str
    params: dict[str, object]
    value: str = ""


Line = tuple[int, list[str] | Broken]


class Source(Protocol):
    """One open file. `columns` are known from the start; `share()` is how much of it has been read, from 0 to 1."""

    @property
    def columns(self) -> Sequence[str]: ...

    def lines(self) -> Iterator[Line]: ...

    def share(self) -> float: ...


@contextmanager
def open_source(path: Path, mapped: HistoryMap) -> Iterator[Source]:
    """The file, closed at the end of the block.

    Raises NotFound for a missing file, InvalidInput for one that is not what it says or lacks columns that the map names.
    """
    if not path.is_file():
        raise NotFound("No existe el archivo {path}.", path=path)
    kind = mapped.format or _SUFFIXES.get(Path(path.stem if path.suffix == ".gz" else path.name).suffix.lower())
    if kind is None:
        raise InvalidInput("No se sabe qué clase de archivo es {path}: di format en el mapa.", path=path.name)
    if kind == "parquet":
        with _open_parquet(path, mapped) as parquet:
            yield parquet
        return
    with closing(_Bytes(path)) as content:
        yield CsvSource(content, mapped) if kind == "csv" else JsonSource(content, mapped)


class _Bytes:
    """The file's bytes, unpacked, and how far the reading has come in the packed ones."""

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, max(1, path.stat().st_size)
        self.packed = path.open("rb")
        self.plain: IO[bytes] = gzip.GzipFile(fileobj=self.packed) if path.suffix == ".gz" else self.packed  # type: ignore[assignment]  # reads bytes as a file does

    def close(self) -> None:
        self.plain.close()
        self.packed.close()

    def share(self) -> float:
        return min(1.0, self.packed.tell() / self.size)

    def unreadable(self, error: Exception) -> InvalidInput:
        return InvalidInput("{path} está dañado o cortado: {reason}.", path=self.path.name, reason=error)


class CsvSource:
    """A CSV with a header. Bytes that are not in its encoding arrive as lone surrogates, for the row to be judged."""

    def __init__(self, content: _Bytes, mapped: HistoryMap) -> None:
        self._bytes, path = content, content.path
        encoding = "utf-8" if mapped.csv.encoding == DETECT else mapped.csv.encoding
        encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
        self._text = io.TextIOWrapper(self._bytes.plain, encoding, errors="surrogateescape", newline="")
        csv.field_size_limit(_LONGEST_CELL)
        self._reader = csv.reader(self._text, delimiter=mapped.csv.delimiter)
        try:
            self.columns = [name.strip() for name in next(self._reader, [])]
        except (csv.Error, OSError, EOFError, UnicodeError) as error:
            raise self._bytes.unreadable(error) from None
        if self.columns and "\0" in self.columns[0]:
            raise InvalidInput("{path} no está en {encoding}: parece UTF-16.", path=path.name, encoding=encoding)
        check_columns(path, mapped, self.columns, mapped.columns)

    def lines(self) -> Iterator[Line]:
        width = len(self.columns)
        reader = self._reader
        while True:
            first = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield (
                    first,
                    Broken("Fila ilegible hasta la línea {last}: {reason}", {"last": reader.line_num, "reason": error}),
                )
                continue
            except (OSError, EOFError, UnicodeError) as error:
                raise self._bytes.unreadable(error) from None
            if cells is None:
                return
            if len(cells) == width:
                yield first, cells
            elif len(cells) > width and not any(cells[width:]):
                yield first, cells[:width]
            elif cells:  # an empty line is no row
                params: dict[str, object] = {"count": len(cells), "columns": width}
                yield first, Broken("Tiene {count} columnas y no {columns}.", params, ",".join(cells))

    def share(self) -> float:
        return self._bytes.share()


class JsonSource:
    """Objects in a list, in a list under one name, or one after the other. A row's place is the number of its object."""

    def __init__(self, content: _Bytes, mapped: HistoryMap) -> None:
        self._bytes, path = content, content.path
        self._text = io.TextIOWrapper(self._bytes.plain, "utf-8-sig", errors="surrogateescape")
        self._objects = self._read()
        first = list(islice(self._objects, _SAMPLE))
        names = dict.fromkeys(name for one in first if isinstance(one, dict) for name in one)
        check_columns(path, mapped, list(names), {c: key for c, key in mapped.columns.items() if c in mapped.needed})
        self.columns = list(mapped.columns)
        self._all = chain(first, self._objects)

    def lines(self) -> Iterator[Line]:
        for number, one in enumerate(self._all, start=1):
            if isinstance(one, dict):
                yield number, [as_text(one.get(name)) for name in self.columns]
            else:
                yield number, Broken("No es un objeto.", {}, as_text(one))

    def share(self) -> float:
        return self._bytes.share()

    def _read(self) -> Iterator[Any]:
        decoder = json.JSONDecoder()
        held = at = 0
        buffer, is_end, depth = "", False, 0
        while True:
            while at < len(buffer) and buffer[at] in " \t\r\n,":
                at += 1
            if at == len(buffer) and is_end:
                return
            if at < len(buffer) and buffer[at] in "[]}" and depth < 2:
                at += 1
                continue
            if depth == 0 and (wrapped := _list_under_a_name(buffer, at)):
                at, depth = wrapped, 1
                continue
            try:
                one, at = decoder.raw_decode(buffer, at)
            except ValueError as error:
                if is_end or held > 64:
                    raise self._bytes.unreadable(error) from None
                buffer, at = buffer[at:], 0
                try:
                    more = self._text.read(_CHUNK)
                except (OSError, EOFError, UnicodeError) as problem:
                    raise self._bytes.unreadable(problem) from None
                held, is_end = held + 1, not more
                buffer += more
                continue
            depth, held = max(depth, 1), 0
            yield one


def _list_under_a_name(buffer: str, at: int) -> int | None:
    """Where the list begins in `{"service_requests": [`, else None."""
    import re

    found = re.compile(r'\{\s*"[^"]*"\s*:\s*\[').match(buffer, at)
    return found.end() if found else None


def _open_parquet(path: Path, mapped: HistoryMap) -> AbstractContextManager[Source]:
    try:
        import pyarrow  # noqa: F401  # 0.8 s and 165 MB: an extra, only for those who have such files
    except ImportError:
        raise InvalidInput("Para leer Parquet instala el extra parquet: pip install 'atiende[parquet]'.") from None
    from intake.history.parquet import ParquetSource

    return closing(ParquetSource(path, mapped))


def check_columns(path: Path, mapped: HistoryMap, present: Sequence[str], wanted: dict[str, str]) -> None:
    if not present:
        raise InvalidInput("{path} está vacío.", path=path.name)
    doubled = sorted({name for name in present if name in wanted and present.count(name) > 1})
    if doubled:
        raise InvalidInput("{path} tiene dos veces la columna {names}.", path=path.name, names=", ".join(doubled))
    missing = [f"{column} ({key})" for column, key in wanted.items() if column not in present]
    if missing:
        raise InvalidInput(
            "{path} no tiene estas columnas del mapa: {missing}. Tiene: {present}.",
            path=path.name,
            missing=", ".join(missing),
            present=", ".join(present)[:2000],
        )


def as_text(value: object) -> str:
    """A cell of JSON or Parquet as a CSV would write it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)
