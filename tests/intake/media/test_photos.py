"""The life of a photo: received, attached, decoded, hidden, forgotten; and whatever may go wrong in between."""

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlmodel import Session, select

from intake.catalog.models import Jurisdiction
from intake.media import actions, jobs, queries, storage
from intake.media.models import MediaFile
from intake.media.receiving import look_over, receive
from intake.media.storage import Folder, Shelf
from intake.media.values import SentFile
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.values import Actor
from kernel.errors import NotFound, Unavailable
from kernel.outbox import OutboxEvent
from kernel.settings import Media
from tests.factories import CITY, NOW, make_city
from tests.intake.media.pictures import BLUE, GREEN, RED, jpeg, png_that_claims

pytestmark = pytest.mark.database
STAFF = Actor("agent", "Amir Torres")


def sent(*files: bytes) -> list[SentFile]:
    return [SentFile(data) for data in files]


def kept(shelf: Shelf) -> list[str]:
    """The files in the store, by what they are."""
    assert isinstance(shelf.storage, Folder)
    root: Path = shelf.storage._root
    return sorted(path.name.partition("-")[2] for path in root.rglob("*") if path.is_file())


def rows(session: Session) -> list[MediaFile]:
    session.expire_all()
    return list(session.exec(select(MediaFile).order_by(MediaFile.created_at, MediaFile.id)))  # type: ignore[arg-type]  # columns at class level


def events(session: Session) -> list[ServiceRequestEvent]:
    found = session.exec(select(ServiceRequestEvent).order_by(ServiceRequestEvent.id))  # type: ignore[arg-type]  # as above
    return [event for event in found if event.name.startswith("photo_")]


def attached(session: Session, service_request: ServiceRequest, *files: bytes) -> list[MediaFile]:
    received = receive(CITY, sent(*files), now=NOW)
    return actions.attach(session, service_request, received.ids, now=NOW)


def ready(session: Session, service_request: ServiceRequest, *files: bytes) -> list[MediaFile]:
    made = attached(session, service_request, *files)
    for row in made:
        jobs.prepare_photo(str(row.id))
    session.expire_all()
    return made


class TestReceiving:
    def test_photos_are_stored_and_nobodys(self, session: Session, city: Jurisdiction, shelf: Shelf) -> None:
        received = receive(CITY, sent(jpeg(), jpeg(colour=RED)), now=NOW)
        assert (len(received.ids), received.problems) == (2, ())
        assert kept(shelf) == ["original", "original"]
        assert [(row.state, row.service_request_id, row.sent_type) for row in rows(session)] == [
            ("reserved", None, "image/jpeg")
        ] * 2
        assert len({row.storage_key for row in rows(session)}) == 2

    def test_each_bad_file_is_told_by_its_number_and_the_rest_is_kept(
        self, session: Session, city: Jurisdiction, shelf: Shelf
    ) -> None:
        files = sent(b"", jpeg(), b"<svg onload=alert(1)>", png_that_claims(9_000, 9_000))
        received = receive(CITY, files, now=NOW)
        assert len(received.ids) == 1
        texts = [str(problem) for problem in received.problems]
        assert [text.split()[2] for text in texts] == ["1", "3", "4"]
        assert [str(problem) for problem in look_over(files)] == texts

    def test_the_same_bytes_are_one_photo(self, session: Session, city: Jurisdiction, shelf: Shelf) -> None:
        first = receive(CITY, sent(jpeg(), jpeg()), now=NOW)
        assert (len(first.ids), first.problems) == (1, ())
        again = receive(CITY, sent(jpeg(), jpeg(colour=RED)), now=NOW, beside=first.ids)
        assert len(again.ids) == 1
        assert len(rows(session)) == 2

    def test_as_many_as_there_is_room_for(self, session: Session, city: Jurisdiction, shelf: Shelf) -> None:
        files = sent(*(jpeg(colour=(10 * n, 0, 0)) for n in range(7)))
        received = receive(CITY, files, now=NOW)
        assert len(received.ids) == 5
        assert "5 fotos" in str(received.problems[0])
        more = receive(CITY, files[5:], now=NOW, beside=received.ids[:4])
        assert len(more.ids) == 1

    def test_without_a_place_for_photos_that_is_said(self, session: Session, city: Jurisdiction) -> None:
        received = receive(CITY, sent(jpeg()), now=NOW)
        assert received.ids == ()
        assert "media_url" in str(received.problems[0])
        assert rows(session) == []

    def test_a_store_that_is_down_loses_the_photo_only(self, session: Session, city: Jurisdiction) -> None:
        class Down(Folder):
            def put(self, key: str, data: memoryview | bytes) -> None:
                raise Unavailable("down")

        storage.configure(Shelf(Down(Path("/nowhere")), Media(), ""))
        try:
            received = receive(CITY, sent(jpeg()), now=NOW)
        finally:
            storage.configure(None)
        assert received.ids == ()
        assert "el reporte sí" in str(received.problems[0])


