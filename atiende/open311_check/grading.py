"""Goes through the rules of a visit, and sums up."""

import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from atiende.open311_check.verdicts import MUST, PASSED, Result, Rule, Settled, Verdict
from atiende.open311_check.visit import Visit


@dataclass(frozen=True)
class Grade:
    rule: Rule
    verdict: Verdict


@dataclass(frozen=True)
class Report:
    """The outcome of one visit. `is_reachable`: whether anything that is HTTP ever came back."""

    root: str
    grades: tuple[Grade, ...]
    questions: int
    is_reachable: bool

    def count(self, result: Result, *levels: str) -> int:
        return sum(g.verdict.result is result and (not levels or g.rule.level in levels) for g in self.grades)

    @property
    def failures(self) -> int:
        """Broken `must` rules."""
        return self.count(Result.FAILED, MUST)

    @property
    def has_full_marks(self) -> bool:
        """Everything tried and passed, but for what the server need not have."""
        bad = (Result.FAILED, Result.CRASHED, Result.NOT_TRIED)
        return self.is_reachable and not any(self.count(result) for result in bad)

    @property
    def exit_code(self) -> int:
        if not self.is_reachable or self.count(Result.CRASHED):
            return 2
        return 1 if self.failures else 0

    @property
    def by_result(self) -> dict[str, dict[str, int]]:
        """level -> result -> count."""
        found: dict[str, Counter[str]] = {}
        for grade in self.grades:
            found.setdefault(grade.rule.level.value, Counter())[grade.verdict.result.value] += 1
        return {level: dict(counts) for level, counts in found.items()}


def grade(visit: Visit, rules: Sequence[Rule], *, tell: Callable[[Grade], None] = lambda _: None) -> Report:
    """`tell` hears of each grade as it is given. A rule that breaks down is recorded as CRASHED, and the others go on."""
    grades = []
    for rule in rules:
        grades.append(Grade(rule, judge(rule, visit)))
        tell(grades[-1])
        # Nobody is there: a hundred more questions would be a hundred more time-outs.
        if len(visit.exchanges) >= _GIVE_UP_AFTER and not any(e.status for e in visit.exchanges.values()):
            break
    reachable = any(exchange.status for exchange in visit.exchanges.values())
    return Report(visit.root, tuple(grades), len(visit.exchanges), reachable)


_GIVE_UP_AFTER = 4


def judge(rule: Rule, visit: Visit) -> Verdict:
    try:
        rule.check(visit)
    except Settled as settled:
        return settled.verdict
    except Exception as error:  # our own defect: the person still gets the rest of the table
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__}: {error} ({place.filename.rpartition('/')[2]}:{place.lineno})"
        return Verdict(Result.CRASHED, "defecto de este programa: {where}", {"where": where[:300]})
    return PASSED
