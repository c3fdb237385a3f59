"""What a rule is and what it can say of a server.

Texts are Spanish msgids with `{named}` fields; `Rule.sentence` and every detail have their English in `locale/en.po`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from kernel.i18n import translate

if TYPE_CHECKING:
    from atiende.open311_check.visit import Visit


class Level(StrEnum):
    """`must`: the standard's own words. `should`: what clients in use rely on. `extension`: only where the server offers it."""

    MUST = "must"
    SHOULD = "should"
    EXTENSION = "extension"


class Result(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_TRIED = "not_tried"
    """It needs a key or the permission to write."""
    NOT_APPLICABLE = "not_applicable"
    """The server has nothing of the kind, or what the rule starts from failed under a rule of its own."""
    CRASHED = "crashed"
    """A defect of the checker, never of the server."""


@dataclass(frozen=True)
class Verdict:
    """`detail` says what was seen."""

    result: Result
    detail: str = ""
    params: dict[str, object] = field(default_factory=dict)

    def detail_in(self, language: str) -> str:
        return translate(language, self.detail, **self.params)


class Settled(Exception):
    """Ends a check from inside a helper with this verdict."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.detail)
        self.verdict = verdict


PASSED = Verdict(Result.PASSED)


def failed(detail: str, **params: object) -> Settled:
    """To be raised: the server breaks the rule."""
    return Settled(Verdict(Result.FAILED, detail, params))


def not_applicable(detail: str, **params: object) -> Settled:
    """To be raised: there is nothing here to judge."""
    return Settled(Verdict(Result.NOT_APPLICABLE, detail, params))


def not_tried(detail: str, **params: object) -> Settled:
    """To be raised: we were not allowed to look."""
    return Settled(Verdict(Result.NOT_TRIED, detail, params))


@dataclass(frozen=True)
class Rule:
    """`id`: `section.what`. `source`: the section of GeoReport v2, or the practice, that it comes from.

    `check` returns when the server keeps the rule and raises `Settled` otherwise.
    """

    id: str
    level: Level
    source: str
    sentence: str
    check: "Callable[[Visit], None]"

    @property
    def section(self) -> str:
        return self.id.partition(".")[0]


MUST, SHOULD, EXTENSION = Level.MUST, Level.SHOULD, Level.EXTENSION
