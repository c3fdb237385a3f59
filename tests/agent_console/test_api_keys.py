"""The pages of API keys: made, shown once, renewed and ended by an administrator of the city, and by nobody else."""

import re
from typing import Any
from uuid import uuid4

import pytest

from intake.catalog import clients, keys
from intake.catalog.models import ApiKey
from kernel import clock
from tests.agent_console.browserless import Browser
from tests.agent_console.conftest import Console
from tests.factories import CITY, make_city

pytestmark = pytest.mark.database
LIST, NEW = "/consola/llaves", "/consola/llaves/nueva"
OTHER = "otra.gob.example"


def shown(answer: Any) -> str:
    found = re.search(r'id="secret" readonly[^>]*>(atk_[\w-]+)<', answer.text)
    assert found, answer.text
    return found[1]


def known(console: Console, secret: str, city: str = CITY) -> clients.ApiClient | None:
    return clients.find(console.session, city, secret, now=clock.now())


def made(console: Console, browser: Browser, **values: Any) -> str:
    answer = browser.send(NEW, NEW, **({"label": "App", "scope": "submit"} | values))
    assert answer.status_code == 200, answer.text
    return shown(answer)


def key_named(console: Console, label: str) -> ApiKey:
    (found,) = keys.listed(console.session, named=label, jurisdiction_id=CITY)
    return console.fresh(found)


def test_a_key_is_shown_once_and_opens(console: Console) -> None:
    browser = console.enter("admin")
    secret = made(
        console,
        browser,
        label="Sistema de Aguas",
        scope="update",
        agency_code="AGUAS",
        expires="2999-12-31",
        writes_per_minute="30",
    )
    found = known(console, secret)
    assert found is not None
    assert (found.scopes, found.agency_code, found.writes_per_minute) == ({"update"}, "AGUAS", 30)
    page = browser.get(LIST).text
    assert secret not in page
    for words in (f"{secret[:9]}…", "Sistema de Aguas", "Aguas de Prueba", "nunca", "En uso", "hasta 30 por minuto"):
        assert words in page


def test_several_things_may_be_chosen(console: Console) -> None:
    browser = console.enter("admin")
    made(console, browser, scope=["submit", "read_private"], agency_code="ALC-N")
    assert keys.scopes_of(key_named(console, "App")) == ["submit", "read_private"]


def test_the_form_sent_twice_is_one_key_and_shows_it_again(console: Console) -> None:
    browser = console.enter("admin")
    page = browser.get(NEW).text
    hidden = dict(re.findall(r'<input type="hidden" name="(csrf|ref)" value="([^"]*)">', page))
    first, second = (browser.client.post(NEW, data=hidden | {"label": "App", "scope": "submit"}) for _ in range(2))
    assert shown(first) == shown(second)
    assert key_named(console, "App")
    keys.disable(console.session, key_named(console, "App").id, now=clock.now())
    assert browser.client.post(NEW, data=hidden | {"label": "App", "scope": "submit"}).status_code == 409
    # Another session with the same words makes another secret.
    other = console.enter("admin")
    csrf = dict(re.findall(r'<input type="hidden" name="(csrf|ref)" value="([^"]*)">', other.get(NEW).text))["csrf"]
    third = other.client.post(NEW, data={"csrf": csrf, "ref": hidden["ref"], "label": "App 2", "scope": "submit"})
    assert shown(third) != shown(first)


