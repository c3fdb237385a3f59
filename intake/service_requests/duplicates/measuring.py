"""How good the score is: precision and recall by threshold, of pairs that somebody has decided on. Pure but for one reading."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import Session

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(6, 20))

# Of each pair the newest word counts; `undone` means that it was not the same after all.
_DECIDED = text("""
    SELECT score, decision = 'same' AS is_same, decided_by FROM (
        SELECT DISTINCT ON (COALESCE(service_request_id, report_id), candidate_id) score, decision, decided_by
        FROM duplicate_decision
        WHERE jurisdiction_id = :city AND decision <> 'found'
        ORDER BY COALESCE(service_request_id, report_id), candidate_id, id DESC
    ) AS word ORDER BY score DESC
""")


@dataclass(frozen=True, slots=True)
class Decided:
    """One pair: how likely it was when it was shown, and whether it was the same. by: resident or staff."""

    score: float
    is_same: bool
    by: str


@dataclass(frozen=True, slots=True)
class Line:
    """At this threshold: pairs at or above it, how many of them were the same, and of all that were the same."""

    threshold: float
    shown: int
    same: int
    all_same: int

    @property
    def precision(self) -> float | None:
        return self.same / self.shown if self.shown else None

    @property
    def recall(self) -> float | None:
        return self.same / self.all_same if self.all_same else None


def decided_pairs(session: Session, jurisdiction_id: str) -> list[Decided]:
    """Every pair of the city that somebody has decided on, likeliest first."""
    rows = session.connection().execute(_DECIDED, {"city": jurisdiction_id})
    return [Decided(score, is_same, by) for score, is_same, by in rows]


def by_threshold(pairs: Sequence[Decided], thresholds: Sequence[float] = THRESHOLDS) -> list[Line]:
    """One line for each threshold. Recall is of the pairs that were shown or merged by hand: what nobody saw is in no line."""
    all_same = sum(pair.is_same for pair in pairs)
    lines = []
    for threshold in thresholds:
        above = [pair for pair in pairs if pair.score >= threshold]
        lines.append(Line(threshold, len(above), sum(pair.is_same for pair in above), all_same))
    return lines
