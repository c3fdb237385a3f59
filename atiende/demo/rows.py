"""Past requests as rows: gathered in memory, written in a COPY for each table."""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb
from sqlalchemy import Table, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Session, SQLModel

from atiende.demo.clocks import clocks_of
from atiende.demo.lives import Life, Step
from atiende.demo.told import Spot
from intake.catalog.definitions import ServiceDefinition
from intake.changes.numbering import number_history
from intake.people.models import ContactPoint
from intake.service_requests import published
from intake.service_requests.clock_models import RequestEscalation, RequestPause
from intake.service_requests.models import Report, RoutingDecisionRow, ServiceRequest, ServiceRequestEvent
from kernel import crypto
from routing.values import RoutingDecision

_ACTORS = {"open311": "api", "phone": "agent", "counter": "agent"}
_OPERATORS = ("Marisol Reyes", "Iván Soto", "Rosa Cruz", "Lucía Paz")


_NO_CLOCKS: dict[str, Any] = dict.fromkeys(
    (
        "promise",
        "first_answer_due_at",
        "first_answered_at",
        "last_word_at",
        "silence_due_at",
        "paused_at",
        "next_step_at",
    )
)


class Rows:
    """The rows of one history, oldest request first."""

    def __init__(
        self, session: Session, jurisdiction_id: str, count: int, chance: random.Random, zone: ZoneInfo
    ) -> None:
        self.session, self.jurisdiction_id, self.chance, self.zone = session, jurisdiction_id, chance, zone
        numbers = session.connection().execute(
            text("SELECT nextval('folio_seq') FROM generate_series(1, :count)"), {"count": count}
        )
        self.numbers = sorted((row[0] for row in numbers), reverse=True)
        self.folios = crypto.vault().folios
        self.requests: list[dict[str, Any]] = []
        self.reports: list[dict[str, Any]] = []
        self.decisions: list[dict[str, Any]] = []
        self.pauses: list[dict[str, Any]] = []
        self.escalations: list[dict[str, Any]] = []
        self.events: list[tuple[datetime, dict[str, Any]]] = []

    def add(
        self,
        definition: ServiceDefinition,
        spot: Spot,
        decision: RoutingDecision,
        story: Life,
        *,
        start: datetime,
        channel: str,
        description: str,
        attributes: Mapping[str, Any],
        contact: ContactPoint | None,
        others: Sequence[tuple[datetime, str, str]],
        until: datetime,
    ) -> None:
        """One request with its reports, its decision, its story up to `until` and its clocks."""
        request_id = self._id(start)
        clocks = clocks_of(definition, decision, story, start=start, until=until)
        for rows, made in ((self.pauses, clocks.pauses), (self.escalations, clocks.recorded)):
            rows += [{"service_request_id": request_id, **row} for row in made]
        steps = sorted([*story.steps, *clocks.steps, *(_joined(at) for at, _, _ in others)], key=lambda step: step.at)
        self.requests.append(
            {
                "id": request_id,
                "jurisdiction_id": self.jurisdiction_id,
                "folio": self.folios.folio(start.astimezone(self.zone).year, self.numbers.pop()),
                "token": f"t-{self.chance.getrandbits(96):024x}" if definition.kind == "batch" else None,
                "service_code": definition.code,
                "channel": channel,
                "language": "es",
                "description": description,
                "address_string": spot.address,
                "lon": spot.point.lon if spot.point else None,
                "lat": spot.point.lat if spot.point else None,
                "precision_m": spot.precision_m,
                "areas": decision.areas,
                "attributes": dict(attributes),
                "media_urls": [],
                "life": story.life,
                "outcome_code": story.outcome_code,
                "status_notes": story.notes,
                "handover": story.handover,
                "agency_code": decision.agency_code,
                "is_public": definition.is_public,
                "report_count": 1 + len(others),
                "requested_at": start,
                "updated_at": max([start, *(step.at for step in steps)]),
                "expected_at": decision.due_at if decision.outcome != "outside" else None,
                "closed_at": story.closed_at,
                "version": 1 + len(steps),
            }
            | published.of_submission(description, spot.address, attributes).columns
            | {"public_status_notes": story.notes}
            | _NO_CLOCKS
            | clocks.columns
        )
        self._report(request_id, start, channel, description, contact)
        for at, other_channel, words in others:
            self._report(request_id, at, other_channel, words, None)
        self.decisions.append(
            {
                "id": self._id(start),
                "service_request_id": request_id,
                "agency_code": decision.agency_code,
                "rule_code": decision.rule_code,
                "rule_set_version": decision.rule_set_version,
                "receipt": decision.receipt,
                "at": start,
            }
        )
        self._story(request_id, start, channel, decision, story, steps)

    def _id(self, at: datetime) -> UUID:
        """A UUID version 7 of that instant, so that ids sort as the requests do."""
        stamp = int(at.timestamp() * 1000)
        chance = self.chance.getrandbits(74)
        return UUID(int=stamp << 80 | 7 << 76 | (chance >> 62) << 64 | 2 << 62 | (chance & (1 << 62) - 1))

    def _report(self, request_id: UUID, at: datetime, channel: str, words: str, contact: ContactPoint | None) -> None:
        self.reports.append(
            {
                "id": self._id(at),
                "service_request_id": request_id,
                "person_id": contact.person_id if contact else None,
                "contact_point_id": contact.id if contact else None,
                "conversation_id": None,
                "channel": channel,
                "words": words,
                "wants_notices": False,
                "at": at,
            }
        )

    def _story(
        self,
        request_id: UUID,
        start: datetime,
        channel: str,
        decision: RoutingDecision,
        story: Life,
        steps: Sequence[Step],
    ) -> None:
        self._event(
            request_id, Step(start, "submitted", "public", _ACTORS.get(channel, "resident"), "", {"channel": channel})
        )
        if decision.outcome == "outside":
            data = {"life": "closed", "outcome_code": "outside_jurisdiction"}
            self._event(request_id, Step(start, "status_changed", "public", "system", story.notes, data))
        else:
            routed = {
                "agency_code": decision.agency_code,
                "agency_name": decision.agency_name,
                "expected_at": decision.due_at.isoformat() if decision.due_at else None,
                "outcome": decision.outcome,
            }
            self._event(request_id, Step(start, "routed", "public", "system", "", routed))
        for step in steps:
            self._event(request_id, step, agency=decision.agency_name or "")

    def _event(self, request_id: UUID, step: Step, agency: str = "") -> None:
        names = {"agency": agency, "agent": self.chance.choice(_OPERATORS)}
        row = {
            "service_request_id": request_id,
            "name": step.name,
            "audience": step.audience,
            "actor_kind": step.actor_kind,
            "actor_name": names.get(step.actor_kind, ""),
            "note": step.note,
            "public_note": step.note if step.audience == "public" else None,
            "data": dict(step.data),
            "at": step.at,
        }
        self.events.append((step.at, row))

    def write(self) -> None:
        """Everything at once. Events get their numbers in the order in which they happened."""
        self._insert(ServiceRequest, self.requests)
        self._insert(Report, self.reports)
        self._insert(RoutingDecisionRow, self.decisions)
        self._insert(RequestPause, self.pauses)
        self._insert(RequestEscalation, self.escalations)
        self.events.sort(key=lambda pair: pair[0])
        self._insert(ServiceRequestEvent, [row for _, row in self.events])
        number_history(self.session, self.jurisdiction_id)

    def _insert(self, model: type[SQLModel], rows: list[dict[str, Any]]) -> None:
        table: Table = model.__table__  # type: ignore[attr-defined]  # SQLModel adds it to table models
        if not rows:
            return
        names = list(rows[0])
        documents = {name for name in names if isinstance(table.c[name].type, JSONB)}
        driver: Any = self.session.connection().connection.cursor()
        with driver as cursor, cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row([Jsonb(row[n]) if n in documents and row[n] is not None else row[n] for n in names])


def _joined(at: datetime) -> Step:
    return Step(at, "noted", "public", "system", "Otra persona reportó lo mismo.", {})
