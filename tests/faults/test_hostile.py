"""What residents send to hurt: markup for the people who read it, addresses for the program that fetches it. Real processes."""

import base64
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from tests.channels.test_media_fetching import Provider as Honeypot
from tests.faults.calls import Call, Provider, rows
from tests.running import RunningDemo, wait_for

pytestmark = [pytest.mark.fault, pytest.mark.xdist_group("messages"), pytest.mark.timeout(300)]

EVIL = '"><script>window.ran=1;alert(1)</script><img src=x onerror="window.ran=1">\'{{7*7}}'
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="parent.ran=1"><script>top.ran=1;alert(1)</script></svg>'
HTML = b"<html><script>window.ran=1;alert(1)</script></html>"
_phones = itertools.count(55_7100_0001)


def somebody() -> str:
    return f"+521{next(_phones)}"


def thread_of(demo: RunningDemo, call: Call) -> str:
    (found,) = rows(demo, "SELECT conversation_id FROM message WHERE provider_message_id = %s", call.key)
    return str(found[0])


@dataclass
class Phone:
    """A WhatsApp user at the stand-in whose name is markup."""

    demo: RunningDemo
    number: str = field(default_factory=somebody)

    def does(self, **fields: Any) -> None:
        url = f"{self.demo.facts['standin']['url']}/whatsapp/{self.number}/messages"
        httpx.post(url, json={"profile_name": EVIL, **fields}, timeout=20).raise_for_status()


def attachments(demo: RunningDemo, thread: str) -> list[tuple[Any, ...]]:
    query = """
        SELECT attachment.id, attachment.kind, attachment.state, attachment.reason, attachment.stored_type
        FROM message_attachment AS attachment JOIN message ON message.id = message_id
        WHERE conversation_id = %s ORDER BY message.seq, position
    """
    return rows(demo, query, thread)


def test_17_nothing_that_a_resident_sends_runs_in_the_console(messages_demo: RunningDemo, chromium: Browser) -> None:
    phone = Phone(messages_demo)

    def file(content_type: str, data: bytes) -> list[dict[str, str]]:
        return [{"content_type": content_type, "data": base64.b64encode(data).decode()}]

    phone.does(body=f"Hay una fuga de agua {EVIL}")
    phone.does(kind="photo", body=EVIL, media=file("image/svg+xml", SVG))
    phone.does(kind="document", body='"><img src=x onerror=alert(1)>.svg', media=file("text/html", HTML))
    place = messages_demo.facts["open311"]["sample_point"]
    phone.does(kind="place", lon=place["lon"], lat=place["lat"], label=EVIL, address=EVIL)
    phone.does(kind="contact", type=EVIL, media=file(f"text/vcard{EVIL}", b"BEGIN:VCARD"))
    query = "SELECT conversation_id, count(*) FROM message WHERE place_label LIKE '%%onerror%%' GROUP BY 1"
    ((thread, _),) = wait_for(lambda: rows(messages_demo, query), 30, "the place")
    wait_for(lambda: len(attachments(messages_demo, thread)) == 3, 30, "all of it")
    wait_for(lambda: not any(one[2] == "waiting" for one in attachments(messages_demo, thread)), 60, "its attachments")

    context = chromium.new_context(base_url=messages_demo.base_url)
    page = context.new_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    login = next(one for one in messages_demo.facts["console"]["logins"] if one["role"] == "supervisor")
    page.goto("/consola/entrar")
    page.fill("[name=email]", login["email"])
    page.fill("[name=password]", login["password"])
    page.click("main button[type=submit]")
    page.wait_for_url("**/consola/solicitudes*")
    for path in (f"/consola/conversaciones/{thread}", "/consola/conversaciones", f"/consola/solicitudes?q={EVIL}"):
        page.goto(path)
        page.wait_for_timeout(200)
        assert page.evaluate("window.ran") is None, path
        # Nothing of it became an element either.
        assert page.locator("img[src=x], svg[onload], script:not([src])").count() == 0, path
    page.goto(f"/consola/conversaciones/{thread}")
    assert "onerror" in page.inner_text("body"), "what was written is read as it was written"
    # What is kept of the files is nothing that a browser would open as a page of ours.
    for attachment_id, *_ in attachments(messages_demo, thread):
        answer = context.request.get(f"/consola/conversaciones/{thread}/adjuntos/{attachment_id}")
        kind = answer.headers["content-type"]
        if answer.ok:
            assert not kind.startswith(("text/html", "image/svg"))
            assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert dialogs == []
    context.close()


@pytest.fixture
def honeypot() -> Iterator[Honeypot]:
    """A service of the inside: whoever calls it was led there."""
    made = Honeypot()
    yield made
    made.close()


def test_18_an_attachment_leads_nowhere_but_to_the_provider(
    messages_demo: RunningDemo, provider: Provider, honeypot: Honeypot
) -> None:
    account = messages_demo.setting("ATIENDE_SMS_ACCOUNT_SID")
    standin = messages_demo.facts["standin"]["url"]
    media = f"/2010-04-01/Accounts/{account}/Messages/MM1/Media/ME1"
    addresses = [
        honeypot.url + media,
        f"{standin}@{honeypot.url.removeprefix('http://')}{media}",
        f"{standin}.evil.example{media}",
        f"{standin}{media}/../../../../../../settings",
        f"{standin}/messages.json",
        messages_demo.base_url + media,
        "http://169.254.169.254/latest/meta-data/iam",
        "file:///etc/passwd",
    ]
    calls = []
    for channel in ("sms", "whatsapp"):
        more = {f"MediaUrl{number}": address for number, address in enumerate(addresses)}
        more |= {f"MediaContentType{number}": "image/jpeg" for number in range(len(addresses))}
        calls.append(provider.text(channel, somebody(), "", NumMedia=str(len(addresses)), **more))
        provider.deliver(calls[-1])
    for call in calls:
        thread = thread_of(messages_demo, call)
        wait_for(lambda thread=thread: is_looked_at(messages_demo, thread, len(addresses)), 60, "a look at each")
        assert {(state, reason) for _, _, state, reason, _ in attachments(messages_demo, thread)} == {
            ("refused", "not_ours")
        }
    assert honeypot.asked == []


def test_18_the_password_does_not_follow_where_the_provider_leads(
    messages_demo: RunningDemo,
) -> None:
    standin = messages_demo.facts["standin"]["url"]
    switch = f"{standin}/settings"
    httpx.post(switch, json={"media": "stray"}, timeout=20).raise_for_status()
    phone = somebody()
    photo = {"content_type": "image/png", "data": base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()}
    query = """
        SELECT attachment.state, attachment.reason FROM message_attachment AS attachment
        WHERE reference LIKE %s AND reason = 'led_astray'
    """
    try:
        httpx.post(
            f"{standin}/whatsapp/{phone}/messages", json={"kind": "photo", "media": [photo]}, timeout=20
        ).raise_for_status()
        seen = wait_for(lambda: rows(messages_demo, query, f"{standin}%"), 60, "the look")
        assert seen == [("refused", "led_astray")]
    finally:
        httpx.post(switch, json={"media": "ok"}, timeout=20).raise_for_status()


def is_looked_at(demo: RunningDemo, thread: str, count: int) -> bool:
    found = attachments(demo, thread)
    return len(found) == count and all(state != "waiting" for _, _, state, *_ in found)
