import re
from datetime import timedelta
from statistics import median
from time import thread_time

import pytest
import time_machine
from sqlmodel import select

from agent_console import passwords
from agent_console.accounts import ABSOLUTE, IDLE, allow, ensure_user, viewer_of
from agent_console.models import ConsoleSession, ConsoleUser
from agent_console.rate_limits import SignInLimits
from kernel import clock
from kernel.errors import TooMany
from tests.agent_console.browserless import Browser
from tests.agent_console.conftest import PASSWORD, Console
from tests.factories import CITY

pytestmark = pytest.mark.database
LIST = "/consola/solicitudes"


def _enter(console: Console, role: str) -> Browser:
    browser = console.anonymous()
    answer = browser.sign_in(f"{role}@prueba.example", PASSWORD)
    assert answer.status_code == 303, answer.text
    return browser


def test_the_right_password_opens_the_list(console: Console) -> None:
    browser = _enter(console, "operator")
    page = browser.get(LIST)
    assert page.status_code == 200
    assert "Amir Torres" in page.text


def test_nobody_sees_anything_without_signing_in(console: Console) -> None:
    answer = console.anonymous().get(LIST + "?due=late")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/consola/entrar?next=/consola/solicitudes%3Fdue%3Dlate"


def test_signing_in_leads_back_to_the_page_that_was_wanted(console: Console) -> None:
    browser = console.anonymous()
    page = "/consola/entrar?next=/consola/solicitudes%3Fdue%3Dlate"
    answer = browser.send(page, "/consola/entrar", email="operator@prueba.example", password=PASSWORD)
    assert answer.headers["location"] == LIST + "?due=late"


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example/consola/", "/consola/\\evil", "/otra"])
def test_signing_in_never_leads_to_another_site(console: Console, where: str) -> None:
    browser = console.anonymous()
    browser.get("/consola/entrar")
    page = browser.get("/consola/entrar", params={"next": where}).text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    form = {"email": "operator@prueba.example", "password": PASSWORD, "csrf": csrf[1], "next": where}
    assert browser.client.post("/consola/entrar", data=form).headers["location"] == LIST


def test_a_wrong_password_and_an_unknown_account_get_the_same_words(console: Console) -> None:
    wrong = console.anonymous().sign_in("operator@prueba.example", "nope")
    unknown = console.anonymous().sign_in("nadie@prueba.example", "nope")

    def words(text: str) -> str:
        return re.sub(r'value="[^"]*"', "", text)

    assert wrong.status_code == unknown.status_code == 401
    assert "no coinciden" in wrong.text
    assert words(wrong.text) == words(unknown.text)


def test_a_wrong_password_and_an_unknown_account_take_the_same_time() -> None:
    known = passwords.hash_password(PASSWORD)
    passwords.matches("warm up", None)

    def spent(password_hash: str | None) -> float:
        times = []
        for _ in range(5):
            start = thread_time()  # the work itself: what else the machine does meanwhile is nobody's secret
            assert not passwords.matches("nope", password_hash)
            times.append(thread_time() - start)
        return median(times)

    # Without the hash that nobody has, an unknown account answers a thousand times faster.
    assert 0.3 < spent(None) / spent(known) < 3


