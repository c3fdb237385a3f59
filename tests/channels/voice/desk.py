"""A call in the tiny city that is waiting, and operators who take it, over a network in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import time_machine
from sqlmodel import Session, select

from channels.voice import jobs
from channels.voice.conference import DOCUMENTS, Told
from channels.voice.ivr import answering
from channels.voice.ivr.values import NOTHING, Heard
from intake.calls import actions as calls
from intake.calls import jobs as call_jobs
from intake.calls import line_actions, queries
from intake.calls.line_actions import Somebody
from intake.calls.line_models import CallBridge, CallEvent, CallLeg, CallRecording
from intake.calls.models import Call
from intake.catalog.models import Jurisdiction
from intake.distribution import actions as distribution
from intake.distribution.models import WorkItem
from intake.people.addresses import read_phone
from kernel import clock, db
from kernel.errors import Unavailable
from kernel.ids import new_id
from kernel.outbox import OutboxEvent
from tests.channels.voice.ivr.grammar import faults
from tests.channels.voice.pretend_line import Leg, PretendLine, Report
from tests.factories import CITY

BASE = "https://311.prueba.gob.example"
SID = "CA" + "1" * 32
_JOBS: dict[str, Callable[..., None]] = {
    "work_item.accepted": jobs.follow_work_item,
    "work_item.requeued": jobs.follow_work_item,
    "work_item.wrapping": jobs.follow_work_item,
    "work_item.ended": jobs.follow_work_item,
    "agent.left_call": call_jobs.leave_call,
    "call.ended": jobs.arrange_call,
    "call_bridge.changed": jobs.arrange_call,
    "call_leg.twice": jobs.hang_up_twice,
    "call_recording.available": jobs.keep_recording,
    "service_request.submitted": call_jobs.leave_out_reported,
    "message.filed": call_jobs.leave_out_filed,
}


# A number outside to which the city passes calls on, once `pass_outside` has said so.
OUTSIDE = "+525500000765"


@dataclass
class Desk:
    """Everything that a call needs, and the worker that hears its events (`work`)."""

    session: Session
    line: PretendLine
    time: time_machine.Traveller
    call: Call
    done: int = 0
    document: str = ""
    people: dict[UUID, str] = field(default_factory=dict)

    @property
    def item(self) -> WorkItem:
        self.session.expire_all()
        return self.session.exec(select(WorkItem).where(WorkItem.source_ref == f"call:{SID}")).one()

    @property
    def attempts(self) -> list[Call]:
        """Our calls to whoever asked for it, the oldest first."""
        self.session.expire_all()
        made = select(Call).where(Call.direction == "outbound").order_by(Call.started_at, Call.id)  # type: ignore[arg-type]  # columns
        return list(self.session.exec(made))

    @property
    def bridge(self) -> CallBridge:
        self.session.expire_all()
        return self.session.get_one(CallBridge, self.call.id)

    @property
    def recording(self) -> CallRecording | None:
        self.session.expire_all()
        return self.session.exec(select(CallRecording)).one_or_none()

    def legs(self, agent_id: UUID | None = None) -> list[CallLeg]:
        self.session.expire_all()
        found = self.session.exec(select(CallLeg).order_by(CallLeg.created_at)).all()  # type: ignore[arg-type]  # a column
        return [leg for leg in found if agent_id is None or leg.agent_id == agent_id]

    def history(self) -> list[str]:
        return [event.name for event in self.session.exec(select(CallEvent).order_by(CallEvent.id)).all()]  # type: ignore[arg-type]  # a column

    def operator(self, name: str) -> Somebody:
        """Signed on and free."""
        agent_id = new_id()
        with db.transaction() as session:
            distribution.sign_on(session, agent_id=agent_id, jurisdiction_id=CITY, name=name, now=clock.now())
        self.people[agent_id] = name
        return Somebody(agent_id, name, CITY)

    def take(self, who: Somebody) -> None:
        """Offered to them, and accepted."""
        with db.transaction() as session:
            made = distribution.offer(session, self.item.id, who.id, now=clock.now())
            assert made is not None
        with db.transaction() as session:
            distribution.accept(session, made.id, agent_id=who.id, epoch=1, now=clock.now())

    def work(self, *, patient: bool = True) -> None:
        """Runs the jobs of every event since the last time; what the network refuses now is left to the sweep."""
        while True:
            self.session.expire_all()
            events = self.session.exec(
                select(OutboxEvent).where(OutboxEvent.id > self.done).order_by(OutboxEvent.id)  # type: ignore[arg-type, operator]  # columns
            ).all()
            if not events:
                return
            for event in events:
                self.done = event.id or 0
                job = _JOBS.get(event.name)
                if job is None:
                    continue
                try:
                    job(**event.payload)
                except Unavailable:
                    if not patient:
                        raise

    def hear(self, reports: list[Report] | None = None) -> None:
        """Delivers what the network has to tell, and what follows from it, until it has nothing more."""
        given = reports
        while True:
            told = given if given is not None else [self.line.reports.pop(0) for _ in range(len(self.line.reports))]
            for where, query, parameters in told:
                self.tell(where, query, parameters)
            self.work()
            if given is not None or not self.line.reports:
                return

    def tell(self, where: str, query: dict[str, str], parameters: dict[str, str]) -> str:
        if where == "status":
            with db.transaction() as session:
                call = queries.held_by_provider(session, "twilio", parameters["CallSid"])
                if call is not None and parameters["CallStatus"] == "completed":
                    calls.report(session, call, "completed", now=clock.now())
            return ""
        if where in ("back", "turn"):
            return self._answered(parameters["CallSid"], parameters.get("Digits", ""), is_back=where == "back")
        told = DOCUMENTS[where](Told(parameters, query, BASE, clock.now()))
        if where in ("bridge", "left"):
            assert faults(told) == [], told
        return told

    def press(self, keys: str) -> None:
        """The caller, who hears the documents of the waiting line."""
        self.tell("turn", {}, {"CallSid": SID, "Digits": keys})
        self.hear()

    def _answered(self, sid: str, keys: str, *, is_back: bool) -> str:
        heard = Heard("back") if is_back else Heard("keys", keys) if keys else NOTHING
        with db.transaction() as session:
            call = queries.held_by_provider(session, "twilio", sid)
            assert call is not None
            self.document = answering.document(
                session, call, call.turn, heard, has_message=False, base_url=BASE, now=clock.now()
            )
        assert faults(self.document) == [], self.document
        return self.document

    def pass_time(self, seconds: float) -> None:
        """And then somebody sweeps."""
        self.time.shift(seconds)
        jobs.sweep()
        self.work()

    def answer(self, who: Somebody) -> None:
        """Their browser answers by itself."""
        for leg in self.line.of(f"client:agent-{who.id}"):
            if leg.status == "ringing":
                self.line.answer(leg.sid)

    def connect(self, who: Somebody) -> None:
        """From the waiting line into a talk with them."""
        self.take(who)
        self.work()
        self.hear()
        self.answer(who)
        self.hear()


def waiting_call(session: Session, line: PretendLine, time: time_machine.Traveller) -> Desk:
    with db.transaction() as inner:
        call, _ = calls.begin(
            inner,
            jurisdiction_id=CITY,
            provider="twilio",
            provider_call_id=SID,
            other_end=read_phone("+525512345678"),
            to_number="+525500000311",
            now=clock.now(),
        )
        distribution.enqueue(
            inner,
            jurisdiction_id=CITY,
            kind="voice",
            source_ref=f"call:{SID}",
            conversation_id=call.conversation_id,
            now=clock.now(),
        )
    line.caller(SID)
    return Desk(session, line, time, call)


def transfer(desk: Desk, by: Somebody, to: Somebody, *, consult: bool) -> None:
    with db.transaction() as session:
        line_actions.transfer(session, desk.call.id, by, to_agent_id=to.id, consult=consult, now=clock.now())
    desk.hear()


def pass_outside(desk: Desk, number: str = OUTSIDE) -> None:
    city = desk.session.get_one(Jurisdiction, CITY)
    city.settings = {**city.settings, "women_phone": number}
    desk.session.add(city)
    desk.session.flush()


def ask_outside(desk: Desk, by: Somebody) -> Leg:
    """They hold the caller and talk with whoever answers there, whose leg this is."""
    with db.transaction() as session:
        line_actions.transfer(session, desk.call.id, by, to_number=OUTSIDE, consult=True, now=clock.now())
    desk.hear()
    (leg,) = desk.line.of(OUTSIDE)
    desk.line.answer(leg.sid)
    desk.hear()
    return leg


def consulting(desk: Desk) -> tuple[Somebody, Somebody]:
    """Ana, whose call it is, and Luis, whom she asks: they talk, and the caller is held."""
    ana, luis = desk.operator("Ana"), desk.operator("Luis")
    desk.connect(ana)
    transfer(desk, ana, luis, consult=True)
    desk.answer(luis)
    desk.hear()
    return ana, luis


def talkers(desk: Desk) -> set[str]:
    """Who hears whom now: the caller if they are not held, and everybody's name."""
    names = {f"client:agent-{agent_id}": name for agent_id, name in desk.people.items()}
    return {
        names.get(leg.address, leg.address) if leg.label else "caller"
        for leg in desk.line.in_room(f"item-{desk.item.id}")
        if not leg.is_held
    }


def recorded(desk: Desk) -> str:
    """What the network does with the one recording now."""
    ((_, made),) = desk.line.recordings.values()
    return made.state
