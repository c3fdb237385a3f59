"""Photos on the request's page: who sees them, and hiding them from the public."""

import re
from typing import Any

import pytest

from intake.media import actions, jobs, receiving
from intake.media.models import MediaFile
from intake.media.storage import Shelf
from intake.media.values import SentFile
from intake.service_requests.models import ServiceRequest
from kernel import clock
from tests.agent_console.browserless import Browser
from tests.agent_console.conftest import Console
from tests.factories import CITY
from tests.intake.media.pictures import RED, decoded, jpeg

pytestmark = pytest.mark.database


@pytest.fixture
def found(console: Console) -> ServiceRequest:
    return console.report()


@pytest.fixture
def photo(console: Console, found: ServiceRequest, shelf: Shelf) -> MediaFile:
    return add(console, found, jpeg((640, 480)))


def add(console: Console, found: ServiceRequest, data: bytes) -> MediaFile:
    received = receiving.receive(CITY, [SentFile(data)], now=clock.now())
    (row,) = actions.attach(console.session, found, received.ids, now=clock.now())
    jobs.prepare_photo(str(row.id))
    console.session.expire_all()
    return row


def path(found: ServiceRequest, rest: str = "") -> str:
    return f"/consola/solicitudes/{found.folio}{rest}"


def hide(browser: Browser, found: ServiceRequest, name: str) -> Any:
    """A forged address with a good token."""
    token = re.search(r'name="csrf" value="([^"]+)"', browser.get(path(found)).text)
    assert token is not None
    return browser.client.post(path(found, f"/fotos/{name}"), data={"csrf": token[1], "is_public": "false"})


def test_the_page_shows_them_with_words_and_opens_them(
    console: Console, found: ServiceRequest, photo: MediaFile
) -> None:
    browser = console.enter("operator")
    page = browser.get(path(found)).text
    assert f'src="{path(found)}/fotos/{photo.id}-mini.jpg"' in page
    assert 'alt="Foto 1, de quien reporta. Abrir grande"' in page
    assert "Foto 1 lista" in page
    for name, width in ((f"{photo.id}.jpg", 640), (f"{photo.id}-mini.jpg", 320)):
        answer = browser.get(path(found, f"/fotos/{name}"))
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["cache-control"] == "private, no-cache"
        assert answer.headers["x-frame-options"] == "DENY"
        assert decoded(answer.content).width == width


def test_a_photo_in_preparation_or_unreadable_is_said(console: Console, found: ServiceRequest, shelf: Shelf) -> None:
    whole = jpeg((400, 300))
    add(console, found, whole[: len(whole) // 2])
    received = receiving.receive(CITY, [SentFile(jpeg())], now=clock.now())
    actions.attach(console.session, found, received.ids, now=clock.now())
    page = console.enter("operator").get(path(found)).text
    assert "Foto 1 no se pudo leer" in page
    assert "Foto 2 se está preparando" in page
    assert "La foto 1 no se pudo leer" in page, "the story tells it too"


def test_hiding_and_showing(console: Console, found: ServiceRequest, photo: MediaFile) -> None:
    browser = console.enter("operator")
    public = f"/media/{photo.id}.jpg"
    assert browser.get(public).status_code == 200
    where = path(found, f"/fotos/{photo.id}")
    for _ in range(2):
        answer = browser.send(path(found), where, is_public="false")
        assert answer.status_code == 303
    assert browser.get(public).status_code == 404
    page = browser.get(path(found)).text
    assert "Oculta" in page
    assert page.count("Ocultó la foto 1") == 1
    assert browser.get(path(found, f"/fotos/{photo.id}.jpg")).status_code == 200
    browser.send(path(found), where, is_public="true")
    assert browser.get(public).status_code == 200


def test_only_who_may_see_the_request_sees_its_photos(
    console: Console, found: ServiceRequest, photo: MediaFile
) -> None:
    elsewhere = console.report("Fuga", service_code="FUGA")
    theirs = add(console, elsewhere, jpeg(colour=RED))
    agency = console.enter("agency")
    assert agency.get(path(found, f"/fotos/{photo.id}.jpg")).status_code == 200
    assert agency.get(path(elsewhere, f"/fotos/{theirs.id}.jpg")).status_code == 404
    # Another request's photo is not reached through one's own.
    assert agency.get(path(found, f"/fotos/{theirs.id}.jpg")).status_code == 404
    assert hide(agency, found, str(theirs.id)).status_code == 404
    assert console.fresh(theirs).is_public
    stranger = console.anonymous()
    assert stranger.get(path(found, f"/fotos/{photo.id}.jpg")).status_code == 303
    for name in ("nothing", "%00"):
        assert agency.get(path(found, f"/fotos/{name}.jpg")).status_code == 404
        assert hide(agency, found, name).status_code == 404


def test_a_form_without_its_token_changes_nothing(console: Console, found: ServiceRequest, photo: MediaFile) -> None:
    browser = console.enter("operator")
    answer = browser.client.post(path(found, f"/fotos/{photo.id}"), data={"is_public": "false"})
    assert answer.status_code == 403
    assert console.fresh(photo).is_public
