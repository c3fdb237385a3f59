"""`atiende webhook` as people run it, and the receiver they can try it with."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select
from typer.testing import CliRunner

from atiende import bootstrap
from atiende.cli import app
from atiende.commands import webhook
from atiende.webhook_receiver import Receiver
from intake.webhooks import config, payload
from intake.webhooks.config import Config
from intake.webhooks.models import Webhook, WebhookDelivery
from kernel.ids import new_id
from tests.factories import CITY, make_city

ADDRESS = "https://sistema.example/avisos"


@pytest.fixture
def city(session: Session, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> Iterator[Session]:
    """The tiny city; the commands work in this test's transaction."""
    make_city(session)
    monkeypatch.setattr(bootstrap, "configure", lambda settings: engine)
    monkeypatch.setattr(webhook, "load_settings", lambda environ: None)
    config.configure(Config("https://311.prueba.example"))
    yield session
    config.configure(None)


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["webhook", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


@pytest.mark.database
def test_one_is_made_listed_tested_and_ended(city: Session) -> None:
    secret = run("add", ADDRESS, "--jurisdiction", CITY, "--agency", "ALC-N", "--events", "service_request.routed")
    assert secret.startswith("whsec_")
    cells = run("list").split("\t")
    assert cells[1:] == [CITY, "ALC-N", "active", "-", "0", "-", ADDRESS]
    assert run("test", cells[0]).startswith("msg_")
    run("disable", cells[0])
    assert run("list").split("\t")[3:5] == ["disabled", "by_hand"]
    assert city.exec(select(Webhook)).one().event_types == ["service_request.routed"]
    assert city.exec(select(WebhookDelivery)).one().state == "failed"


def test_the_receiver_tells_the_genuine_from_the_forged(capsys: pytest.CaptureFixture[str]) -> None:
    secret, body = payload.new_secret(), payload.body_of_test(CITY, datetime.now(UTC))
    receiver = Receiver(0, [secret])
    thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    url = f"http://127.0.0.1:{receiver.server_port}/"
    headers = payload.headers(new_id(), body, [secret], datetime.now(UTC))
    try:
        assert httpx.post(url, content=body, headers=headers).status_code == 204
        assert httpx.post(url, content=body + " ", headers=headers).status_code == 401
        assert httpx.post(url, content=body).status_code == 401
        broken = {**headers, "webhook-signature": "v1,no base64!"}
        assert httpx.post(url, content=body, headers=broken).status_code == 401
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["genuine", "FORGED", "FORGED", "FORGED"]
    assert lines[0][1:3] == [headers["webhook-id"], "webhook.test"]