class TestAttaching:
    def test_in_order_and_with_a_job_each(
        self, session: Session, service_request: ServiceRequest, shelf: Shelf
    ) -> None:
        made = attached(session, service_request, jpeg(), jpeg(colour=RED))
        assert [(row.position, row.state) for row in made] == [(1, "received"), (2, "received")]
        told = session.exec(select(OutboxEvent).where(OutboxEvent.name == "media_file.received")).all()
        assert [event.payload["media_file_id"] for event in told] == [str(row.id) for row in made]
        assert queries.photos_of(session, service_request.id, public_only=True) == []
        assert service_request.photo_id is None

    def test_twice_is_once(self, session: Session, service_request: ServiceRequest, shelf: Shelf) -> None:
        received = receive(CITY, sent(jpeg()), now=NOW)
        assert len(actions.attach(session, service_request, [*received.ids, *received.ids], now=NOW)) == 1
        assert actions.attach(session, service_request, received.ids, now=NOW) == []
        same_bytes = receive(CITY, sent(jpeg(), jpeg(colour=BLUE)), now=NOW)
        (new,) = actions.attach(session, service_request, same_bytes.ids, now=NOW)
        assert new.position == 2

    def test_never_another_city_s_nor_what_was_thrown_away(
        self, session: Session, service_request: ServiceRequest, shelf: Shelf
    ) -> None:
        make_city(session, "vecina.gob.example", sms_number=None)
        theirs = receive("vecina.gob.example", sent(jpeg()), now=NOW)
        gone = receive(CITY, sent(jpeg(colour=RED)), now=NOW)
        session.get_one(MediaFile, gone.ids[0]).state = "discarded"
        session.flush()
        assert actions.attach(session, service_request, [*theirs.ids, *gone.ids], now=NOW) == []