def test_the_session_cookie_is_out_of_reach_and_only_its_hash_is_kept(console: Console) -> None:
    browser = console.anonymous()
    answer = browser.sign_in("operator@prueba.example", PASSWORD)
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("atiende_console="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    token = cookie.split("=", 1)[1].split(";")[0]
    kept = console.session.exec(select(ConsoleSession)).one()
    assert token.encode() not in kept.token_hash
    assert len(kept.token_hash) == 32


def test_signing_out_makes_the_cookie_worthless(console: Console) -> None:
    browser = _enter(console, "operator")
    token = browser.client.cookies["atiende_console"]
    assert browser.send(LIST, "/consola/cuenta/salir").status_code == 303
    browser.client.cookies.set("atiende_console", token, path="/consola")
    assert browser.get(LIST).status_code == 303


@pytest.mark.parametrize(("step", "times", "holds"), [(IDLE, 1, False), (timedelta(hours=7), 1, True)])
def test_an_idle_session_ends(console: Console, step: timedelta, times: int, holds: bool) -> None:
    browser = _enter(console, "operator")
    with time_machine.travel(clock.now() + step * times, tick=False):
        assert (browser.get(LIST).status_code == 200) is holds


def test_a_session_in_use_ends_after_twelve_hours(console: Console) -> None:
    start, browser = clock.now(), _enter(console, "operator")
    for hours in (4, 8, 11):
        with time_machine.travel(start + timedelta(hours=hours), tick=False):
            assert browser.get(LIST).status_code == 200
    with time_machine.travel(start + ABSOLUTE + timedelta(minutes=1), tick=False):
        assert browser.get(LIST).status_code == 303


def test_a_disabled_user_is_out_at_the_next_action(console: Console) -> None:
    browser, found = _enter(console, "operator"), console.report()
    user = console.session.get_one(ConsoleUser, console.users["operator"])
    page = browser.get(f"{LIST}/{found.folio}")
    assert page.status_code == 200
    user.disabled_at = clock.now()
    console.session.add(user)
    console.session.flush()
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf
    answer = browser.client.post(f"{LIST}/{found.folio}/respuesta", data={"csrf": csrf[1], "mode": "note", "text": "x"})
    assert answer.headers["location"] == "/consola/entrar"
    assert console.anonymous().sign_in("operator@prueba.example", PASSWORD).status_code == 401


def test_too_many_wrong_passwords_have_to_wait(console: Console) -> None:
    for _ in range(10):
        assert console.anonymous().sign_in("operator@prueba.example", "nope").status_code == 401
    answer = console.anonymous().sign_in("operator@prueba.example", PASSWORD)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Vuelve a intentarlo en 10 min" in answer.text
    # Somebody else is not locked out by it.
    assert console.anonymous().sign_in("admin@prueba.example", PASSWORD).status_code == 303


def test_one_address_cannot_try_many_accounts() -> None:
    limits = SignInLimits(None)
    for n in range(60):
        limits.check(f"u{n}@prueba.example", "192.0.2.1")
        limits.failed(f"u{n}@prueba.example", "192.0.2.1")
    limits.check("u60@prueba.example", "192.0.2.2")
    with pytest.raises(TooMany) as refused:
        limits.check("u60@prueba.example", "192.0.2.1")
    assert 0 < refused.value.retry_after_s <= 600


def test_attempts_are_still_counted_while_redis_is_away() -> None:
    limits = SignInLimits("redis://127.0.0.1:1/0")
    for _ in range(10):
        limits.check("a@prueba.example", "192.0.2.1")
        limits.failed("a@prueba.example", "192.0.2.1")
    with pytest.raises(TooMany):
        limits.check("a@prueba.example", "192.0.2.1")


def test_the_right_password_clears_the_count(console: Console) -> None:
    for _ in range(2):
        for _ in range(6):
            console.anonymous().sign_in("operator@prueba.example", "nope")
        assert console.anonymous().sign_in("operator@prueba.example", PASSWORD).status_code == 303


def test_ensuring_a_user_again_changes_what_changed_only(console: Console) -> None:
    def ensure(name: str, password: str) -> ConsoleUser:
        return ensure_user(
            console.session,
            jurisdiction_id=CITY,
            email=" Operator@Prueba.example ",
            name=name,
            role="operator",
            password=password,
        )

    before = console.session.get_one(ConsoleUser, console.users["operator"]).password_hash
    same = ensure("Amir T.", PASSWORD)
    assert (same.id, same.name, same.password_hash) == (console.users["operator"], "Amir T.", before)
    browser = _enter(console, "operator")
    changed = ensure("Amir T.", "another password")
    assert changed.password_hash != before
    assert browser.get(LIST).status_code == 303


def test_an_unknown_token_is_nobody(console: Console) -> None:
    assert viewer_of(console.session, "made-up", now=clock.now()) is None


def test_an_administrator_takes_and_gives_access(console: Console) -> None:
    browser, colleague = _enter(console, "admin"), _enter(console, "operator")
    action = f"/consola/personal/{console.users['operator']}"
    assert browser.send("/consola/personal", action, allowed="false").status_code == 303
    assert colleague.get(LIST).status_code == 303
    assert "Sin acceso" in browser.get("/consola/personal").text
    browser.send("/consola/personal", action, allowed="true")
    assert console.anonymous().sign_in("operator@prueba.example", PASSWORD).status_code == 303


def test_nobody_takes_their_own_access(console: Console) -> None:
    from agent_console.accounts import sign_in
    from kernel.errors import Conflict

    token = sign_in(console.session, email="admin@prueba.example", password=PASSWORD, now=clock.now())
    assert token
    viewer = viewer_of(console.session, token, now=clock.now())
    assert viewer
    with pytest.raises(Conflict):
        allow(console.session, viewer, viewer.user_id, allowed=False, now=clock.now())
