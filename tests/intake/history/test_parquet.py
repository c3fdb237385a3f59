"""Parquet for real: what is in such a file is read as the same rows of a CSV would be."""

import csv
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.history.mapping import HistoryMap
from intake.history.rows import Past, Rejected
from intake.history.sources import open_source
from kernel.errors import InvalidInput
from tests.house import ROOT
from tests.intake.history.conftest import COLUMNS, ROW, Reader, mapped

PLAIN = mapped(service={"column": "service", "codes": {"Hoyo": "BACHE", "Fuga": "FUGA"}})
# Cells that are the same in both: a CSV cannot tell an empty cell from none, nor keep a lone carriage return.
_words = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=30)
_rows = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8),
            "opened": st.one_of(st.datetimes(datetime(1969, 1, 1), datetime(2027, 1, 1)).map(str), _words),  # noqa: DTZ001  # local
            "status": st.sampled_from(["Open", "Closed", "?"]),
            "service": st.sampled_from(["Hoyo", "Fuga", "Otro"]),
            "words": _words,
            "lon": st.one_of(st.floats(-180, 180).map(str), st.just(""), _words),
        }
    ),
    max_size=8,
)


def write_parquet(path: Path, columns: dict[str, Any]) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def read(path: Path, history_map: HistoryMap = PLAIN) -> list[Past | tuple[str, str]]:
    """Each row, or the column and the reason of its rejection."""
    results: list[Past | tuple[str, str]] = []
    with open_source(path, history_map) as source:
        reader = Reader(history_map, source.columns).translator
        for number, (_, cells) in enumerate(source.lines(), start=1):
            assert isinstance(cells, list)
            try:
                results.append(reader.read(number, cells))
            except Rejected as problem:
                results.append((problem.column, problem.text))
        assert source.share() == pytest.approx(1)
    return results


@given(_rows)
def test_the_same_rows_come_out_of_both(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]) -> None:
    whole = [ROW | row for row in [{}, *rows]]
    folder = tmp_path_factory.mktemp("parquet")
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(whole)
    write_parquet(folder / "rows.parquet", {name: [row[name] for row in whole] for name in COLUMNS})
    assert read(folder / "rows.csv") == read(folder / "rows.parquet")


def test_values_with_a_type_are_read_as_a_csv_would_write_them(tmp_path: Path) -> None:
    opened = datetime(2025, 6, 11, 20, 0, tzinfo=UTC)
    columns = {name: [value, value] for name, value in ROW.items()} | {
        "id": [17, 18],
        "opened": pyarrow.array([opened, opened], pyarrow.timestamp("us", "UTC")),
        "lon": [-99.15, None],
        "lat": [19.42, None],
        "closed": pyarrow.array([None, None], pyarrow.timestamp("ns")),
    }
    first, second = read(write_parquet(tmp_path / "rows.parquet", columns))
    assert isinstance(first, Past)
    assert isinstance(second, Past)
    assert (first.source_id, first.requested_at, first.lon, first.closed_at) == ("17", opened, -99.15, None)
    assert (second.source_id, second.lon, second.lat) == ("18", None, None)


def test_columns_that_no_map_names_are_not_read(tmp_path: Path) -> None:
    columns = {name: [value] for name, value in ROW.items()} | {"phone": ["55 1234 5678"]}
    with open_source(write_parquet(tmp_path / "rows.parquet", columns), PLAIN) as source:
        assert "phone" not in source.columns


def test_rows_are_numbered_through_several_groups(tmp_path: Path) -> None:
    table = pyarrow.table({name: [value] * 25_000 for name, value in ROW.items()})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=7_000)
    with open_source(tmp_path / "rows.parquet", PLAIN) as source:
        assert [number for number, _ in source.lines()] == list(range(1, 25_001))


def test_files_that_are_none_or_lack_columns(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "rows.parquet", {name: [value] for name, value in ROW.items() if name != "words"})
    with pytest.raises(InvalidInput, match=r"words \(fields.description\)"):
        read(path)
    (tmp_path / "no.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InvalidInput, match="dañado o cortado"):
        read(tmp_path / "no.parquet")
    whole = write_parquet(tmp_path / "whole.parquet", {name: [value] * 50_000 for name, value in ROW.items()})
    whole.write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(InvalidInput, match="dañado o cortado"):
        read(whole)


def test_a_file_that_is_damaged_in_the_middle_is_said_to_be(tmp_path: Path) -> None:
    columns = {name: [f"{value}{n}" for n in range(5_000)] for name, value in ROW.items()}
    path = write_parquet(tmp_path / "rows.parquet", columns)
    content = bytearray(path.read_bytes())
    content[2_000:30_000] = b"\xff" * 28_000
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="dañado o cortado"):
        read(path)


_WITHOUT = """
import sys
sys.modules["pyarrow"] = None
from pathlib import Path
from intake.history.sources import open_source
from kernel.errors import InvalidInput
from tests.intake.history.conftest import mapped
try:
    with open_source(Path(sys.argv[1]), mapped()):
        pass
except InvalidInput as error:
    print(error)
"""


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1")
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "atiende[parquet]" in done.stdout
