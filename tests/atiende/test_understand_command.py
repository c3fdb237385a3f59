"""`atiende understand` as programs call it: five facts of one message, or of every row of a file."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session
from typer.testing import CliRunner

from atiende.cli import app
from atiende.commands import place
from intake.city_folder.load import import_folder
from kernel.errors import AtiendeError, InvalidInput, NotFound
from tests.house import ROOT

pytestmark = pytest.mark.database
NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def city(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "connect", lambda: None)  # the test's own connection
    import_folder(session, ROOT / "cities/jacaranda", now=NOW)
    import_folder(session, ROOT / "cities/encinos", now=NOW)


def printed(*arguments: object) -> dict[str, object]:
    result = CliRunner().invoke(app, ["understand", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    facts: dict[str, object] = json.loads(result.stdout)
    return facts


def refused(*arguments: object) -> AtiendeError:
    result = CliRunner().invoke(app, ["understand", *map(str, arguments)])
    assert isinstance(result.exception, AtiendeError), result.output
    assert result.exception.public_text("en") != result.exception.public_text("es")
    return result.exception


def test_one_message_prints_five_facts_and_why() -> None:
    facts = printed("hay una fuga d agua en Juárez y Balderas", "--jurisdiction", "jacaranda.gob.example")
    assert list(facts) == ["language", "emergency", "intent", "services", "place"]
    services = facts.pop("services")
    assert facts == {"language": "es", "emergency": False, "intent": "report", "place": "Juárez y Balderas"}
    assert isinstance(services, list)
    assert len(services) <= 3
    assert services[0] == {
        "code": "FUGA",
        "name": "Fuga de agua en la calle",
        "score": services[0]["score"],
        "why": ["fuga agua → fuga agua (keyword, word)"],
    }
    assert 70 <= services[0]["score"] <= 100


def test_danger_has_a_kind_and_english_is_answered_in_english() -> None:
    facts = printed("I", "can", "smell", "gas", "and", "there", "is", "a", "pothole")
    assert facts["emergency"] == "gas"
    assert facts["language"] == "en"
    assert isinstance(facts["services"], list)
    assert facts["services"][0]["name"] == "Pothole"


def test_the_city_decides_what_there_is() -> None:
    encinos = "encinos.gob.example"
    facts = printed("no pasa el semáforo, hay un hoyo", "--jurisdiction", encinos)
    assert isinstance(facts["services"], list)
    assert [service["code"] for service in facts["services"]] == ["BACHE"]


def test_a_file_keeps_its_columns_and_gains_ours(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('\ufeffid,text,intent\n1,"hay un bache, grande",x\n2,huele a gas,y\n3,,z\n4\n', encoding="utf-8")
    counts = printed("--csv", source, "--out", target)
    assert counts == {"rows": 4, "emergencies": 1, "intents": {"report": 2, "unknown": 2}}
    rows = list(csv.DictReader(target.read_text().splitlines()))
    assert [(row["id"], row["intent"]) for row in rows] == [("1", "x"), ("2", "y"), ("3", "z"), ("4", "")]
    assert [row["service_code"] for row in rows] == ["BACHE", "", "", ""]
    assert [row["emergency"] for row in rows] == ["", "gas", "", ""]
    assert [row["understood_intent"] for row in rows] == ["report", "report", "unknown", "unknown"]
    assert rows[0]["why"] == "bache → bache (keyword, word)"


def test_a_file_of_json_lines_has_the_facts_as_they_are_printed(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.jsonl"
    source.write_text("text,from\nbache en niebla y sabinos,Rosa\n")
    printed("--csv", source, "--out", target)
    (line,) = target.read_text().splitlines()
    row = json.loads(line)
    assert row["from"] == "Rosa"
    assert {key: row[key] for key in ("language", "emergency", "intent", "services", "place")} == printed(row["text"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "vac"),
        (b"\n\n", "vac"),
        (b"id,words\n1,bache\n", "text"),
        ("text\nmañana\n".encode("latin-1"), "UTF-8"),
        (b'text\n"' + b"a" * 200_000 + b'"\n', "CSV"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(tmp_path: Path, content: bytes, says: str) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(content)
    error = refused("--csv", source, "--out", target)
    assert isinstance(error, InvalidInput)
    assert says in error.public_text()
    assert list(tmp_path.iterdir()) == [source]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    assert isinstance(refused(), InvalidInput)
    assert isinstance(refused("   "), InvalidInput)
    assert isinstance(refused("--csv", tmp_path / "in.csv"), InvalidInput)
    assert isinstance(refused("--csv", tmp_path / "none.csv", "--out", tmp_path / "out.csv"), NotFound)
    assert isinstance(refused("bache", "--jurisdiction", "nadie"), NotFound)
    (tmp_path / "in.csv").write_text("text\nbache\n")
    assert isinstance(refused("--csv", tmp_path / "in.csv", "--out", tmp_path / "no/out.csv"), InvalidInput)
    assert isinstance(refused("bache", "--csv", tmp_path / "in.csv", "--out", tmp_path / "out.csv"), InvalidInput)
    assert not (tmp_path / "out.csv").exists()