@pytest.mark.parametrize(
    "values",
    [
        {"scope": ["submit", "alert"]},
        {"label": "App 2"},
        {"agency_code": "ALC-N"},
        {"expires": "2999-12-31"},
        {"writes_per_minute": "30"},
    ],
)
def test_a_form_that_was_changed_after_it_had_made_its_key_says_so(console: Console, values: dict[str, Any]) -> None:
    browser = console.enter("admin")
    page = browser.get(NEW).text
    hidden = dict(re.findall(r'<input type="hidden" name="(csrf|ref)" value="([^"]*)">', page))
    sent = {"label": "App", "scope": "submit", "expires": "2999-12-30", "writes_per_minute": "77"}
    first = shown(browser.client.post(NEW, data=hidden | sent))
    refused = browser.client.post(NEW, data=hidden | sent | values)
    assert refused.status_code == 409
    assert first not in refused.text
    assert "Este formulario ya hizo la llave «App», con otros datos." in refused.text
    for typed in ("label", "expires", "writes_per_minute"):
        assert f'value="{(sent | values)[typed]}"' in refused.text
    assert len(keys.listed(console.session, named="App")) == 1
    # What comes back is a new form: sent once more with a label of its own, it makes another key.
    again = dict(re.findall(r'<input type="hidden" name="(csrf|ref)" value="([^"]*)">', refused.text))
    assert shown(browser.client.post(NEW, data=again | sent | values | {"label": "Otra"})) != first


@pytest.mark.parametrize(
    ("values", "field", "status"),
    [
        ({"label": " "}, "label", 400),
        ({"label": "test"}, "label", 409),
        ({"scope": []}, "scopes", 400),
        ({"scope": "everything"}, "scopes", 400),
        ({"scope": "update"}, "agency_code", 400),
        ({"agency_code": "NOBODY"}, "agency_code", 400),
        ({"expires": "2020-01-01"}, "expires_at", 400),
        ({"expires": "pronto"}, "expires_at", 400),
        ({"writes_per_minute": "muchos"}, "writes_per_minute", 400),
        ({"writes_per_minute": "2000000"}, "writes_per_minute", 400),
    ],
)
def test_a_form_that_does_not_hold_together_comes_back_as_it_was(
    console: Console, values: dict[str, Any], field: str, status: int
) -> None:
    browser = console.enter("admin")
    before = len(keys.listed(console.session))
    typed = {"label": "Una app", "scope": "submit", "writes_per_minute": "77"} | values
    answer = browser.send(NEW, NEW, **typed)
    assert answer.status_code == status
    assert f'id="{field}-error"' in answer.text
    assert len(keys.listed(console.session)) == before
    assert 'value="77"' in answer.text or "writes_per_minute" in values
    if typed["label"] == "Una app":
        assert 'value="Una app"' in answer.text


@pytest.mark.parametrize("ref", ["", "short", "x" * 65])
def test_a_form_without_its_own_words_makes_nothing(console: Console, ref: str) -> None:
    browser = console.enter("admin")
    csrf = re.search(r'name="csrf" value="([^"]+)"', browser.get(NEW).text)
    assert csrf
    data = {"csrf": csrf[1], "ref": ref, "label": "App", "scope": "submit"}
    assert browser.client.post(NEW, data=data).status_code == 400
    assert keys.listed(console.session, named="App") == []


def test_a_renewed_key_and_the_one_before_both_open_for_a_while(console: Console) -> None:
    browser = console.enter("admin")
    first = made(console, browser)
    url = f"{LIST}/{key_named(console, 'App').id}/renovar"
    page = browser.get(url).text
    hidden = dict(re.findall(r'<input type="hidden" name="(csrf|ref)" value="([^"]*)">', page))
    answers = [browser.client.post(url, data=hidden | {"overlap": "7"}) for _ in range(2)]
    second = shown(answers[0])
    assert shown(answers[1]) == second != first
    assert known(console, first)
    assert known(console, second)
    assert f"{first[:9]}… sirve hasta" in browser.get(LIST).text
    assert "esa deja de servir" in browser.get(url).text
    third = shown(browser.send(url, url, overlap="0"))
    assert [bool(known(console, secret)) for secret in (first, second, third)] == [False, False, True]


def test_a_secret_that_a_colleague_has_just_renewed_keeps_its_promise(console: Console) -> None:
    rosa, other = console.enter("admin"), console.enter("admin")
    first = made(console, rosa)
    url = f"{LIST}/{key_named(console, 'App').id}/renovar"
    forms = [
        dict(
            re.findall(
                r'<input type="hidden" name="(\w+)" value="([^"]*)">', browser.get(url).text.split("sheet-form")[1]
            )
        )
        for browser in (rosa, other)
    ]
    second = shown(rosa.client.post(url, data=forms[0] | {"overlap": "7"}))
    refused = other.client.post(url, data=forms[1] | {"overlap": "0"})
    assert refused.status_code == 409
    assert "Alguien ya renovó esta llave mientras la veías." in refused.text
    assert known(console, first)
    assert shown(rosa.client.post(url, data=forms[0] | {"overlap": "7"})) == second


