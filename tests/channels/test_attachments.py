"""Attachments from the message to the request: fetched in the background, looked at by their bytes, given to the right report."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from sqlmodel import Session, col, select

from channels import attachment_jobs, registry
from channels.attachment_jobs import sweep, take_attachment
from channels.attachments import MOST_ATTEMPTS
from channels.errors import FetchFailed
from channels.media_fetching import Stream
from intake.conversations import arrivals
from intake.conversations.advance import advance
from intake.conversations.attachment_models import MessageAttachment
from intake.conversations.jobs import give_photo
from intake.conversations.models import Conversation, Message
from intake.conversations.values import InboundMedia, InboundMessage
from intake.media import storage
from intake.media.models import MediaFile
from intake.media.storage import Folder, Shelf
from intake.service_requests.models import ServiceRequest
from kernel.errors import Unavailable
from kernel.outbox import OutboxEvent
from kernel.settings import Media
from tests.factories import CITY, NOW, SMS_NUMBER, make_city
from tests.intake.media.pictures import encoded, jpeg, png_that_claims

ROSA = "+525512345678"
OPUS = b"OggS\0\x02" + b"\0" * 22 + b"OpusHead\x01\x01" + b"\0" * 200


class Pigeon:
    """A channel whose attachments are in its head."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | FetchFailed] = {}
        self.asked: list[str] = []

    @contextmanager
    def fetch(self, reference: str) -> Iterator[Stream]:
        self.asked.append(reference)
        found = self.files[reference]
        if isinstance(found, FetchFailed):
            raise found
        yield Stream(iter([found[:100], found[100:]]), len(found))

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def city(session: Session) -> None:
    make_city(session)


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(Folder(tmp_path), Media(max_file_bytes=200_000, max_pixels=1_000_000), "https://311.example")
    storage.configure(made)
    yield made
    storage.configure(None)


@pytest.fixture
def pigeon(monkeypatch: pytest.MonkeyPatch) -> Pigeon:
    made = Pigeon()
    monkeypatch.setitem(registry._connected, "sms", made)  # type: ignore[arg-type]  # only what fetching needs
    return made


class Rosa:
    """Writes, with things attached, and has the background done when the test says."""

    def __init__(self, session: Session, pigeon: Pigeon) -> None:
        self.session, self.pigeon, self.count, self.now = session, pigeon, 0, NOW
        self.sender = ROSA

    def send(self, body: str = "", *media: InboundMedia, answered: bool = True, after_s: int = 20) -> Message:
        self.count += 1
        self.now += timedelta(seconds=after_s)
        told = InboundMessage("sms", f"SM{self.count}", self.sender, SMS_NUMBER, body, self.now, media)
        message = arrivals.receive(self.session, told, jurisdiction_id=CITY, now=self.now)
        if answered:
            advance(self.session, message.conversation_id, now=self.now)
        return message

    def photo(self, body: str = "", data: bytes | None = None, **more: Any) -> Message:
        name = f"photo-{self.count}"
        self.pigeon.files[name] = jpeg(colour=(self.count, 90, 90)) if data is None else data
        return self.send(body, InboundMedia("photo", name, "image/jpeg"), **more)

    def attachment(self, message: Message) -> MessageAttachment:
        self.session.expire_all()
        return self.session.exec(select(MessageAttachment).where(MessageAttachment.message_id == message.id)).one()

    def work(self) -> None:
        """Runs the jobs of every event so far, twice, as may happen."""
        for _ in range(2):
            for name, job in (("attachment.received", take_attachment), ("attachment.for_request", give_photo)):
                for event in self.session.exec(select(OutboxEvent).where(OutboxEvent.name == name)).all():
                    job(event.payload["attachment_id"])

    def answers(self) -> list[str]:
        outbound = select(Message.body).where(Message.direction == "outbound").order_by(col(Message.id))
        return list(self.session.exec(outbound))

    def photos(self) -> list[MediaFile]:
        self.session.expire_all()
        wanted = select(MediaFile).where(col(MediaFile.service_request_id).is_not(None))
        return list(self.session.exec(wanted.order_by(col(MediaFile.position))))

    def request(self) -> ServiceRequest:
        return self.session.exec(select(ServiceRequest)).one()


@pytest.fixture
def rosa(session: Session, pigeon: Pigeon) -> Rosa:
    return Rosa(session, pigeon)