class TestPreparing:
    def test_photo_and_thumbnail_replace_the_original(
        self, session: Session, service_request: ServiceRequest, shelf: Shelf
    ) -> None:
        version = service_request.version
        (row,) = ready(session, service_request, jpeg((800, 600)))
        assert kept(shelf) == ["photo.jpg", "thumb.jpg"]
        assert (row.state, row.width, row.height, row.keeps_original) == ("ready", 800, 600, False)
        assert shelf.storage.get(row.photo_key)[:2] == b"\xff\xd8"
        assert service_request.photo_id == row.id
        assert service_request.version == version, "whoever is writing about the request need not look again"
        assert [(event.name, event.audience) for event in events(session)] == [("photo_added", "public")]

    def test_running_twice_does_it_once(self, session: Session, service_request: ServiceRequest, shelf: Shelf) -> None:
        (row,) = ready(session, service_request, jpeg())
        jobs.prepare_photo(str(row.id))
        assert len(events(session)) == 1

    def test_a_run_that_died_after_storing_is_run_again(
        self, session: Session, service_request: ServiceRequest, shelf: Shelf
    ) -> None:
        (row,) = attached(session, service_request, jpeg())
        shelf.storage.put(row.photo_key, b"half of an earlier run")
        jobs.prepare_photo(str(row.id))
        assert shelf.storage.get(row.photo_key)[:2] == b"\xff\xd8"
        assert kept(shelf) == ["photo.jpg", "thumb.jpg"]

    def test_a_photo_that_breaks_further_in_is_told_to_staff_and_shown_to_nobody(
        self, session: Session, service_request: ServiceRequest, shelf: Shelf
    ) -> None:
        whole = jpeg((400, 300), quality=95)
        broken, fine = ready(session, service_request, whole[: len(whole) // 2], jpeg(colour=GREEN))
        assert (broken.state, fine.state) == ("unreadable", "ready")
        assert [event.name for event in events(session)] == ["photo_unreadable", "photo_added"]
        assert service_request.photo_id == fine.id
        assert queries.public_photo(session, broken.id) is None

    def test_an_original_that_cannot_be_fetched_is_tried_again(
        self, session: Session, service_request: ServiceRequest, shelf: Shelf
    ) -> None:
        (row,) = attached(session, service_request, jpeg())
        shelf.storage.delete(row.original_key)
        with pytest.raises(NotFound):
            jobs.prepare_photo(str(row.id))
        assert rows(session)[0].state == "received"


class TestShowing:
    def test_hiding_takes_it_from_the_public_and_is_written_down_once(
        self, session: Session, service_request: ServiceRequest, shelf: Shelf
    ) -> None:
        first, second = ready(session, service_request, jpeg(), jpeg(colour=RED))
        assert service_request.photo_id == first.id
        for _ in range(2):
            actions.show(session, service_request.id, first.id, is_public=False, actor=STAFF, now=NOW)
        assert service_request.photo_id == second.id
        assert queries.public_photo(session, first.id) is None
        assert queries.photo_of(session, service_request.id, first.id) is not None
        actions.show(session, service_request.id, second.id, is_public=False, actor=STAFF, now=NOW)
        assert service_request.photo_id is None
        actions.show(session, service_request.id, first.id, is_public=True, actor=STAFF, now=NOW)
        assert service_request.photo_id == first.id
        names = [event.name for event in events(session)][2:]
        assert names == ["photo_hidden", "photo_hidden", "photo_shown"]

    def test_a_hidden_request_hides_its_photos(
        self, session: Session, service_request: ServiceRequest, shelf: Shelf
    ) -> None:
        (row,) = ready(session, service_request, jpeg())
        assert queries.public_photo(session, row.id) is not None
        service_request.is_public = False
        session.add(service_request)
        session.flush()
        assert queries.public_photo(session, row.id) is None

    def test_a_photo_is_only_changed_through_its_own_request(
        self, session: Session, service_request: ServiceRequest, shelf: Shelf
    ) -> None:
        (row,) = ready(session, service_request, jpeg())
        with pytest.raises(NotFound):
            actions.show(session, row.id, row.id, is_public=False, actor=STAFF, now=NOW)


class TestTidyingUp:
    def test_what_no_report_took_goes_after_two_days(
        self, session: Session, service_request: ServiceRequest, shelf: Shelf
    ) -> None:
        receive(CITY, sent(jpeg(), jpeg(colour=RED)), now=NOW)
        attached(session, service_request, jpeg(colour=BLUE))
        with time_machine.travel(NOW + timedelta(hours=47), tick=False):
            jobs.tidy_up()
            assert len(rows(session)) == 3
        with time_machine.travel(NOW + timedelta(hours=49), tick=False):
            jobs.tidy_up()
        assert [row.state for row in rows(session)] == ["received"]
        assert kept(shelf) == ["original"]

    def test_an_original_that_outlived_its_job_goes(
        self, session: Session, service_request: ServiceRequest, shelf: Shelf
    ) -> None:
        whole = jpeg((400, 300))
        good, bad = attached(session, service_request, jpeg(), whole[: len(whole) // 2])
        with time_machine.travel(NOW, tick=False):
            jobs.prepare_photo(str(bad.id))
            jobs.prepare_photo(str(good.id))
        # As if the job had died before it could throw the original away.
        shelf.storage.put(good.original_key, b"x")
        session.expire_all()
        session.get_one(MediaFile, good.id).keeps_original = True
        session.flush()
        with time_machine.travel(NOW + timedelta(hours=1), tick=False):
            jobs.tidy_up()
        assert kept(shelf) == ["original", "photo.jpg", "thumb.jpg"]
        with time_machine.travel(NOW + timedelta(days=31), tick=False):
            jobs.tidy_up()
        assert kept(shelf) == ["photo.jpg", "thumb.jpg"]
        assert {row.keeps_original for row in rows(session)} == {False}

    def test_there_is_nothing_to_tidy_where_no_photos_are_kept(self, session: Session) -> None:
        jobs.tidy_up()
