"""Feeds of alerts are looked at in turn; what they say becomes proposals, and what is wrong with them is kept for staff."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from sqlmodel import Session, select

from channels import alert_jobs
from intake.incidents import feeds
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
    monkeypatch.setattr(clock, "now", lambda: ALERT.sent)
    config.configure(Config("https://311.example", allow_loopback=True))
    yield session
    config.configure(None)


def looked(session: Session, url: str) -> AlertFeed:
    feed = feeds.add(session, CITY, url, by_name="Susana", now=ALERT.sent)
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
