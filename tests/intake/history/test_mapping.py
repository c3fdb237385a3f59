from pathlib import Path

import pytest

from intake.history.mapping import parse_map, read_map
from kernel.errors import InvalidInput, NotFound
from tests.house import ROOT
from tests.intake.history.conftest import RAW

EXAMPLES = sorted((ROOT / "docs/examples").glob("*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_maps(path: Path) -> None:
    assert read_map(path).needed


@pytest.mark.parametrize(
    ("part", "value", "problem"),
    [
        ("sources", "x", "sources: no existe esa clave"),
        ("fields", {"description": "words"}, "fields.source_id: falta"),
        ("fields", {"source_id": "id", "wrods": "x"}, "fields.wrods: no existe esa clave"),
        ("status", {"column": "status", "codes": {"Open": "opened"}}, "«opened» no es un estado"),
        ("status", {"column": "status", "outcome": "fixed"}, "«closed:fixed» no es un estado"),
        ("status", {"codes": {}}, "hace falta column o code"),
        ("service", {"codes": {}}, "hace falta column o code"),
        ("csv", {"encoding": "utf-99"}, "no existe esa codificación"),
        ("point", {"lon": "x", "lat": "y", "crs": "EPSG:1"}, "no existe ese sistema"),
        ("dates", {"requested": "opened", "ambiguous": "maybe"}, "dates.ambiguous"),
    ],
)
def test_what_is_wrong_with_a_map_is_named(part: str, value: object, problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_map(RAW | {part: value})
    assert problem in str(caught.value)


@pytest.mark.parametrize("field", ["email", "phone", "first_name", "Last_Name", "account_id"])
def test_contact_columns_are_refused(field: str) -> None:
    with pytest.raises(InvalidInput, match="contacto no se importan"):
        parse_map(RAW | {"fields": {"source_id": "id", field: "x"}})
    with pytest.raises(InvalidInput, match="contacto no se importan"):
        parse_map(RAW | {"constants": {field: "x"}})


def test_files_that_are_no_map(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_map(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = [")
    with pytest.raises(InvalidInput, match="TOML"):
        read_map(tmp_path / "bad.toml")
