"""`atiende classifier` as people run it."""

import json
from datetime import timedelta

import pytest
from sqlmodel import Session
from typer.testing import CliRunner

from atiende.cli import app
from atiende.commands import place
from georef.points import LonLat
from intake.service_requests.actions import submit
from intake.service_requests.values import Submission
from kernel.errors import AtiendeError
from tests.factories import CITY, IN_NORTE, NOW, make_city
from tests.intake.classifier.test_runs import examples

pytestmark = pytest.mark.database


@pytest.fixture(autouse=True)
def city(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "connect", lambda: None)  # the test's own connection
    make_city(session)
    for number, example in enumerate(examples()):
        at = NOW - timedelta(hours=number)
        submit(
            session, Submission(CITY, example.code, "web", point=LonLat(*IN_NORTE), description=example.text), now=at
        )


def ran(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_it_is_trained_looked_at_used_and_put_away() -> None:
    run = json.loads(ran("classifier", "train", "--threshold", "0.7"))
    assert run["in_use"] is False
    assert run["held_back"]["classifier"]["first"] == 1.0
    text = "es un arroyo limpio"
    assert json.loads(ran("understand", text))["services"] == []
    assert ran("classifier", "use", run["id"]) == f"{CITY}: {run['id']}\n"
    (service,) = json.loads(ran("understand", text))["services"]
    assert service["code"] == "FUGA"
    assert "(classifier, model)" in service["why"][0]
    assert [one["in_use"] for one in json.loads(ran("classifier", "list"))] == [True]
    assert ran("classifier", "off") == f"{CITY}: off\n"
    assert json.loads(ran("understand", text))["services"] == []


@pytest.mark.parametrize(
    "arguments",
    [("use", "no-id"), ("use", "0199a7b0-0000-7000-8000-000000000000"), ("list", "--jurisdiction", "nadie")],
)
def test_what_cannot_be_is_said(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["classifier", *arguments])
    assert isinstance(result.exception, AtiendeError)
    assert result.exception.public_text("en") != result.exception.public_text("es")
