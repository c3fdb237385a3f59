"""The demo's mailbox: by a program, in a browser with and without scripts, narrow, dark, and clean for assistive technology."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from channels.standin.mail.part import MailConfig, mail_from
from tests.channels.email.mails import ROSA
from tests.channels.email.post import ACCOUNT
from tests.channels.servers import Network, eventually, standin, standin_config
from tests.channels.test_phone_page import problems

ANA = "ana.luna@correo.example"


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """A stand-in with a mail server; nobody fetches from it."""
    config = standin_config(tmp_path / "state.sqlite3", "http://127.0.0.1:1/webhooks/sms", mail=MailConfig(ACCOUNT))
    with standin(config) as network:
        yield network


def carried(network: Network) -> list[dict[str, str]]:
    found: list[dict[str, str]] = network.client.get("/messages.json").json()
    return found


def test_a_program_writes_as_a_resident_and_sees_what_was_carried(network: Network) -> None:
    answer = network.client.post("/mail/messages", json={"who": ROSA, "subject": "Bache", "body": "en Sabinos 214"})
    assert answer.status_code == 201
    [mail] = carried(network)
    assert mail | {"at": ""} == {
        "channel": "email",
        "sid": answer.json()["sid"],
        "direction": "inbound",
        "from": ROSA,
        "to": ACCOUNT.address,
        "subject": "Bache",
        "body": "en Sabinos 214",
        "status": "receiving",
        "at": "",
    }


@pytest.mark.parametrize("values", [{"who": "nobody"}, {"who": ACCOUNT.address, "body": "x"}, {"who": ROSA}])
def test_what_cannot_be_sent_is_refused(network: Network, values: dict[str, str]) -> None:
    assert network.client.post("/mail/messages", json=values).status_code == 400
    assert carried(network) == []


def test_other_origins_may_not_write(network: Network) -> None:
    answer = network.client.post("/mail/messages", json={"who": ROSA, "body": "x"}, headers={"Origin": "http://evil"})
    assert answer.status_code == 403


def test_switches_are_kept_and_unknown_ones_refused(network: Network) -> None:
    assert network.client.post("/mail/settings", json={"outage": "drop", "slow_s": 2}).json()["slow_s"] == 2
    assert network.client.get("/mail/settings").json()["outage"] == "drop"
    for wrong in ({"outage": "meteor"}, {"slow_s": -1}, {"nonsense": True}):
        assert network.client.post("/mail/settings", json=wrong).status_code == 400


def test_without_mail_there_is_no_page(tmp_path: Path) -> None:
    with standin(standin_config(tmp_path / "s.sqlite3", "http://127.0.0.1:1/webhooks/sms")) as network:
        assert network.client.get("/mail").status_code == 404
        assert carried(network) == []


def test_a_stand_in_of_a_real_mailbox_has_no_mail() -> None:
    real = {"ATIENDE_EMAIL_ADDRESS": "a@b.mx", "ATIENDE_EMAIL_IMAP_USER": "u", "ATIENDE_EMAIL_SMTP_HOST": "smtp.b.mx"}
    assert mail_from(real) is None
    assert mail_from(real | {"ATIENDE_EMAIL_SMTP_HOST": "127.0.0.1"}) is not None


@pytest.mark.browser
@pytest.mark.xdist_group("phone_page")
@pytest.mark.parametrize("scripts", [True, False])
def test_a_mail_with_a_photo_is_written_and_answered(
    chromium: Browser, network: Network, tmp_path: Path, scripts: bool
) -> None:
    photo = tmp_path / "bache.jpg"
    photo.write_bytes(b"\xff\xd8\xff" + b"x" * 3000)
    page = chromium.new_page(locale="es-MX", java_script_enabled=scripts)
    page.goto(f"{network.url}/mail")
    page.fill("#subject", "Bache")
    page.fill("#body", "en Sabinos 214")
    page.set_input_files("#photo", str(photo))
    page.click("#write button")
    assert "bache.jpg" in page.inner_text("#mails")
    page.fill("#body", "y hay otro")
    page.click("#write button")
    eventually(lambda: [mail["subject"] for mail in carried(network)] == ["Bache", "Re: Bache"])
    assert page.locator("#mails li").count() == 2
    page.close()


@pytest.mark.browser
@pytest.mark.xdist_group("phone_page")
@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1366, "dark"), (1366, "light")])
def test_it_fits_and_is_clean(chromium: Browser, network: Network, width: int, scheme: str) -> None:
    httpx.post(f"{network.url}/mail/messages", json={"who": ANA, "subject": "S" * 150, "body": "w" * 300})
    page = chromium.new_page(
        locale="es-MX", viewport={"width": width, "height": 768}, color_scheme="dark" if scheme == "dark" else "light"
    )
    for address in ("/mail", "/mail?thread=1", "/mail?lang=en"):
        page.goto(network.url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert problems(page) == []
    page.close()
