"""A call that turns out to be about something sensitive is recorded no further, however that becomes known."""

from uuid import uuid4

import pytest
from sqlmodel import select

from atiende.subscriptions import SUBSCRIPTIONS
from georef.points import LonLat
from intake.calls import line_actions, recordings
from intake.catalog.models import Jurisdiction, Service
from intake.conversations import arrivals, filing
from intake.conversations.values import InboundMessage
from intake.people.actions import find_or_create
from intake.service_requests import actions as service_requests
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor, Reporter, Submission
from kernel import clock, db
from kernel.errors import Conflict, NotFound
from kernel.jobs import paths_of
from tests.channels.voice.desk import Desk, recorded
from tests.factories import CITY, IN_NORTE

pytestmark = pytest.mark.database
CALLER, OTHER = "+525512345678", "+525512340000"


@pytest.fixture(autouse=True)
def _sensitive(desk: Desk) -> None:
    """FUGA is, and BACHE is not."""
    leak = desk.session.exec(select(Service).where(Service.code == "FUGA")).one()
    city = desk.session.get_one(Jurisdiction, CITY)
    leak.is_sensitive, city.catalog_changed_at = True, clock.now()
    desk.session.add_all([leak, city])
    desk.session.flush()


def reports(desk: Desk, service_code: str, phone: str = CALLER) -> ServiceRequest:
    """On the city's pages, with this number to be told at; whoever sits at the pages."""
    with db.transaction() as session:
        contact = find_or_create(session, CITY, "phone", phone, now=clock.now())
        said = Submission(
            jurisdiction_id=CITY,
            service_code=service_code,
            channel="web",
            description="x",
            point=LonLat(*IN_NORTE),
            reporter=Reporter(contact.person_id, contact.id),
        )
        made = service_requests.submit(session, said, now=clock.now())
    desk.hear()
    return made


def writes(desk: Desk, request: ServiceRequest, phone: str) -> None:
    """And an operator puts their message with the request."""
    with db.transaction() as session:
        inbound = InboundMessage("sms", uuid4().hex, phone, "+525500000311", "Es por lo de ayer", clock.now())
        message = arrivals.receive(session, inbound, jurisdiction_id=CITY, now=clock.now())
        filing.attach(session, message, request, actor=Actor("agent", "Ana"), now=clock.now())
    desk.hear()


def test_a_sensitive_report_of_the_caller_pauses_it_and_only_a_key_resumes_it(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    reports(desk, "BACHE")
    reports(desk, "FUGA", OTHER)
    assert recorded(desk) == "recording"
    reports(desk, "FUGA")
    assert recorded(desk) == "paused"
    reports(desk, "BACHE")
    assert recorded(desk) == "paused"
    with db.transaction() as session:
        recordings.resume(session, desk.call.id, actor=(ana.id, ana.name), now=clock.now())
    desk.hear()
    assert recorded(desk) == "recording"
    reports(desk, "BACHE")
    assert recorded(desk) == "recording", "what was said of the leak is over"


def test_what_they_reported_while_they_waited_is_known_when_they_are_answered(desk: Desk) -> None:
    reports(desk, "FUGA")
    desk.connect(desk.operator("Ana"))
    assert desk.line.recordings == {}
    assert desk.recording.pauses == ["service"]  # type: ignore[union-attr]  # it is there


def test_what_somebody_reported_before_is_no_matter_of_this_call(desk: Desk) -> None:
    desk.time.shift(-3600)
    reports(desk, "FUGA")
    desk.time.shift(3600)
    desk.connect(desk.operator("Ana"))
    assert recorded(desk) == "recording"


def test_a_message_that_is_put_with_a_sensitive_request_pauses_its_writers_call(desk: Desk) -> None:
    pothole, leak = reports(desk, "BACHE", OTHER), reports(desk, "FUGA", OTHER)
    desk.connect(desk.operator("Ana"))
    writes(desk, leak, OTHER)
    writes(desk, pothole, CALLER)
    assert recorded(desk) == "recording"
    writes(desk, leak, CALLER)
    assert recorded(desk) == "paused"


def test_what_the_operator_chooses_is_what_the_call_is_about(desk: Desk) -> None:
    ana, eva = desk.operator("Ana"), desk.operator("Eva")
    desk.connect(ana)

    def choose(who: line_actions.Somebody, code: str) -> None:
        with db.transaction() as session:
            line_actions.choose_topic(session, desk.call.id, who, code, now=clock.now())
        desk.hear()

    choose(ana, "BACHE")
    assert (desk.item.topic, recorded(desk)) == ("BACHE", "recording")
    with pytest.raises(NotFound):
        choose(ana, "NADA")
    with pytest.raises(Conflict):
        choose(eva, "FUGA")
    choose(ana, "FUGA")
    assert (desk.item.topic, recorded(desk)) == ("FUGA", "paused")
    assert desk.history().count("topic_chosen") == 2


def test_the_jobs_are_asked_for() -> None:
    asked = {name: [path for job in SUBSCRIPTIONS[name] for path in paths_of(job)] for name in SUBSCRIPTIONS}
    assert "intake.calls.jobs.leave_out_reported" in asked["service_request.submitted"]
    assert "intake.calls.jobs.leave_out_filed" in asked["message.filed"]
