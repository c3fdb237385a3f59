"""Who said "the same" or "another", of what, and how likely it was then: written down, read back, and measured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlmodel import Session

from intake.service_requests.duplicates.lookup import Found
from intake.service_requests.duplicates.models import DuplicateDecision
from kernel.inserts import insert_together
from kernel.rows import fresh, load

Decision = Literal["found", "same", "other", "undone"]
Decider = Literal["system", "resident", "staff"]

_ABOUT = """
    WHERE service_request_id = $1 OR (candidate_id = $1 AND service_request_id IS NOT NULL) ORDER BY id LIMIT 500
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A candidate as somebody saw it: the `position`-th of `shown`."""

    candidate_id: UUID
    score: float
    parts: Mapping[str, Any] = field(default_factory=dict)
    position: int = 1
    shown: int = 1

    def to_json(self) -> dict[str, Any]:
        return {
            "id": str(self.candidate_id),
            "score": self.score,
            "parts": dict(self.parts),
            "position": self.position,
            "shown": self.shown,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Shown":
        """Raises KeyError, ValueError for anything that `to_json` did not write."""
        return cls(
            UUID(values["id"]), float(values["score"]), values["parts"], int(values["position"]), int(values["shown"])
        )


def as_shown(found: Sequence[Found]) -> list[Shown]:
    return [
        Shown(one.id, round(one.likeness.score, 4), one.likeness.to_json(), position, len(found))
        for position, one in enumerate(found, start=1)
    ]


def record(
    session: Session,
    jurisdiction_id: str,
    shown: Iterable[Shown],
    decision: Decision,
    decided_by: Decider,
    *,
    now: datetime,
    service_request_id: UUID | None = None,
    report_id: UUID | None = None,
    name: str = "",
    channel: str = "",
) -> None:
    """One row for each pair: what was shown, and the request or the report that it was compared with."""
    rows = [
        fresh(
            DuplicateDecision,
            jurisdiction_id=jurisdiction_id,
            candidate_id=one.candidate_id,
            service_request_id=service_request_id,
            report_id=report_id,
            decision=decision,
            decided_by=decided_by,
            decided_name=name,
            channel=channel,
            score=one.score,
            parts=dict(one.parts),
            position=one.position,
            shown=one.shown,
            at=now,
        )
        for one in shown
    ]
    if rows:
        insert_together(session, rows[0], rows[1:])


def pairs_of(session: Session, service_request_id: UUID) -> dict[UUID, DuplicateDecision]:
    """The decision in force about this request and each other one, by the other's id, whichever of the two came first."""
    found: dict[UUID, DuplicateDecision] = {}
    for row in load(session, DuplicateDecision, _ABOUT, [service_request_id]):
        other = row.candidate_id if row.service_request_id == service_request_id else row.service_request_id
        assert other is not None
        found[other] = row
    return found
