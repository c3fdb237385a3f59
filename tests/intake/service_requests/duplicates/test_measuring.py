"""Precision and recall of decided pairs, and the command that prints them."""

import pytest
from sqlmodel import Session
from typer.testing import CliRunner

from atiende.cli import app
from intake.service_requests.duplicates import deciding
from intake.service_requests.duplicates.measuring import Decided, by_threshold, decided_pairs
from kernel import clock
from tests.factories import CITY, make_city
from tests.intake.service_requests.duplicates.cast import report


def test_precision_and_recall_by_threshold() -> None:
    pairs = [Decided(0.9, True, "staff"), Decided(0.7, False, "resident"), Decided(0.4, True, "resident")]
    high, low, none = by_threshold(pairs, (0.6, 0.3, 0.95))
    assert (high.precision, high.recall) == (0.5, 0.5)
    assert (low.precision, low.recall) == (2 / 3, 1.0)
    assert (none.precision, none.recall) == (None, 0.0)
    assert by_threshold([], (0.5,))[0].recall is None


@pytest.mark.database
def test_of_each_pair_the_newest_word_counts(session: Session) -> None:
    make_city(session)
    one, two, three = report(session), report(session), report(session)
    words = [(one, "found", "system"), (one, "other", "resident"), (one, "same", "staff"), (two, "same", "staff")]
    for candidate, decision, by in [*words, (two, "undone", "staff")]:
        shown = [deciding.Shown(candidate.id, 0.8)]
        deciding.record(session, CITY, shown, decision, by, service_request_id=three.id, now=clock.now())  # type: ignore[arg-type]  # its words
    assert sorted(pair.is_same for pair in decided_pairs(session, CITY)) == [False, True]
    assert decided_pairs(session, "otra.example") == []


def test_the_command_is_there() -> None:
    assert CliRunner().invoke(app, ["duplicates", "evaluate", "--help"]).exit_code == 0
