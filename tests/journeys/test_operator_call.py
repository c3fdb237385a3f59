"""A caller asks for a person, waits, and is answered in a real browser: held, recorded with consent, passed on, ended."""

import time
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import RunningDemo, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journey")]


def _say_until_heard(page: Page, demo: RunningDemo, sid: str, words: str) -> None:
    """The caller's music ends a moment after the page says who talks; until then one says it again."""
    deadline = time.monotonic() + 60
    while words not in _heard(demo, sid):
        assert time.monotonic() < deadline, "the caller hears nothing of it"
        page.locator("#words").fill(words)
        page.keyboard.press("Enter")
        page.wait_for_timeout(2_000)


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


def _in_call(demo: RunningDemo, page: Page, phone: str) -> str:
    """Somebody asks for a person, and this operator has answered them: the call."""
    sid = _call(demo, [{"say": "quiero hablar con una persona"}, {"wait": 300}], phone)
    expect(page.locator("#strip .offer")).to_be_visible(timeout=60_000)
    page.keyboard.press("F2")
    expect(page.locator(".callbar .t[data-since]")).to_be_visible(timeout=60_000)
    return sid


def _leave(page: Page) -> None:
    """What is left of their last contact is written down, and their shift ends: nothing rings here for the next test."""
    if page.locator("#wrap").count():
        page.locator("#disposition-1").check()
        page.locator("#settle").click()
    expect(page.locator("#main h1")).to_have_text("Disponible", timeout=30_000)
    page.locator("#estado").click()
    page.locator("#states button[value=offline]").click()
    expect(page.locator("#states")).to_have_count(0)
    page.context.close()


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
    page.keyboard.press("g")
    expect(page.locator(".callbar")).to_contain_text("Grabando, aviso dado")
    page.locator("#topic").select_option("RUIDO")
    page.get_by_role("button", name="Guardar", exact=True).click()
    expect(page.locator(".callbar")).to_contain_text("Grabación en pausa")
    page.locator("#main").focus()
    page.keyboard.press("x")
    expect(page.locator("#wrap")).to_be_visible()
    page.locator("#main").focus()
    page.keyboard.press("3")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#main h1")).to_have_text("Disponible")
    wait_for(lambda: "completed" in _heard(demo, sid), 60, "the call to end")
    _leave(page)


def _find_colleague(page: Page) -> None:
    """Types the last name of the first one of the list."""
    expect(page.locator("#pass-find")).to_be_focused()
    colleague = page.locator("#pass-to option[value^=agent]").first.text_content() or ""
    page.keyboard.type(colleague.partition(" (")[0].split()[-1].lower())


def test_a_call_is_passed_on_to_a_colleague_by_keyboard(demo: RunningDemo, chromium: Browser) -> None:
    first = _sign_in(chromium, demo, "operator")
    sid = _in_call(demo, first, "+525577779999")
    second = _sign_in(chromium, demo, "supervisor")
    first.wait_for_timeout(6000)
    expect(first.locator("#pass-to option[value^=agent]")).to_be_attached(timeout=30_000)
    first.locator("#main").focus()
    first.keyboard.press("t")
    _find_colleague(first)
    for key in ("ArrowDown", "Tab", "Tab", "Enter"):
        first.keyboard.press(key)
    expect(second.locator(".callbar")).to_be_visible(timeout=60_000)
    expect(second.locator(".callbar .t[data-since]")).to_be_visible(timeout=60_000)
    second.locator("#hang-up").click()
    expect(second.locator("#wrap")).to_be_visible()
    wait_for(lambda: "completed" in _heard(demo, sid), 60, "the call to end")
    for page in (first, second):
        _leave(page)


def _ask_to_be_called(demo: RunningDemo, phone: str) -> None:
    """Somebody waits, chooses to be called back at the number that shows, and hangs up."""
    sid = _call(demo, [{"say": "quiero hablar con una persona"}, {"press": "1"}, {"press": "1"}, {"wait": 20}], phone)
    wait_for(lambda: "Le llamamos" in _heard(demo, sid) and "completed" in _heard(demo, sid), 60, "the call to end")


def _answers(demo: RunningDemo, phone: str, **how: Any) -> None:
    url = f"{demo.facts['standin']['url']}/phones/{phone}/answering"
    httpx.post(
        url, json={"script": [{"wait": 4}, {"say": "Sigue oscura la calle"}, {"wait": 120}], **how}
    ).raise_for_status()


def _dialled(demo: RunningDemo, phone: str) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = httpx.get(f"{demo.facts['standin']['url']}/calls", params={"phone": phone}).json()
    return [one for one in calls if one["to"] == phone]


