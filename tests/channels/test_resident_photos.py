"""Photos of a web report: kept with the draft, attached when it is sent, never a reason to lose what was typed."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from channels.app.routes import install
from intake.media import jobs
from intake.media.models import MediaFile
from intake.media.storage import Shelf
from intake.service_requests.models import ServiceRequest
from kernel.bodies import held_bytes
from tests.channels.test_resident_pages import begin
from tests.factories import make_city
from tests.intake.media.pictures import BLUE, GREEN, RED, jpeg
from tests.intake.open311.conftest import settings

pytestmark = pytest.mark.database


@pytest.fixture
def client(session: Session, shelf: Shelf) -> Iterator[TestClient]:
    make_city(session)
    app = FastAPI()
    app.state.settings = settings()
    install(app)
    with TestClient(app) as client:
        yield client


@pytest.fixture
def draft(client: TestClient) -> str:
    """A draft at its photos."""
    path = begin(client)
    client.post(f"{path}/lugar", data={"district": "?", "reference": "junto al zaguán verde"})
    answer = client.post(f"{path}/detalles", data={"words": "Hay un hoyo enorme"}, follow_redirects=False)
    assert answer.headers["location"] == f"{path}/fotos"
    return path


def send(client: TestClient, draft: str, *files: bytes, **fields: Any) -> Any:
    sent = [("media", (f"{n}.jpg", data, "image/jpeg")) for n, data in enumerate(files)] or [("media", ("", b""))]
    return client.post(f"{draft}/fotos", files=sent, data=fields, follow_redirects=False)


def finish(client: TestClient, draft: str) -> None:
    client.post(f"{draft}/contacto", data={"notify": "none"})
    client.post(f"{draft}/revisa")


def photos(session: Session) -> list[MediaFile]:
    session.expire_all()
    return list(session.exec(select(MediaFile).order_by(col(MediaFile.position), col(MediaFile.id))))


def test_photos_wait_with_the_draft_and_go_with_the_report(client: TestClient, session: Session, draft: str) -> None:
    answer = send(client, draft, jpeg(), jpeg(colour=RED))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{draft}/contacto")
    assert {row.state for row in photos(session)} == {"reserved"}
    client.post(f"{draft}/contacto", data={"notify": "none"})
    checked = client.get(f"{draft}/revisa").text
    assert "<dt>Fotos</dt><dd>2</dd>" in checked
    assert "Las fotos también se publican" in checked
    client.post(f"{draft}/revisa")
    assert [(row.state, row.position) for row in photos(session)] == [("received", 1), ("received", 2)]


def test_nobody_needs_a_photo(client: TestClient, session: Session, draft: str) -> None:
    assert send(client, draft).headers["location"] == f"{draft}/contacto"
    finish(client, draft)
    assert session.exec(select(ServiceRequest)).one()
    assert photos(session) == []


def test_a_double_tap_and_a_way_back_add_nothing_twice(client: TestClient, session: Session, draft: str) -> None:
    for _ in range(2):
        send(client, draft, jpeg())
    send(client, draft, jpeg(), jpeg(colour=BLUE))
    assert "Llevas 2 fotos" in client.get(f"{draft}/fotos").text
    for _ in range(2):
        finish(client, draft)
    assert [row.state for row in photos(session)] == ["received", "received"]


def test_a_photo_can_be_taken_back(client: TestClient, session: Session, draft: str) -> None:
    send(client, draft, jpeg(), jpeg(colour=RED))
    first, second = sorted(photos(session), key=lambda row: str(row.id))
    send(client, draft, jpeg(colour=GREEN), remove=[str(first.id)])
    finish(client, draft)
    attached = [row for row in photos(session) if row.state == "received"]
    assert len(attached) == 2
    assert second.id in {row.id for row in attached}
    assert first.id not in {row.id for row in attached}


def test_a_bad_file_is_said_and_the_good_ones_and_the_words_are_kept(
    client: TestClient, session: Session, draft: str
) -> None:
    answer = send(client, draft, jpeg(), b"<!doctype html><script>alert(1)</script>")
    assert answer.status_code == 400
    assert "El archivo 2 no es una foto" in answer.text
    assert "Las demás sí se guardaron" in answer.text
    assert "Llevas 1 foto" in answer.text
    assert 'aria-invalid="true"' in answer.text
    finish(client, draft)
    assert session.exec(select(ServiceRequest)).one().description == "Hay un hoyo enorme"
    assert [row.state for row in photos(session)] == ["received"]


def test_more_than_there_is_room_for(client: TestClient, draft: str) -> None:
    answer = send(client, draft, *(jpeg(colour=(30 * n, 0, 0)) for n in range(7)))
    assert answer.status_code == 400
    assert "Caben 5 fotos" in answer.text
    assert "Llevas 5 fotos" in answer.text


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (
            b"--x\r\nContent-Disposition: form-data; name=media; filename=a\r\n\r\nhal",
            "multipart/form-data; boundary=x",
            400,
        ),
        (b"media=a", "application/x-www-form-urlencoded", 400),
        (b"", "multipart/form-data", 400),
        (b"x" * (25 * 1024 * 1024), "multipart/form-data; boundary=x", 413),
    ],
    ids=["half an upload", "no files at all", "no boundary", "too much"],
)
def test_what_cannot_be_read_leaves_the_draft_as_it_was(
    client: TestClient, session: Session, draft: str, body: bytes, content_type: str, status: int
) -> None:
    send(client, draft, jpeg())
    answer = client.post(f"{draft}/fotos", content=body, headers={"content-type": content_type})
    assert answer.status_code == status
    assert "Llevas 1 foto" in client.get(f"{draft}/fotos").text
    assert held_bytes.held == 0


def test_after_sending_nothing_is_added(client: TestClient, session: Session, draft: str) -> None:
    send(client, draft, jpeg())
    finish(client, draft)
    assert send(client, draft, jpeg(colour=RED)).headers["location"] == f"{draft}/listo"
    assert [row.state for row in photos(session) if row.service_request_id] == ["received"]


def test_the_page_of_the_folio_shows_what_the_public_may_see(client: TestClient, session: Session, draft: str) -> None:
    send(client, draft, jpeg(), jpeg(colour=RED))
    finish(client, draft)
    folio = session.exec(select(ServiceRequest)).one().folio
    assert "/media/" not in client.get(f"/folio/{folio}").text
    first, second = photos(session)
    jobs.prepare_photo(str(first.id))
    page = client.get(f"/folio/{folio}").text
    assert f'<a href="/media/{first.id}.jpg"><img src="/media/{first.id}-mini.jpg" alt="Foto 1 del reporte"' in page
    assert str(second.id) not in page
    assert "Se agregó una foto." in page


def test_without_a_place_for_photos_nobody_is_asked(client: TestClient, draft: str) -> None:
    from intake.media import storage

    storage.configure(None)
    for _ in range(2):
        answer = client.get(f"{draft}/fotos", follow_redirects=False)
        assert answer.headers["location"] == f"{draft}/contacto"
    assert send(client, draft, jpeg()).headers["location"] == f"{draft}/contacto"
    answer = client.post(f"{draft}/detalles", data={"words": "Hay un hoyo enorme"}, follow_redirects=False)
    assert answer.headers["location"] == f"{draft}/contacto"
