"""The operator's telephone alone, with a fake of the network's client: one device, and a call as mute as the page says."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser_desk")]

_SCRIPT = Path(__file__).resolve().parents[2] / "agent_console" / "static" / "softphone.js"
_PAGE = """<!doctype html><html lang="es"><title>Puesto</title>
<div id="mark" data-standing="mine" data-csrf="x"></div>
<div id="softphone" data-kind="twilio" data-token="/ficha"></div>
<div id="strip" data-call="one"><button id="mute" data-on="Silenciado" data-off="Silenciar" hidden><span></span></button></div>"""
# Tickets and registrations wait until the test lets them through, as a network does.
_NETWORK = """
    window.devices = [];
    window.later = [];
    window.wait = () => new Promise((go, fail) => later.push({ go, fail }));
    window.settle = async (how = "go") => {
        for (let n = 0; n < 4; n++) {
            later.splice(0).forEach((one) => one[how]());
            await new Promise((done) => setTimeout(done));
        }
    };
    window.fetch = async () => { await wait(); return { ok: true, json: async () => ({ token: "t" }) }; };
    window.Twilio = { Device: class {
        constructor() { this.hears = {}; this.isUp = false; devices.push(this); }
        on(name, act) { this.hears[name] = act; }
        async register() { await wait(); this.isUp = true; }
        destroy() { this.isUp = false; }
        ring() {
            const call = { hears: {}, isMuted: false, isHeard: false, on(name, act) { this.hears[name] = act; },
                mute(on) { this.isMuted = on; this.isHeard ||= this.isOn && !on; },
                accept() { this.isOn = true; this.isHeard ||= !this.isMuted; } };
            this.hears.incoming(call);
            return call;
        }
    } };
"""


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    made = context.new_page()
    made.route("http://desk.test/", lambda route: route.fulfill(body=_PAGE, content_type="text/html"))
    made.goto("http://desk.test/")
    made.evaluate(_NETWORK)
    made.add_script_tag(content=_SCRIPT.read_text(), type="module")
    expect(made.locator("#mute")).to_be_visible()
    yield made
    context.close()


def tell(page: Page, event: str, *, standing: str = "mine") -> None:
    """What the desk says when it has put new parts in place."""
    page.evaluate(
        "([name, standing]) => { mark.dataset.standing = standing; document.dispatchEvent(new CustomEvent(name)); }",
        [event, standing],
    )


def up(page: Page) -> list[bool]:
    """Of each device that was made, whether it would be rung."""
    page.evaluate("settle()")
    found: list[bool] = page.evaluate("devices.map((one) => one.isUp)")
    return found


def test_a_desk_that_changes_while_its_telephone_opens_has_one(page: Page) -> None:
    tell(page, "atiende:desk")
    tell(page, "atiende:parts")
    assert up(page) == [True]
    tell(page, "atiende:parts")
    assert up(page) == [True]


def test_a_shift_that_ends_while_its_telephone_opens_leaves_none(page: Page) -> None:
    tell(page, "atiende:desk", standing="off")
    assert not any(up(page))
    tell(page, "atiende:desk")
    assert sum(up(page)) == 1


def test_a_telephone_that_could_not_open_tries_again(page: Page) -> None:
    page.evaluate("settle('fail')")
    tell(page, "atiende:parts")
    assert sum(up(page)) == 1


def test_muted_before_the_call_arrives_it_is_never_heard(page: Page) -> None:
    up(page)
    page.locator("#mute").click()
    expect(page.locator("#mute")).to_have_text("Silenciado")
    page.evaluate("window.call = devices[0].ring()")
    tell(page, "atiende:parts")
    assert page.evaluate("[call.isMuted, call.isHeard]") == [True, False]
    page.locator("#mute").click()
    assert page.evaluate("call.isMuted") is False


def test_an_older_leg_that_ends_takes_no_mute_from_the_newer(page: Page) -> None:
    up(page)
    page.evaluate("window.older = devices[0].ring(); window.call = devices[0].ring(); older.hears.disconnect()")
    page.locator("#mute").click()
    assert page.evaluate("call.isMuted") is True


def test_the_next_call_is_heard_although_it_rang_before_the_page_showed_it(page: Page) -> None:
    up(page)
    page.locator("#mute").click()
    page.evaluate("window.call = devices[0].ring(); strip.dataset.call = 'two'")
    tell(page, "atiende:parts")
    expect(page.locator("#mute")).to_have_text("Silenciar")
    assert page.evaluate("call.isMuted") is False