def test_receiving_waits_for_no_file(rosa: Rosa, pigeon: Pigeon) -> None:
    message = rosa.photo("hola", answered=False)
    assert pigeon.asked == []
    assert rosa.attachment(message).state == "waiting"


def test_a_photo_is_made_anew_and_nothing_else_of_it_is_kept(rosa: Rosa, shelf: Shelf, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "calle de mi casa"
    message = rosa.photo(data=jpeg((300, 200), exif=exif.tobytes()))
    rosa.work()
    found = rosa.attachment(message)
    assert (found.state, found.stored_type, found.width, found.height) == ("stored", "image/jpeg", 300, 200)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) == 2
    for path in kept:
        assert b"calle de mi casa" not in path.read_bytes()
        assert dict(Image.open(BytesIO(path.read_bytes())).getexif()) == {}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<svg onload=alert(1)>", "no_photo"),
        (b"MZ\x90\0" * 50, "no_photo"),
        (jpeg()[:300], "no_photo"),
        (png_that_claims(40_000, 40_000), "no_photo"),
        (encoded(Image.new("RGB", (1200, 1200))), "no_photo"),
        (b"\xff\xd8\xff" + b"x" * 200_001, "too_large"),
    ],
    ids=["empty", "svg", "program", "half", "bomb", "pixels", "bytes"],
)
def test_what_is_no_photo_is_a_placeholder_with_its_reason(
    rosa: Rosa, data: bytes, reason: str, tmp_path: Path
) -> None:
    message = rosa.photo(data=data)
    rosa.work()
    found = rosa.attachment(message)
    assert (found.state, found.reason, found.storage_key) == ("refused", reason, None)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_voice_note_is_kept_as_it_came(rosa: Rosa, pigeon: Pigeon, shelf: Shelf) -> None:
    pigeon.files["v"] = OPUS
    message = rosa.send("", InboundMedia("voice", "v", "audio/ogg"))
    fake = rosa.send("", InboundMedia("voice", data=b"<html>", content_type="audio/ogg"))
    rosa.work()
    found = rosa.attachment(message)
    assert (found.state, found.stored_type, found.stored_bytes) == ("stored", "audio/ogg", len(OPUS))
    assert rosa.attachment(fake).reason == "no_sound"


def test_of_a_document_only_what_it_is_called_is_kept(rosa: Rosa, pigeon: Pigeon) -> None:
    pigeon.files["d"] = b"%PDF" * 100
    media = InboundMedia("document", "d", "application/pdf", "oficio <b>12</b>\0.pdf")
    message = rosa.send("", media)
    unknown = rosa.send("", InboundMedia("other", file_name="order"))
    rosa.work()
    found = rosa.attachment(message)
    assert (found.state, found.reason, found.size_bytes) == ("refused", "not_kept", 400)
    assert found.file_name == "oficio <b>12</b>.pdf"
    assert (rosa.attachment(unknown).state, rosa.attachment(unknown).reason) == ("refused", "unknown_kind")


def test_bytes_that_came_inside_the_message_wait_in_the_database(rosa: Rosa, pigeon: Pigeon) -> None:
    message = rosa.send("", InboundMedia("photo", content_type="image/jpeg", data=jpeg()))
    assert rosa.attachment(message).held is not None
    rosa.work()
    found = rosa.attachment(message)
    assert (found.state, found.held, pigeon.asked) == ("stored", None, [])


def test_a_photo_that_comes_first_is_of_the_report_that_follows(rosa: Rosa) -> None:
    rosa.photo()
    rosa.work()
    rosa.send("hay un bache en Hidalgo 5, Norte")
    rosa.send("sí")
    rosa.work()
    assert [photo.service_request_id for photo in rosa.photos()] == [rosa.request().id]


@pytest.mark.parametrize("late", [True, False], ids=["fetched after", "fetched before"])
def test_a_photo_with_the_report_is_of_it_whichever_job_is_first(rosa: Rosa, late: bool) -> None:
    rosa.photo("hay un bache en Hidalgo 5, Norte", answered=False)
    if not late:
        rosa.work()
    thread = rosa.session.exec(select(Message.conversation_id)).first()
    assert isinstance(thread, UUID)
    advance(rosa.session, thread, now=rosa.now)
    rosa.send("sí")
    rosa.work()
    [photo] = rosa.photos()
    assert photo.service_request_id == rosa.request().id
    assert photo.state == "received"