@pytest.mark.parametrize("overlap", ["", "-1", "91", "x"])
def test_a_renewal_of_no_length_changes_nothing(console: Console, overlap: str) -> None:
    browser = console.enter("admin")
    secret = made(console, browser)
    url = f"{LIST}/{key_named(console, 'App').id}/renovar"
    assert browser.send(url, url, overlap=overlap).status_code == 400
    assert known(console, secret)


def test_a_key_is_disabled_after_a_question(console: Console) -> None:
    browser = console.enter("admin")
    secret = made(console, browser)
    url = f"{LIST}/{key_named(console, 'App').id}/apagar"
    assert "No se puede volver a encender" in browser.get(url).text
    assert known(console, secret)
    answer = browser.send(url, url)
    assert (answer.status_code, answer.headers["location"]) == (303, LIST)
    assert known(console, secret) is None
    page = browser.get(LIST).text
    assert "Apagada" in page
    assert f"{key_named(console, 'App').id}/apagar" not in page
    for action in ("apagar", "renovar"):
        assert "ya terminó" in browser.get(f"{LIST}/{key_named(console, 'App').id}/{action}").text


def test_without_keys_the_page_says_what_comes_next(console: Console) -> None:
    for key in keys.listed(console.session):
        console.session.delete(key)
    console.session.flush()
    page = console.enter("admin").get(LIST).text
    assert "Todavía no hay llaves" in page
    assert NEW in page


def test_the_pages_speak_english(console: Console) -> None:
    browser = console.enter("admin")
    browser.send(LIST, "/consola/cuenta/idioma", lang="en")
    secret = made(console, browser)
    url = f"{LIST}/{key_named(console, 'App').id}"
    pages = {
        LIST: ("API keys", "Whose it is", "In use", "Post requests"),
        NEW: ("New key", "What it may do", "Last day"),
        f"{url}/renovar": ("Rotate the key of App", secret[:9], "in 7 days"),
        f"{url}/apagar": ("Disable the key of App", "cannot be enabled again"),
    }
    for page, texts in pages.items():
        found = browser.get(page).text
        for text in texts:
            assert text in found, (page, text)


@pytest.mark.parametrize("role", ["operator", "supervisor", "agency"])
def test_keys_are_for_administrators(console: Console, role: str) -> None:
    browser = console.enter(role)
    key = keys.listed(console.session)[0]
    for url in (LIST, NEW, f"{LIST}/{key.id}/renovar", f"{LIST}/{key.id}/apagar"):
        assert browser.get(url).status_code == 404
    assert LIST not in browser.get("/consola/solicitudes").text


def test_another_citys_key_does_not_exist(console: Console) -> None:
    make_city(console.session, OTHER, sms_number=None).is_default = False
    secret = keys.create(console.session, OTHER, "Ajena", now=clock.now())
    (theirs,) = keys.listed(console.session, named="Ajena")
    browser = console.enter("admin")
    page = browser.get(LIST).text
    assert "Ajena" not in page
    assert keys.told_by(theirs) not in page
    hidden = dict(re.findall(r'<input type="hidden" name="(csrf|ref)" value="([^"]*)">', browser.get(NEW).text))
    for action in ("renovar", "apagar"):
        for url in (f"{LIST}/{theirs.id}/{action}", f"{LIST}/{uuid4()}/{action}"):
            assert browser.get(url).status_code == 404
            assert browser.client.post(url, data=hidden | {"overlap": "0"}).status_code == 404
    assert known(console, secret, OTHER)
    # A label is the city's own, and so is what a key made here may be about.
    made(console, browser, label="Ajena")
    assert len(keys.listed(console.session, named="Ajena", jurisdiction_id=CITY)) == 1
