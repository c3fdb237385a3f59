"""Parquet, for installations with the extra `parquet`. A row's place is its number."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet

from intake.history.mapping import HistoryMap
from intake.history.sources import Line, as_text, check_columns
from kernel.errors import InvalidInput

_ROWS = 10_000


class ParquetSource:
    """Only the columns that the map names are read."""

    def __init__(self, path: Path, mapped: HistoryMap) -> None:
        try:
            self._file = pyarrow.parquet.ParquetFile(path)
        except (pyarrow.ArrowException, OSError) as error:
            raise _unreadable(path, error) from None
        check_columns(path, mapped, self._file.schema_arrow.names, mapped.columns)
        self.columns = list(mapped.columns)
        self._path, self._read = path, 0

    def lines(self) -> Iterator[Line]:
        batches = self._file.iter_batches(batch_size=_ROWS, columns=self.columns)
        while True:
            try:
                batch = next(batches, None)
            except (pyarrow.ArrowException, OSError) as error:
                raise _unreadable(self._path, error) from None
            if batch is None:
                return
            columns = [batch.column(name).to_pylist() for name in self.columns]
            for cells in zip(*columns, strict=True):
                self._read += 1
                yield self._read, [as_text(cell) for cell in cells]

    def close(self) -> None:
        self._file.close()

    def share(self) -> float:
        return float(self._read / max(1, self._file.metadata.num_rows))


def _unreadable(path: Path, error: Exception) -> InvalidInput:
    return InvalidInput("{path} está dañado o cortado: {reason}.", path=path.name, reason=error)
