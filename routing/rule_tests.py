"""Examples that a rule set must get right: a point, a service and answers, and who it should be. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from georef.points import LonLat
from kernel.errors import AtiendeError, InvalidInput
from routing.decide import RuleBook
from routing.places import Layer
from routing.receipts import decide
from routing.situation import Question

OUTSIDE, DEFAULT = "outside", "default"
# Tests ask who, not by when.
_PROMISE = {"amount": 1, "unit": "days"}


@dataclass(frozen=True, slots=True)
class RuleTest:
    """`expects`: an agency's code, `outside` (nobody of this city) or `default` (no rule, so the default agency).

    `at`: the instant it is asked for, None for the day on which the set comes into force. `answers`: accepted by attribute code.
    """

    code: str
    service_code: str
    expects: str
    lon: float | None = None
    lat: float | None = None
    service_group: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None
    note: str = ""
    source: str = ""

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "RuleTest":
        """A test as a rule set keeps it."""
        at = kept.get("at")
        return cls(**{**kept, "at": datetime.fromisoformat(at) if at else None})

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "answers": {code: self.answers[code] for code in sorted(self.answers)},
            "at": self.at.isoformat() if self.at else None,
        }


@dataclass(frozen=True, slots=True)
class TestResult:
    """`got`: in the words of `expects`; `rule_code`: which rule said so. `error`: why nothing could be decided."""

    __test__ = False  # not one of pytest's

    test: RuleTest
    got: str
    rule_code: str | None = None
    error: str = ""

    @property
    def passed(self) -> bool:
        return not self.error and self.got == self.test.expects


def run(book: RuleBook, layers: Mapping[str, Layer], tests: Iterable[RuleTest], at: datetime) -> list[TestResult]:
    """The result of each test, in order; `at` for those that name no instant of their own."""
    return [_run(book, layers, test, test.at or at) for test in tests]


def _run(book: RuleBook, layers: Mapping[str, Layer], test: RuleTest, at: datetime) -> TestResult:
    point = LonLat(test.lon, test.lat) if test.lon is not None and test.lat is not None else None
    question = Question(test.service_code, test.service_group, _PROMISE, point, None, at, answers=test.answers)
    try:
        decision = decide(book, layers, question)
    except AtiendeError as error:
        return TestResult(test, "", error=error.public_text())
    except Exception as error:  # whatever a rule does wrong is the result of its test
        return TestResult(test, "", error=f"{type(error).__name__}: {error}")
    if decision.outcome == OUTSIDE:
        return TestResult(test, OUTSIDE)
    if decision.outcome == DEFAULT and test.expects == DEFAULT:
        return TestResult(test, DEFAULT)
    return TestResult(test, decision.agency_code or "", decision.rule_code)


def failures(results: Iterable[TestResult]) -> list[TestResult]:
    return [result for result in results if not result.passed]


def in_lines(failed: Iterable[TestResult]) -> str:
    """One line for each test that fails: what it expects and what came."""
    return "\n".join(
        f"{result.test.code}: {result.test.service_code} {_place(result.test)} → {result.test.expects}; "
        f"{result.error or result.got}{f' ({result.rule_code})' if result.rule_code else ''}"
        for result in failed
    )


def _place(test: RuleTest) -> str:
    return f"{test.lon:.5f} {test.lat:.5f}" if test.lon is not None and test.lat is not None else "–"


class TestsFail(InvalidInput):
    """A rule set that does not pass its own tests; `results` are those that fail."""

    __test__ = False  # not one of pytest's

    def __init__(self, results: Sequence[TestResult]) -> None:
        super().__init__("Estas pruebas no se cumplen, y nada cambió:\n{lines}", field="tests", lines=in_lines(results))
        self.results = tuple(results)
