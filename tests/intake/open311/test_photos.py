"""Photos that come with a form, from the client's side."""

from typing import Any

import pytest
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from intake.catalog import keys
from intake.catalog.models import Jurisdiction
from intake.media import jobs
from intake.media.models import MediaFile
from intake.media.storage import Shelf
from intake.service_requests.models import ServiceRequest
from kernel import bodies
from kernel.bodies import held_bytes
from tests.factories import CITY, NOW
from tests.intake.media.pictures import BLUE, GREEN, RED, jpeg
from tests.intake.open311.asking import errors_of, form, read

pytestmark = pytest.mark.database

Files = list[tuple[str, tuple[str, bytes, str]]]


def photos(session: Session) -> list[MediaFile]:
    session.expire_all()
    return list(session.exec(select(MediaFile).order_by(col(MediaFile.position), col(MediaFile.id))))


def files(*sent: bytes, names: tuple[str, ...] = ("media",)) -> Files:
    return [(names[n % len(names)], (f"{n}.jpg", data, "image/jpeg")) for n, data in enumerate(sent)]


def post(client: TestClient, sent: Files, fmt: str = "json", **how: Any) -> Any:
    headers = how.pop("headers", {})
    response = client.post(f"requests.{fmt}", data=form(**how), files=sent, headers=headers)
    assert response.status_code == 200, response.text
    return read(response, fmt)[0]


def prepare_all(session: Session) -> None:
    for row in photos(session):
        if row.state == "received":
            jobs.prepare_photo(str(row.id))


@pytest.mark.parametrize(
    "names", [("media",), ("media[]",), ("photo1", "photo2", "photo3"), ("file_0", "file_1"), ("media", "anything")]
)
def test_photos_come_under_any_name(client: TestClient, session: Session, shelf: Shelf, names: tuple[str, ...]) -> None:
    answer = post(client, files(jpeg(), jpeg(colour=RED), jpeg(colour=BLUE), names=names))
    assert "oto" not in answer["service_notice"]
    assert [(row.state, row.position) for row in photos(session)] == [("received", 1), ("received", 2), ("received", 3)]


def test_the_address_of_the_photo_shows_once_it_can_be_seen(
    client: TestClient, session: Session, shelf: Shelf, fmt: str
) -> None:
    folio = post(client, files(jpeg(), jpeg(colour=RED)), fmt)["service_request_id"]
    (before,) = read(client.get(f"requests/{folio}.{fmt}"), fmt)
    assert before["media_url"] is None
    prepare_all(session)
    (shown,) = read(client.get(f"requests/{folio}.{fmt}"), fmt)
    first = photos(session)[0]
    assert shown["media_url"] == f"https://311.prueba.example/media/{first.id}.jpg"
    assert read(client.get(f"requests.{fmt}"), fmt)[0]["media_url"] == shown["media_url"]


def test_a_client_s_own_address_stays_and_our_photo_goes_before_it(
    client: TestClient, session: Session, shelf: Shelf
) -> None:
    theirs = "https://example.org/a.jpg"
    folio = post(client, files(jpeg()), media_url=theirs)["service_request_id"]
    assert client.get(f"requests/{folio}.json").json()[0]["media_url"] == theirs
    prepare_all(session)
    assert "/media/" in client.get(f"requests/{folio}.json").json()[0]["media_url"]


def test_a_photo_of_a_request_that_is_not_public_shows_nowhere(
    client: TestClient, session: Session, shelf: Shelf
) -> None:
    post(client, files(jpeg()), service_code="RUIDO")
    prepare_all(session)
    reader = keys.create(session, CITY, "lectora", now=NOW, scopes=[keys.READ_PRIVATE], agency_code="ALC-N")
    (row,) = photos(session)
    assert row.state == "ready"
    assert client.get("requests.json").json() == []
    (private,) = client.get("requests.json", params={"api_key": reader}).json()
    assert private["media_url"] is None


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (b"", "vacía"),
        (b"<!doctype html><script>alert(1)</script>", "JPEG"),
        (b"\xff\xd8\xff\xe0broken", "leer"),
        (b"\xff\xd8\xff" + b"\0" * (11 * 1024 * 1024), "MB"),
    ],
    ids=["empty", "html", "broken", "heavy"],
)
def test_a_bad_file_loses_neither_the_report_nor_the_good_ones(
    client: TestClient, session: Session, shelf: Shelf, fmt: str, bad: bytes, words: str
) -> None:
    answer = post(client, files(jpeg(), bad, jpeg(colour=RED)), fmt)
    assert " 2 " in answer["service_notice"]
    assert words in answer["service_notice"]
    assert len(photos(session)) == 2


def test_one_too_many_is_told(client: TestClient, session: Session, shelf: Shelf) -> None:
    answer = post(client, files(*(jpeg(colour=(30 * n, 0, 0)) for n in range(6))))
    assert "5 fotos" in answer["service_notice"]
    assert len(photos(session)) == 5