def test_an_album_is_all_of_its_report_and_the_same_picture_once(rosa: Rosa) -> None:
    rosa.send("hay un bache en Hidalgo 5, Norte")
    for data in (jpeg(colour=(1, 2, 3)), jpeg(colour=(200, 2, 3)), jpeg(colour=(1, 2, 3))):
        rosa.photo(data=data)
    rosa.send("sí")
    rosa.work()
    assert len(rosa.photos()) == 2


@pytest.mark.parametrize("after_s", [0, 1, 30], ids=["at once", "an album", "one by one"])
@pytest.mark.parametrize("is_told", [True, False], ids=["after the report", "before anything is told"])
def test_all_of_many_pictures_without_a_word_are_of_the_report(rosa: Rosa, after_s: int, is_told: bool) -> None:
    report = "hay un bache en Hidalgo 5, Norte"
    if is_told:
        rosa.send(report)
        rosa.send("sí")
    for number in range(6):
        rosa.photo(data=jpeg(colour=(40 * number, 90, 90)), after_s=after_s)
    answers = len(rosa.answers())
    if not is_told:
        rosa.send(report)
        rosa.send("sí")
    rosa.work()
    assert {photo.service_request_id for photo in rosa.photos()} == {rosa.request().id}
    assert len(rosa.photos()) == 6
    one_by_one = 6 if after_s == 30 else 1
    assert answers == one_by_one + 2 * is_told


@pytest.mark.parametrize("is_theirs", [True, False])
def test_a_picture_that_names_its_folio_is_of_that_report_days_later(rosa: Rosa, is_theirs: bool) -> None:
    for number in (5, 6):
        rosa.send(f"hay un bache en Hidalgo {number}, Norte")
        rosa.send("sí")
        rosa.now += timedelta(days=3)
    first = rosa.session.exec(select(ServiceRequest).order_by(col(ServiceRequest.id))).first()
    assert first is not None
    if not is_theirs:
        rosa.sender = "+525587654321"
    message = rosa.photo(f"la foto de mi folio {first.folio}")
    rosa.work()
    rosa.session.refresh(message)
    assert message.service_request_id == (first.id if is_theirs else None)
    assert [photo.service_request_id for photo in rosa.photos()] == [first.id] * is_theirs
    assert first.folio[-4:] in rosa.answers()[-1]
    thread = rosa.session.get_one(Conversation, message.conversation_id)
    assert thread.state == ("automatic" if is_theirs else "with_agent")


def test_a_picture_that_names_nobodys_folio_is_told_so(rosa: Rosa) -> None:
    rosa.photo("la foto de mi folio 2617584474")
    assert "26 1758 4474" in rosa.answers()[-1]
    assert "desde otro lado" not in rosa.answers()[-1]
    assert rosa.session.exec(select(Conversation.state)).one() == "automatic"


def test_what_cannot_be_had_now_is_tried_again_and_in_the_end_given_up(rosa: Rosa, pigeon: Pigeon) -> None:
    message = rosa.photo()
    pigeon.files = {name: FetchFailed("gone") for name in pigeon.files}
    one = str(rosa.attachment(message).id)
    for _ in range(MOST_ATTEMPTS - 1):
        with pytest.raises(Unavailable):
            take_attachment(one)
    take_attachment(one)
    found = rosa.attachment(message)
    assert (found.state, found.reason) == ("gone", "gone")
    take_attachment(one)
    assert len(pigeon.asked) == MOST_ATTEMPTS


def test_what_is_not_ours_to_fetch_is_refused_at_once(rosa: Rosa, pigeon: Pigeon) -> None:
    message = rosa.photo()
    pigeon.files = {name: FetchFailed("not_ours", permanent=True) for name in pigeon.files}
    take_attachment(str(rosa.attachment(message).id))
    found = rosa.attachment(message)
    assert (found.state, found.reason) == ("refused", "not_ours")


def test_a_forgotten_one_is_woken(rosa: Rosa, monkeypatch: pytest.MonkeyPatch) -> None:
    rosa.photo()
    monkeypatch.setattr(attachment_jobs.clock, "now", lambda: NOW + timedelta(hours=1))
    for _ in range(2):
        sweep()
    events = rosa.session.exec(select(OutboxEvent.name).where(OutboxEvent.name == "attachment.received")).all()
    assert len(events) == 2
