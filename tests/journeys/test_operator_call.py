"""A caller asks for a person, waits, and is answered in a real browser: held, recorded with consent, passed on, ended."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import RunningDemo, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journeys")]


def _sign_in(chromium: Browser, demo: RunningDemo, role: str) -> Page:
    console = demo.facts["console"]
    login = next(one for one in console["logins"] if one["role"] == role)
    page = chromium.new_context(viewport={"width": 1366, "height": 768}, locale="es-MX").new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{console['url']}/entrar?next=/consola/atencion")
    page.fill("input[name=email]", login["email"])
    page.fill("input[name=password]", login["password"])
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.goto(f"{console['url']}/atencion")
    if page.locator("#take-over").is_visible():  # a window of theirs was closed, and its shift is still open
        page.locator("#take-over").click()
    else:
        page.keyboard.press("F2")
    expect(page.locator("#estado")).to_contain_text("Disponible")
    return page


def _call(demo: RunningDemo, script: list[dict[str, Any]], phone: str) -> str:
    standin, voice = demo.facts["standin"]["url"], demo.facts["voice"]
    made = httpx.post(
        f"{standin}/calls",
        json={"from": phone, "to": voice["number"], "script": script, "async": True, "speed": 1},
        timeout=30,
    )
    made.raise_for_status()
    return str(made.json()["sid"])


def _heard(demo: RunningDemo, sid: str) -> str:
    return str(httpx.get(f"{demo.facts['standin']['url']}/calls/{sid}", timeout=30).json())


def test_a_caller_is_answered_held_recorded_and_ended(demo: RunningDemo, chromium: Browser) -> None:
    page = _sign_in(chromium, demo, "operator")
    script = [
        {"say": "quiero hablar con una persona"},
        {"wait": 6},
        {"say": "Hay un poste a punto de caer"},
        {"wait": 120},
    ]
    sid = _call(demo, script, "+525577778888")
    expect(page.locator("#strip .offer")).to_contain_text("Llamada para ti", timeout=60_000)
    page.keyboard.press("F2")
    expect(page.locator(".callbar")).to_be_visible()
    expect(page.locator(".callbar .t[data-since]")).to_be_visible(timeout=60_000)
    page.locator("#words").fill("Buenas tardes, dígame")
    page.keyboard.press("Enter")
    expect(page.locator("#heard")).to_contain_text("dígame", timeout=30_000)
    wait_for(lambda: "dígame" in _heard(demo, sid), 60, "the caller to hear the operator")
    expect(page.locator(".callbar")).to_contain_text("Grabando, aviso dado", timeout=60_000)
    page.locator("#main").focus()
    page.keyboard.press("e")
    expect(page.locator(".callbar")).to_contain_text("En espera, oye música")
    page.keyboard.press("e")
    expect(page.locator(".callbar")).not_to_contain_text("En espera, oye música")
    page.keyboard.press("g")
    expect(page.locator(".callbar")).to_contain_text("Grabación en pausa")
    page.keyboard.press("x")
    expect(page.locator("#wrap")).to_be_visible()
    page.locator("#main").focus()
    page.keyboard.press("3")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#main h1")).to_have_text("Disponible")
    wait_for(lambda: "completed" in _heard(demo, sid), 60, "the call to end")
    page.context.close()


def test_a_call_is_passed_on_to_a_colleague(demo: RunningDemo, chromium: Browser) -> None:
    first = _sign_in(chromium, demo, "operator")
    sid = _call(demo, [{"say": "quiero hablar con una persona"}, {"wait": 180}], "+525577779999")
    expect(first.locator("#strip .offer")).to_be_visible(timeout=60_000)
    first.keyboard.press("F2")
    expect(first.locator(".callbar .t[data-since]")).to_be_visible(timeout=60_000)
    second = _sign_in(chromium, demo, "supervisor")
    first.wait_for_timeout(6000)
    first.locator("#transfer").click()
    expect(first.locator("#pass-to option").first).to_be_attached()
    first.locator("#passing button[value=blind]").click()
    expect(second.locator(".callbar")).to_be_visible(timeout=60_000)
    expect(second.locator(".callbar .t[data-since]")).to_be_visible(timeout=60_000)
    second.locator("#hang-up").click()
    expect(second.locator("#wrap")).to_be_visible()
    wait_for(lambda: "completed" in _heard(demo, sid), 60, "the call to end")
    for page in (first, second):
        page.context.close()