def test_whoever_asked_for_it_is_called_back_by_the_program(demo: RunningDemo, chromium: Browser) -> None:
    phone = "+525577776666"
    _answers(demo, phone)
    _ask_to_be_called(demo, phone)
    page = _sign_in(chromium, demo, "operator")
    expect(page.locator("#strip .offer")).to_contain_text("Devolver llamada para ti", timeout=60_000)
    expect(page.locator("#pop")).to_contain_text("Es el primer intento.")
    page.keyboard.press("F2")
    expect(page.locator(".callbar .connecting")).to_be_visible()
    expect(page.locator(".callbar .t[data-since]")).to_be_visible(timeout=60_000)
    (rung,) = _dialled(demo, phone)
    assert "como pidió" in rung["heard"][0]
    expect(page.locator("#heard")).to_contain_text("Sigue oscura la calle", timeout=30_000)
    expect(page.locator(".callbar")).to_contain_text("Grabando, aviso dado", timeout=60_000)
    page.locator("#main").focus()
    page.keyboard.press("x")
    expect(page.locator("#wrap")).to_be_visible()
    page.locator("#main").focus()
    page.keyboard.press("3")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#main h1")).to_have_text("Disponible")
    wait_for(lambda: _dialled(demo, phone)[0]["status"] == "completed", 30, "the call to end")
    assert len(_dialled(demo, phone)) == 1
    _leave(page)


def test_a_busy_number_is_called_later_and_the_operator_is_free_at_once(demo: RunningDemo, chromium: Browser) -> None:
    phone = "+525577775555"
    _answers(demo, phone, how="busy")
    _ask_to_be_called(demo, phone)
    page = _sign_in(chromium, demo, "operator")
    expect(page.locator("#strip .offer")).to_be_visible(timeout=60_000)
    page.keyboard.press("F2")
    expect(page.locator("#strip")).to_contain_text("estaba ocupado", timeout=60_000)
    expect(page.locator("#strip")).to_contain_text("Se intenta otra vez en")
    expect(page.locator("#estado")).to_contain_text("Disponible")
    assert len(_dialled(demo, phone)) == 1
    _leave(page)


def test_a_call_is_talked_over_with_a_colleague_taken_back_and_then_handed_over(
    demo: RunningDemo, chromium: Browser
) -> None:
    first = _sign_in(chromium, demo, "operator")
    sid = _in_call(demo, first, "+525577774444")
    second = _sign_in(chromium, demo, "supervisor")
    second.keyboard.press("F6")
    for is_last in (False, True):
        first.locator("#main").focus()
        expect(first.locator("#pass-to option[value^=agent]")).to_be_attached(timeout=30_000)
        first.keyboard.press("t")
        _find_colleague(first)
        first.keyboard.press("Enter")
        expect(first.locator(".callbar")).to_contain_text("Hablas con", timeout=60_000)
        first.locator("#words").fill(f"Tengo a alguien con un poste caído {is_last}")
        first.keyboard.press("Enter")
        expect(second.locator("#strip")).to_contain_text("te consulta", timeout=30_000)
        expect(second.locator("#heard")).to_contain_text(f"poste caído {is_last}", timeout=30_000)
        assert "poste caído" not in _heard(demo, sid), "the caller hears music"
        first.locator("#hand-over" if is_last else "#take-back").click()
        if not is_last:
            expect(first.locator(".callbar")).not_to_contain_text("En espera", timeout=30_000)
            _say_until_heard(first, demo, sid, "Sigo con usted")
    expect(second.locator(".callbar .t[data-since]")).to_be_visible(timeout=60_000)
    expect(first.locator(".callbar")).to_have_count(0, timeout=30_000)
    _say_until_heard(second, demo, sid, "Buenas, ya estoy al tanto")
    second.locator("#hang-up").click()
    expect(second.locator("#wrap")).to_be_visible(timeout=30_000)
    wait_for(lambda: "completed" in _heard(demo, sid), 60, "the call to end")
    for page in (first, second):
        _leave(page)


def test_a_closed_browser_returns_the_caller_to_the_head_of_the_line(demo: RunningDemo, chromium: Browser) -> None:
    first = _sign_in(chromium, demo, "operator")
    sid = _in_call(demo, first, "+525577773333")
    second = _sign_in(chromium, demo, "supervisor")
    first.context.close()
    began = datetime.now(UTC)
    expect(second.locator("#strip .offer")).to_contain_text("Llamada para ti", timeout=60_000)
    # By the line's own record: what two browsers need to draw it is not what was promised.
    with psycopg.connect(demo.facts["database_url"]) as connection:
        (offered_at,) = connection.execute(
            "SELECT min(offered_at) FROM offer WHERE offered_at > %s", (began,)
        ).fetchone()  # type: ignore[misc]  # one row
    took = (offered_at - began).total_seconds()
    print(f"\na closed browser: offered to the next after {took:.1f} s", end="")
    second.keyboard.press("F2")
    expect(second.locator(".callbar .t[data-since]")).to_be_visible(timeout=60_000)
    _say_until_heard(second, demo, sid, "Perdone, se cortó con mi compañera")
    assert took < 15
    second.locator("#hang-up").click()
    expect(second.locator("#wrap")).to_be_visible(timeout=30_000)
    _leave(second)
