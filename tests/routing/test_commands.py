"""`where` and `route` as people call them, against a database of their own that the tiny city was committed to."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from atiende import cli
from kernel import crypto, db
from kernel.crypto import Vault
from routing import queries
from tests.conftest import make_database
from tests.factories import IN_NORTE, IN_SUR, OUTSIDE, make_city

pytestmark = pytest.mark.database
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def installation(request: pytest.FixtureRequest) -> Iterator[str]:
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    url = make_database(f"commands_{worker}")
    engine = db.make_engine(url)
    crypto.configure(Vault(b"d" * 32, b"l" * 32))
    db.configure(engine)
    with db.transaction() as session:
        make_city(session)
    db.configure(None)
    crypto.configure(None)
    yield url
    engine.dispose()
    queries.clear_caches()


@pytest.fixture
def command(installation: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.setenv("DATABASE_URL", installation)
    monkeypatch.delenv("ATIENDE_DATA", raising=False)

    def run(*arguments: Any) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["atiende", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        if db._bind is not None:
            db._bind.dispose()
        db.configure(None)
        printed = capsys.readouterr()
        return int(exit_.value.code or 0), printed.out, printed.err

    return run


def test_where_names_every_layers_area(command: Command) -> None:
    code, out, _ = command("where", *IN_NORTE)
    answer = json.loads(out)
    assert code == 0
    assert [area["code"] for area in answer["layers"]["district"]] == ["N"]
    assert [area["code"] for area in answer["layers"]["colonia"]] == ["N-01"]


def test_route_prints_the_receipt(command: Command) -> None:
    code, out, _ = command("route", *IN_SUR, "--service", "BACHE", "--at", "2026-11-19T13:00:00-06:00")
    receipt = json.loads(out)
    assert code == 0
    assert receipt["agency"]["code"] == "ALC-S"
    assert receipt["due"]["at"] == "2026-11-27T00:00:00Z"


def test_route_hears_answers_and_replies(command: Command) -> None:
    code, out, err = command("route", *IN_SUR, "--service", "LUMINARIA", "--answers", "TIPO_FALLA=parpadea")
    assert (code, json.loads(out)["answers"]) in ((0, {}), (0, {"TIPO_FALLA": "parpadea"})), err
    code, out, err = command("route", *IN_SUR, "--service", "BACHE", "--settled", "district=N")
    receipt = json.loads(out)
    assert (code, receipt["agency"]["code"], receipt["settled"]) == (0, "ALC-N", {"district": "N"}), err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("where", 19.42, -99.15), "primero va la longitud"),
        (("where", "nan", 19.4), "longitud debe estar"),
        (("route", *IN_SUR, "--service", "NADA"), "NADA"),
        (("route", *IN_SUR, "--service", "BACHE", "--jurisdiction", "otra"), "otra"),
        (("route", *IN_SUR, "--service", "BACHE", "--at", "ayer"), "ayer"),
        (("route", *IN_SUR, "--service", "BACHE", "--at", "9999-12-31T23:59"), "9999"),
        (("route", *IN_SUR, "--service", "BACHE", "--at", "0001-01-01T00:00"), "0001"),
        (("route", *IN_SUR, "--service", "LUMINARIA", "--answers", "NADA=1"), "NADA"),
        (("route", *IN_SUR, "--service", "LUMINARIA", "--answers", "TIPO_FALLA=zzz"), "TIPO_FALLA"),
        (("route", *IN_SUR, "--service", "LUMINARIA", "--answers", "TIPO_FALLA"), "CLAVE=VALOR"),
        (("route", *IN_SUR, "--service", "BACHE", "--settled", "district=XX"), "district=XX"),
        (("route", "--csv", "no-hay.csv", "--out", "x.csv"), "no-hay.csv"),
    ],
)
def test_mistakes_are_one_line_per_language_and_exit_code_1(
    command: Command, arguments: tuple[Any, ...], says: str
) -> None:
    code, out, err = command(*arguments)
    assert (code, out) == (1, "")
    assert says in err
    assert err.count("\n") == 2


def test_a_file_is_routed_and_bad_rows_do_not_stop_it(command: Command, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    rows = [
        ("1", *IN_NORTE, "BACHE", "2026-11-19 13:00"),
        ("2", *IN_SUR, "FUGA", ""),
        ("3", *OUTSIDE, "BACHE", ""),
        ("4", 19.4, -99.1, "BACHE", ""),
        ("5", "", 19.4, "BACHE", ""),
        ("6", *IN_SUR, "NADA", ""),
        ("7", "nan", 19.4, "BACHE", ""),
        ("8", -99.15, 19.40, "BACHE", "2026-11-19T13:00:00-06:00"),
        ("9", *IN_SUR, "BACHE", "mañana"),
    ]
    with source.open("w", newline="") as file:
        csv.writer(file).writerows([("folio", "lon", "lat", "service_code", "at"), *rows])
    code, out, err = command("route", "--csv", source, "--out", target)
    assert code == 0, err
    assert json.loads(out) == {"rows": 9, "assigned": 3, "default": 0, "outside": 1, "errors": 5}
    with target.open(newline="") as file:
        answers = {row["folio"]: row for row in csv.DictReader(file)}
    assert answers["1"]["agency"] == "ALC-N"
    assert (answers["1"]["district"], answers["1"]["colonia"]) == ("N", "N-01")
    assert answers["1"]["due"] == "2026-11-27T00:00:00Z"
    assert (answers["2"]["agency"], answers["2"]["rule"]) == ("AGUAS", "AGUA-1")
    assert (answers["3"]["outcome"], answers["3"]["agency"]) == ("outside", "")
    assert answers["8"]["district"] == "N|S"
    for folio in "45679":
        assert answers[folio]["error"], folio
        assert answers[folio]["lon"] == str(next(row[1] for row in rows if row[0] == folio))


def test_a_file_that_cannot_be_written_says_so_and_leaves_nothing(command: Command, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("lon,lat,service_code\n-101.4184,21.8780,FUGA\n")
    target = tmp_path / "missing" / "out.csv"
    code, _, err = command("route", "--csv", source, "--out", target)
    assert code == 1
    assert "Traceback" not in err
    assert f"{target} could not be written: No such file or directory." in err
    assert list(tmp_path.iterdir()) == [source]
