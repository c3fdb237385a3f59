"""A message put with a request by hand takes its album and its pictures along, and comes back without them."""

from uuid import uuid4

import pytest
from sqlmodel import Session, select

from georef.points import LonLat
from intake.conversations import actions as threads
from intake.conversations import arrivals, filing
from intake.conversations.attachment_models import STORED, MessageAttachment
from intake.conversations.models import Message
from intake.conversations.values import InboundMedia, InboundMessage
from intake.media import actions as photos
from intake.media.models import MediaFile
from intake.media.storage import new_key
from intake.service_requests import actions as service_requests
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor, Submission
from kernel.errors import Conflict, NotFound
from kernel.outbox import OutboxEvent
from tests.factories import CITY, IN_NORTE, NOW, make_city

pytestmark = pytest.mark.database
AMIR = Actor("agent", "Amir Torres")


def _report(session: Session) -> ServiceRequest:
    said = Submission(
        jurisdiction_id=CITY, service_code="BACHE", channel="sms", description="x", point=LonLat(*IN_NORTE)
    )
    return service_requests.submit(session, said, now=NOW)


def _photo(session: Session, album: str | None = None) -> Message:
    inbound = InboundMessage(
        "telegram",
        uuid4().hex,
        "777",
        "bot",
        "",
        NOW,
        sender_kind="telegram",
        media=[InboundMedia("photo", reference="x")],
        album=album,
    )
    message = arrivals.receive(session, inbound, jurisdiction_id=CITY, now=NOW)
    row = session.exec(select(MessageAttachment).where(MessageAttachment.message_id == message.id)).one()
    row.state, row.storage_key, row.sha256, row.width, row.height = STORED, new_key(), uuid4().bytes, 8, 6
    row.stored_type, row.stored_bytes = "image/jpeg", 1
    session.flush()
    return message


def _given(session: Session, message: Message, request: ServiceRequest) -> MediaFile:
    """As the job does that copies the picture."""
    row = session.exec(select(MessageAttachment).where(MessageAttachment.message_id == message.id)).one()
    file = MediaFile(
        jurisdiction_id=CITY,
        sha256=row.sha256 or b"",
        sent_type="image/jpeg",
        sent_bytes=1,
        storage_key=new_key(),
        created_at=NOW,
        changed_at=NOW,
    )
    session.add(file)
    session.flush()
    photos.attach(session, request, [file.id], now=NOW)
    row.media_file_id = file.id
    session.flush()
    return file


def _asked_for(session: Session) -> int:
    return len(session.exec(select(OutboxEvent).where(OutboxEvent.name == "attachment.for_request")).all())


def test_an_album_goes_together_with_its_pictures_and_comes_back(session: Session) -> None:
    make_city(session)
    request, first, second, alone = _report(session), _photo(session, "a"), _photo(session, "a"), _photo(session)
    for _ in range(2):
        filing.attach(session, first, request, actor=AMIR, now=NOW)
    assert [row.service_request_id for row in (first, second, alone)] == [request.id, request.id, None]
    assert _asked_for(session) == 2
    file = _given(session, first, request)
    moved = filing.detach(session, second, actor=AMIR, now=NOW)
    assert {row.id for row in moved} == {first.id, second.id}
    session.refresh(file)
    assert (file.service_request_id, file.is_public) == (request.id, False)
    assert all(row.media_file_id is None for row in session.exec(select(MessageAttachment)))
    with pytest.raises(NotFound):
        filing.detach(session, first, actor=AMIR, now=NOW)


def test_a_message_is_with_one_request_at_a_time(session: Session) -> None:
    make_city(session)
    one, other, message = _report(session), _report(session), _photo(session)
    filing.attach(session, message, one, actor=AMIR, now=NOW)
    with pytest.raises(Conflict):
        filing.attach(session, message, other, actor=AMIR, now=NOW)
    filing.detach(session, message, actor=AMIR, now=NOW)
    filing.attach(session, message, other, actor=AMIR, now=NOW)
    assert message.service_request_id == other.id


def test_an_album_that_is_partly_elsewhere_stays_as_it_is(session: Session) -> None:
    make_city(session)
    one, other, first, second = _report(session), _report(session), _photo(session, "a"), _photo(session, "a")
    second.service_request_id = other.id
    session.flush()
    with pytest.raises(Conflict):
        filing.attach(session, first, one, actor=AMIR, now=NOW)
    assert (first.service_request_id, second.service_request_id) == (None, other.id)


def test_what_we_wrote_ourselves_is_not_put_anywhere(session: Session) -> None:
    make_city(session)
    request, message = _report(session), _photo(session)
    ours = threads.queue_message(
        session, message.conversation_id, "Hola", client_ref="x", author_kind="agent", author_name="Amir", now=NOW
    )
    with pytest.raises(NotFound):
        filing.attach(session, ours, request, actor=AMIR, now=NOW)
