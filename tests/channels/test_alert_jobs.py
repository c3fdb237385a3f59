"""Feeds of alerts are looked at in turn; what they say becomes proposals, and what is wrong with them is kept for staff."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any

import pytest
from sqlmodel import Session, select

from channels import alert_jobs
from intake.incidents import feeds
from intake.incidents.cap.values import Alert
from intake.incidents.cap.writing import write_alert, write_feed
from intake.incidents.models import AlertFeed, Incident
from intake.webhooks import config
from intake.webhooks.config import Config
from kernel import clock
from tests.factories import CITY, make_city, make_rule
from tests.intake.incidents.test_alerts import ALERT

pytestmark = pytest.mark.database


class Publisher:
    """Somebody who publishes alerts, on this machine."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = publisher.pages.get(self.path)
                self.send_response(200 if body is not None else 404)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    made = Publisher()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def city(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    make_city(session)
    make_rule(session, "todo", "ALC-S")
    seconds = count()
    monkeypatch.setattr(clock, "now", lambda: ALERT.sent + timedelta(seconds=next(seconds)))
    config.configure(Config("https://311.example", allow_loopback=True))
    yield session
    config.configure(None)


BROKEN_LINK = b'<link type="application/cap+xml" href="https://[x/1.cap"/>'


def looked(session: Session, url: str) -> AlertFeed:
    feed = feeds.add(session, CITY, url, by_name="Susana", now=clock.now())
    alert_jobs.look_at_feed(str(feed.id))
    session.refresh(feed)
    return feed


def test_a_feed_that_names_its_alerts_is_followed(city: Session, publisher: Publisher) -> None:
    publisher.pages["/1.cap"] = write_alert(ALERT)
    publisher.pages["/cap.atom"] = write_feed(
        address="x", title="x", author="x", updated=ALERT.sent, alerts=[(ALERT, f"{publisher.base}/1.cap")]
    )
    assert looked(city, f"{publisher.base}/cap.atom").trouble == ""
    assert city.exec(select(Incident.state)).all() == ["proposed"]
    alert_jobs.look_at_feeds()
    assert len(city.exec(select(Incident)).all()) == 1


def numbered(number: int, **values: Any) -> Alert:
    return replace(ALERT, identifier=f"A-{number}", sent=ALERT.sent + timedelta(minutes=number), **values)


def spoilt(alert: Alert) -> bytes:
    return write_alert(alert).replace(b"<scope>Public</scope>", b"")


def proposed(session: Session) -> set[str]:
    """The numbers of the alerts that proposals were made of."""
    found = session.exec(select(Incident).where(Incident.state == "proposed")).all()
    return {key.split(",")[1].removeprefix("A-") for one in found for key in one.alert["keys"][:1]}


def feed_of(publisher: Publisher, documents: dict[str, bytes]) -> str:
    """The address of a feed that names these documents, in this order."""
    publisher.pages |= documents
    links = [(ALERT, f"{publisher.base}{path}") for path in documents]
    publisher.pages["/cap.atom"] = write_feed(address="x", title="x", author="x", updated=ALERT.sent, alerts=links)
    return f"{publisher.base}/cap.atom"


def test_one_alert_that_cannot_be_read_silences_no_other(city: Session, publisher: Publisher) -> None:
    bodies = [write_alert(numbered(1)), spoilt(numbered(2)), write_alert(numbered(3))]
    inside = b"".join(b"<item>" + body.partition(b"?>")[2] + b"</item>" for body in bodies)
    publisher.pages["/cap.rss"] = b"<rss><channel>" + inside + b"</channel></rss>"
    assert looked(city, f"{publisher.base}/cap.rss").trouble == "some_unread"
    assert proposed(city) == {"1", "3"}


def test_a_document_that_cannot_be_read_is_said_until_it_can_be(city: Session, publisher: Publisher) -> None:
    documents = {f"/{n}.cap": write_alert(numbered(n)) for n in range(14)}
    url = feed_of(publisher, documents | {"/0.cap": spoilt(numbered(0)), "/1.cap": b"<html/>"})
    del publisher.pages["/2.cap"]
    assert [looked(city, url).trouble for _ in range(2)] == ["some_unread"] * 2
    assert proposed(city) == {str(n) for n in range(3, 14)}
    publisher.pages |= documents
    assert [looked(city, url).trouble for _ in range(2)][-1] == ""
    assert proposed(city) == {str(n) for n in range(14)}


def test_what_was_read_takes_no_place_of_what_was_not(city: Session, publisher: Publisher) -> None:
    url = feed_of(publisher, {f"/{n}.cap": write_alert(numbered(n)) for n in range(25)})
    for many in (10, 20, 25):
        looked(city, url)
        assert proposed(city) == {str(n) for n in range(many)}
    # What stands under an old address may be new.
    publisher.pages["/17.cap"] = write_alert(numbered(99))
    for _ in range(2):
        looked(city, url)
    assert "99" in proposed(city)


def test_what_was_cancelled_at_a_look_before_is_not_proposed(city: Session, publisher: Publisher) -> None:
    cancel = numbered(90, message_type="Cancel", references=(numbered(15).reference,))
    newest = {"/90.cap": write_alert(cancel)} | {f"/{n}.cap": write_alert(numbered(n)) for n in range(23)}
    url = feed_of(publisher, newest)
    for _ in range(2):
        looked(city, url)
    assert proposed(city) == {str(n) for n in range(19) if n != 15}


def test_an_address_that_is_none_is_passed_by(city: Session, publisher: Publisher) -> None:
    url = feed_of(publisher, {"/1.cap": write_alert(numbered(1))})
    publisher.pages["/cap.atom"] = publisher.pages["/cap.atom"].replace(b"<entry>", b"<entry>" + BROKEN_LINK, 1)
    looked(city, url)
    assert proposed(city) == {"1"}


def test_a_feed_never_leads_to_another_host(city: Session, publisher: Publisher) -> None:
    elsewhere = publisher.base.replace("127.0.0.1", "localhost")
    publisher.pages["/1.cap"] = write_alert(ALERT)
    publisher.pages["/cap.atom"] = write_feed(
        address="x", title="x", author="x", updated=ALERT.sent, alerts=[(ALERT, f"{elsewhere}/1.cap")]
    )
    looked(city, f"{publisher.base}/cap.atom")
    assert city.exec(select(Incident)).all() == []


@pytest.mark.parametrize(("path", "body", "trouble"), [("/nada", None, "gone"), ("/x", b"<html/>", "not_as_promised")])
def test_what_is_wrong_is_kept(
    city: Session, publisher: Publisher, path: str, body: bytes | None, trouble: str
) -> None:
    if body is not None:
        publisher.pages[path] = body
    assert looked(city, f"{publisher.base}{path}").trouble == trouble


def test_our_own_network_is_out_of_reach(city: Session, publisher: Publisher) -> None:
    config.configure(Config("https://311.example", allow_loopback=False))
    assert looked(city, f"{publisher.base}/cap.atom").trouble in ("not_ours", "private_address")
