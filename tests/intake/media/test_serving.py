"""Photos for everybody: safe headers, kept by readers, and gone as soon as they are hidden."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlmodel import Session
from starlette.testclient import TestClient

from intake.media import actions
from intake.media.api import router
from intake.media.models import MediaFile
from intake.media.storage import Shelf
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from tests.factories import NOW
from tests.intake.media.pictures import decoded, jpeg
from tests.intake.media.test_photos import attached, ready

pytestmark = pytest.mark.database


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(router)
    with TestClient(app) as client:
        yield client


@pytest.fixture
def photo(session: Session, service_request: ServiceRequest, shelf: Shelf) -> MediaFile:
    return ready(session, service_request, jpeg((800, 600)))[0]


def test_photo_and_thumbnail_are_pictures_and_nothing_else(client: TestClient, photo: MediaFile) -> None:
    for name, width in ((f"/media/{photo.id}.jpg", 800), (f"/media/{photo.id}-mini.jpg", 320)):
        answer = client.get(name)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["content-disposition"].startswith("inline; filename=")
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["cache-control"].startswith("public")
        assert "set-cookie" not in answer.headers
        assert decoded(answer.content).width == width


def test_who_has_it_gets_304_and_head_is_get_without_the_picture(client: TestClient, photo: MediaFile) -> None:
    address = f"/media/{photo.id}.jpg"
    got, head = client.get(address), client.head(address)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "etag", "cache-control", "content-security-policy"):
        assert head.headers[name] == got.headers[name]
    tag = got.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(address, headers={"if-none-match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get(address, headers={"if-none-match": '"other"'}).status_code == 200
    assert client.get(f"/media/{photo.id}-mini.jpg", headers={"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize(
    "name", ["nothing", "..%2f..%2fetc%2fpasswd", "%00", "1", "{id}.png", "{id}-original", "{other}"]
)
def test_anything_else_is_404_and_empty(client: TestClient, photo: MediaFile, name: str) -> None:
    name = name.format(id=photo.id, other=uuid4())
    assert client.get(f"/media/{name}.jpg").status_code == 404


def test_hidden_is_as_absent_as_what_never_was(client: TestClient, session: Session, photo: MediaFile) -> None:
    address = f"/media/{photo.id}.jpg"
    tag = client.get(address).headers["etag"]
    assert photo.service_request_id is not None
    actions.show(session, photo.service_request_id, photo.id, is_public=False, actor=Actor("agent"), now=NOW)
    hidden, never = client.get(address), client.get(f"/media/{uuid4()}.jpg")
    assert (hidden.status_code, hidden.content, hidden.headers) == (never.status_code, never.content, never.headers)
    assert hidden.status_code == 404
    assert hidden.headers["cache-control"] == "no-store"
    assert client.get(address, headers={"if-none-match": tag}).status_code == 404


def test_a_photo_that_is_not_ready_has_no_address_yet(
    client: TestClient, session: Session, service_request: ServiceRequest, shelf: Shelf
) -> None:
    (row,) = attached(session, service_request, jpeg())
    assert client.get(f"/media/{row.id}.jpg").status_code == 404


def test_bytes_that_are_lost_are_404_and_no_error_page(client: TestClient, photo: MediaFile, shelf: Shelf) -> None:
    shelf.storage.delete(photo.photo_key)
    assert client.get(f"/media/{photo.id}.jpg").status_code == 404
