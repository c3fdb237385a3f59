"""What became of a past request: when the agency moved, how it ended, whether somebody protested. Pure, from chance alone."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

_OUTCOMES = (
    ("resolved", 0.82),
    ("not_found", 0.06),
    ("private_property", 0.03),
    ("duplicate", 0.03),
    ("no_further_action", 0.04),
    ("cancelled_by_resident", 0.02),
)
_FRESH = timedelta(days=8)
_REOPENED = {
    False: 0.05,
    True: 0.2,
}  # by whether it was closed just now: a demo without one open protest shows too little
_ABANDONED = 0.012  # never closed by anybody: what a supervisor looks for
# However badly it went, somebody closes the oldest ones: no list of a real centre leads with last year's.
_FORGIVEN = timedelta(days=100)
_CONFIRMATION = timedelta(hours=72)


@dataclass(frozen=True)
class Step:
    """One event of the story, as `intake.service_requests.events` names them."""

    at: datetime
    name: str
    audience: str
    actor_kind: str
    note: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Life:
    """The story after the routing, and the state it leads to at its end."""

    steps: Sequence[Step]
    life: str
    outcome_code: str | None
    closed_at: datetime | None
    handover: str
    notes: str


def live(
    chance: random.Random,
    start: datetime,
    due: datetime,
    until: datetime,
    notes: Sequence[str],
    words: Mapping[str, Any],
) -> Life:
    """The story of a request made at `start` and promised for `due`, as it stands at `until`."""
    promised = max(due - start, timedelta(hours=2))
    # Most are done in time, about three in ten late, a few very late.
    delay = promised * min(6.0, chance.lognormvariate(-0.35, 0.62))
    is_abandoned = chance.random() < _ABANDONED and until - start < _FORGIVEN
    closes = until + timedelta(days=1) if is_abandoned else start + min(delay, promised + _FORGIVEN)
    steps: list[Step] = []
    state = "new"

    def move(at: datetime, life: str, actor: str, note: str, outcome: str | None = None) -> None:
        nonlocal state
        data = {"life": life, "before": state, "outcome_code": outcome}
        steps.append(Step(at.replace(microsecond=0), "status_changed", "public", actor, note, data))
        state = life

    begins = start + delay * chance.uniform(0.08, 0.5)
    if begins < until:
        move(begins, "in_progress", "agency", chance.choice(words["progress"]))
    # Those still open wait for an answer more often: that is why they are open.
    if chance.random() < (0.05 if closes < until else 0.16) and begins < until:
        asked = begins + (closes - begins) * chance.uniform(0.1, 0.4)
        if asked < until:
            move(asked, "waiting_resident", "agent", chance.choice(words["waiting"]))
            answered = asked + timedelta(hours=chance.uniform(2, 90))
            if answered < min(until, closes):
                move(answered, "in_progress", "agency", "")
    outcome: str | None = None
    closed_at: datetime | None = None
    if closes < until:
        outcome = _outcome(chance)
        note = chance.choice(notes if outcome == "resolved" else words["outcomes"][outcome])
        move(closes, "closed", "resident" if outcome == "cancelled_by_resident" else "agency", note, outcome)
        closed_at = closes.replace(microsecond=0)
        protested = closes + _CONFIRMATION * chance.uniform(0.05, 0.95)
        is_fresh = until - closes < _FRESH
        if outcome in ("resolved", "not_found") and chance.random() < _REOPENED[is_fresh] and protested < until:
            move(protested, "reopened", "resident", chance.choice(words["still"]))
            outcome = closed_at = None
            back = protested + promised * chance.uniform(0.1, 0.3)
            done = protested + promised * chance.uniform(0.4, 1.2)
            if back < until:
                move(back, "in_progress", "agency", chance.choice(words["progress"]))
            if done < until:
                outcome, closed_at = "resolved", done.replace(microsecond=0)
                move(done, "closed", "agency", chance.choice(notes), outcome)
    handover = "accepted" if state != "new" else chance.choice(["sent", "sent", "accepted", "pending"])
    public = [step.note for step in steps if step.note]
    return Life(steps, state, outcome, closed_at, handover, public[-1] if public else "")


def _outcome(chance: random.Random) -> str:
    codes = [code for code, _ in _OUTCOMES]
    return chance.choices(codes, [share for _, share in _OUTCOMES])[0]
