"""The clocks of a past request of the demo: its promise, when it stood still, and the steps that have been recorded. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from atiende.demo.lives import Life, Step
from intake.catalog.definitions import ServiceDefinition
from intake.service_requests import lifecycle, promises
from intake.service_requests.clock_models import CLOSED, WAITING
from kernel.ids import new_id
from routing.clocks import Clock, Pause, Terms, Watched, coming
from routing.values import RoutingDecision

_CITY = ("agent", "agency")


@dataclass(frozen=True)
class Clocks:
    """Columns of the request, rows of its pauses and recorded steps, and the events of these steps."""

    columns: dict[str, Any]
    pauses: Sequence[dict[str, Any]] = ()
    recorded: Sequence[dict[str, Any]] = ()
    steps: Sequence[Step] = ()


def clocks_of(
    definition: ServiceDefinition, decision: RoutingDecision, story: Life, *, start: datetime, until: datetime
) -> Clocks:
    """What the program would have kept of this story."""
    columns = promises.made(definition, decision, start)
    if not columns or decision.calendar is None:
        return Clocks({})
    words = [step.at for step in story.steps if step.name == "status_changed" and step.actor_kind in _CITY]
    stops = _stops(story)
    pauses = tuple(Pause(began, ended) for _, began, ended in stops)
    terms = Terms.parse(definition.terms_content)
    clock = Clock(terms.resolution, decision.calendar, start)
    paused_at = stops[-1][1] if stops and stops[-1][2] is None else None
    watched = Watched(
        terms,
        decision.calendar,
        start,
        max([start, *words, *(step.at for step in story.steps if step.data.get("life") == lifecycle.REOPENED)]),
        is_answered=bool(words),
        is_paused=paused_at is not None,
        pauses=pauses,
    )
    following = coming(watched, definition.steps) if story.closed_at is None else []
    silence = watched.clock("silence") if story.closed_at is None else None
    columns |= {
        "expected_at": clock.due(pauses),
        "first_answered_at": min(words, default=None),
        "last_word_at": watched.last_word_at,
        "silence_due_at": silence.due() if silence else None,
        "paused_at": paused_at,
        "next_step_at": min((one.at for one in following if one.at > until), default=None),
    }
    past = [one for one in following if one.at <= until]
    return Clocks(
        columns,
        [
            {"id": new_id(), "reason": reason, "started_at": began, "started_by_kind": "agent", "started_by": "",
             "ended_at": ended, "ended_by_kind": "resident" if ended else None, "ended_by": "" if ended else None,
             "counted_s": int(clock.between(began, ended).total_seconds()) if ended else None,
             "expected_before": None, "expected_after": None}
            for reason, began, ended in stops
        ],
        [{"key": one.key, "step": one.step.code, "due_at": one.at, "at": one.at} for one in past],
        [
            Step(one.at, "escalated", "agency" if "agency" in one.step.tells else "internal", "system", "",
                 {"step": one.step.code, "of": one.step.of, "share": one.step.share, "name": dict(one.step.name),
                  "tells": list(one.step.tells), "due": one.at.isoformat()})
            for one in past
        ],
    )  # fmt: skip


def _stops(story: Life) -> list[tuple[str, datetime, datetime | None]]:
    """(reason, from, to) of each time the clock stood still."""
    stops: list[tuple[str, datetime, datetime | None]] = []
    began: tuple[str, datetime] | None = None
    for step in story.steps:
        if step.name != "status_changed":
            continue
        life = step.data.get("life")
        if began is not None:
            stops.append((*began, step.at))
            began = None
        if life == lifecycle.WAITING:
            began = (WAITING, step.at)
        elif life == lifecycle.CLOSED:
            began = (CLOSED, step.at)
    if began is not None and began[0] == WAITING:
        stops.append((*began, None))
    return stops
