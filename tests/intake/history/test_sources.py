import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.history.mapping import HistoryMap
from intake.history.sources import Broken, Line, open_source
from kernel.errors import InvalidInput, NotFound
from tests.intake.history.conftest import COLUMNS, ROW, mapped

HEADER = ",".join(COLUMNS) + "\n"
LINE = ",".join(ROW.values()) + "\n"


def lines_of(path: Path, history_map: HistoryMap | None = None) -> list[Line]:
    with open_source(path, history_map or mapped()) as source:
        found = list(source.lines())
        assert source.share() == pytest.approx(1)
    return found


def refuse(path: Path, history_map: HistoryMap | None = None) -> None:
    with open_source(path, history_map or mapped()) as source:
        list(source.lines())


def csv_file(folder: Path, text: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_lines_are_numbered_as_an_editor_does(tmp_path: Path) -> None:
    text = "\ufeff" + HEADER + LINE + "\n" + LINE.replace("Un hoyo", '"Un\nhoyo"') + LINE
    assert [
        (number, len(cells)) for number, cells in lines_of(csv_file(tmp_path, text)) if isinstance(cells, list)
    ] == [
        (2, 9),
        (4, 9),
        (6, 9),
    ]


def test_ragged_rows_are_told_and_empty_cells_at_the_end_forgiven(tmp_path: Path) -> None:
    text = HEADER + "a,b\n" + LINE.strip() + ",,\n" + LINE.strip() + ",x\n" + LINE
    found = lines_of(csv_file(tmp_path, text))
    assert [isinstance(cells, Broken) for _, cells in found] == [True, False, True, False]
    assert found[0][1].params == {"count": 2, "columns": 9}  # type: ignore[union-attr]  # the first is broken


def test_an_open_quotation_mark_costs_its_row_and_not_the_file(tmp_path: Path) -> None:
    text = HEADER + LINE.replace("Un hoyo", '"Un hoyo') + LINE * 4000 + LINE
    found = lines_of(csv_file(tmp_path, text))
    assert isinstance(found[0][1], Broken)
    assert found[0][0] == 2
    assert isinstance(found[-1][1], list)


def test_gzip_and_its_damage(tmp_path: Path) -> None:
    packed = gzip.compress((HEADER + LINE * 5000).encode())
    assert len(lines_of(csv_file(tmp_path, packed, "rows.csv.gz"))) == 5000
    with pytest.raises(InvalidInput, match="dañado o cortado"):
        refuse(csv_file(tmp_path, packed[: len(packed) // 2], "cut.csv.gz"))
    with pytest.raises(InvalidInput, match="dañado o cortado"):
        refuse(csv_file(tmp_path, HEADER, "no.csv.gz"), mapped())


def test_files_that_are_not_what_the_map_says(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        refuse(tmp_path / "none.csv", mapped())
    with pytest.raises(InvalidInput, match=r"words \(fields.description\)"):
        refuse(csv_file(tmp_path, HEADER.replace("words", "text") + LINE), mapped())
    with pytest.raises(InvalidInput, match="dos veces"):
        refuse(csv_file(tmp_path, HEADER.replace("agency", "id") + LINE), mapped(agency={"code": ""}))
    with pytest.raises(InvalidInput, match="vacío"):
        refuse(csv_file(tmp_path, ""), mapped())
    with pytest.raises(InvalidInput, match="UTF-16"):
        refuse(csv_file(tmp_path, (HEADER + LINE).encode("utf-16-le")), mapped())
    with pytest.raises(InvalidInput, match="di format"):
        refuse(csv_file(tmp_path, "", "rows.xlsx"), mapped())


def test_encodings(tmp_path: Path) -> None:
    path = csv_file(tmp_path, (HEADER + LINE.replace("Un hoyo", "Cañón")).encode("latin-1"))
    assert lines_of(path, mapped(csv={"encoding": "latin-1"}))[0][1][5] == "Cañón"  # type: ignore[index]  # a whole row
    assert lines_of(path)[0][1][5] == "Ca\udcf1\udcf3n"  # type: ignore[index]  # a whole row


@pytest.mark.parametrize("shape", ["list", "wrapped", "lines"])
def test_json_in_its_three_shapes(tmp_path: Path, shape: str) -> None:
    rows = [ROW | {"lon": -99.15, "closed": None, "extra": {"a": [1]}, "id": str(n)} for n in range(300)]
    text = {
        "list": json.dumps(rows, indent=1),
        "wrapped": json.dumps({"service_requests": rows}),
        "lines": "\n".join(json.dumps(row) for row in rows),
    }[shape]
    found = lines_of(csv_file(tmp_path, text, "rows.json"))
    assert [number for number, _ in found] == list(range(1, 301))
    with open_source(tmp_path / "rows.json", mapped()) as source:
        cells = dict(zip(source.columns, found[7][1], strict=True))  # type: ignore[arg-type]  # a whole row
    assert (cells["id"], cells["lon"], cells["closed"]) == ("7", "-99.15", "")


def test_json_larger_than_one_reading(tmp_path: Path) -> None:
    rows = [ROW | {"words": "x" * 5000, "id": str(n)} for n in range(600)]
    assert len(lines_of(csv_file(tmp_path, json.dumps(rows), "rows.json"))) == 600
    with pytest.raises(InvalidInput, match="dañado o cortado"):
        refuse(csv_file(tmp_path, json.dumps(rows)[:-40], "cut.json"))


def test_json_that_holds_something_else(tmp_path: Path) -> None:
    found = lines_of(csv_file(tmp_path, json.dumps([ROW, 7]), "rows.json"))
    assert isinstance(found[1][1], Broken)


@given(
    st.lists(st.fixed_dictionaries({"id": st.text(), "words": st.text()}), max_size=5),
    st.sampled_from(["list", "lines"]),
)
def test_any_json_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], shape: str
) -> None:
    whole = [ROW | row for row in [{"id": "1"}, *rows]]
    text = json.dumps(whole) if shape == "list" else "\n".join(map(json.dumps, whole))
    path = csv_file(tmp_path_factory.mktemp("json"), text, "rows.json")
    with open_source(path, mapped()) as source:
        place = list(source.columns).index("words")
        lines = list(source.lines())
    assert [cells[place] for _, cells in lines if isinstance(cells, list)] == [row["words"] for row in whole]