class TestNothingTwice:
    def test_a_retry_is_the_same_answer_and_the_same_photos(
        self, client: TestClient, session: Session, shelf: Shelf
    ) -> None:
        sent = files(jpeg(), b"no photo", jpeg(), jpeg(colour=RED))
        assert post(client, sent) == post(client, sent)
        assert len(photos(session)) == 2
        assert len(session.exec(select(ServiceRequest)).all()) == 1

    def test_another_photo_is_another_report(self, client: TestClient, session: Session, shelf: Shelf) -> None:
        post(client, files(jpeg()))
        post(client, files(jpeg(colour=GREEN)))
        assert len(session.exec(select(ServiceRequest)).all()) == 2

    def test_nothing_of_a_second_form_under_the_same_idempotency_key_is_kept(
        self, client: TestClient, session: Session, shelf: Shelf
    ) -> None:
        headers = {"Idempotency-Key": "a-1"}
        first = post(client, files(jpeg()), headers=headers)
        assert post(client, files(jpeg(colour=RED)), headers=headers) == first
        assert len(photos(session)) == 1


class TestNothingForStrangers:
    @pytest.mark.parametrize(
        ("changes", "status"), [({"api_key": "wrong"}, 403), ({"lat": "norte"}, 400), ({"service_code": "NADA"}, 404)]
    )
    def test_a_form_that_is_refused_stores_no_byte(
        self, client: TestClient, session: Session, shelf: Shelf, fmt: str, changes: dict[str, Any], status: int
    ) -> None:
        response = client.post(f"requests.{fmt}", data=form(**changes), files=files(jpeg()))
        errors_of(response, fmt, status)
        assert photos(session) == []

    def test_a_body_with_photos_is_bounded(self, client: TestClient, fmt: str) -> None:
        response = client.post(f"requests.{fmt}", data=form(), files=files(*[b"\xff" * 9_000_000] * 3))
        errors_of(response, fmt, 413)

    def test_words_in_a_multipart_form_are_bounded_as_in_any_other(self, client: TestClient, fmt: str) -> None:
        response = client.post(f"requests.{fmt}", data=form(description="a" * 300_000), files=files(jpeg()))
        errors_of(response, fmt, 413)

    def test_all_bodies_together_are_bounded_and_let_go(
        self, client: TestClient, monkeypatch: pytest.MonkeyPatch, fmt: str
    ) -> None:
        assert held_bytes.held == 0
        monkeypatch.setattr(bodies.held_bytes, "held", 191 * 1024 * 1024)
        response = client.post(f"requests.{fmt}", data=form(), files=files(b"\xff" * 2_000_000))
        errors_of(response, fmt, 503)
        assert int(response.headers["retry-after"]) > 0
        assert held_bytes.held == 191 * 1024 * 1024


class TestUpdates:
    @pytest.fixture
    def agency_key(self, session: Session, city: Jurisdiction) -> str:
        return keys.create(session, CITY, "cuadrilla", now=NOW, scopes=[keys.UPDATE], agency_code="ALC-N")

    def update(self, client: TestClient, key: str, folio: str, sent: Files, **changes: str) -> Any:
        data = {
            "api_key": key,
            "service_request_id": folio,
            "update_id": "u-1",
            "status": "FIXED",
            "updated_datetime": "2026-11-26T10:00:00-06:00",
            "description": "Quedó tapado.",
        } | changes
        response = client.post("servicerequestupdates.json", data=data, files=sent)
        assert response.status_code == 200, response.text
        return response.json()[0]

    def test_an_agency_shows_its_work(
        self, client: TestClient, session: Session, shelf: Shelf, agency_key: str
    ) -> None:
        folio = post(client, files(jpeg()))["service_request_id"]
        first = self.update(client, agency_key, folio, files(jpeg(colour=GREEN)))
        assert self.update(client, agency_key, folio, files(jpeg(colour=GREEN))) == first
        prepare_all(session)
        before, after = photos(session)
        assert (before.event_id, after.event_id) == (None, int(first["update_id"]))
        (told,) = client.get("servicerequestupdates.json").json()
        assert told["media_url"] == f"https://311.prueba.example/media/{after.id}.jpg"
        # The request is still shown as it was reported.
        assert str(before.id) in client.get(f"requests/{folio}.json").json()[0]["media_url"]

    def test_a_bad_file_is_told_and_the_update_kept(
        self, client: TestClient, session: Session, shelf: Shelf, agency_key: str
    ) -> None:
        folio = post(client, [])["service_request_id"]
        answer = self.update(client, agency_key, folio, files(b"<svg/>"))
        assert answer["update_id"]
        assert "1" in answer["service_notice"]

    def test_an_update_that_is_refused_stores_no_byte(
        self, client: TestClient, session: Session, city: Jurisdiction, shelf: Shelf, agency_key: str
    ) -> None:
        folio = post(client, [])["service_request_id"]
        data = {
            "api_key": agency_key,
            "service_request_id": folio,
            "update_id": "u-1",
            "status": "NOT_COUNCILS_RESPONSIBILITY",
            "updated_datetime": "2026-11-26T10:00:00-06:00",
            "description": "No es nuestro.",
            "suggested_agency": "NADIE",
        }
        refused = client.post("servicerequestupdates.json", data=data, files=files(jpeg()))
        assert refused.status_code == 400, refused.text
        assert photos(session) == []
        city.settings = {**city.settings, "open311_extensions_off": ["servicerequestupdates"]}
        session.add(city)
        session.flush()
        gone = client.post("servicerequestupdates.json", data=data | {"suggested_agency": ""}, files=files(jpeg()))
        assert gone.status_code == 404, gone.text
        assert photos(session) == []
