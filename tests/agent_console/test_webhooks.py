"""The pages of webhooks: for administrators of the city, without scripts, and with nothing made twice or shown twice."""

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlmodel import select

from intake.webhooks import actions, config, payload
from intake.webhooks.config import Config
from intake.webhooks.models import Webhook, WebhookDelivery
from kernel import clock
from tests.agent_console.conftest import Console
from tests.factories import CITY, make_city

pytestmark = pytest.mark.database

HOME = "/consola/avisos"
ADDRESS = "https://sistema.example/avisos"


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    config.configure(Config("http://testserver"))
    yield
    config.configure(None)


def make(console: Console, url: str = ADDRESS, city: str = CITY) -> Webhook:
    return actions.make(console.session, city, url, made_by="Rosa Cruz", now=clock.now())[0]


def delivery(console: Console, webhook: Webhook, **values: object) -> WebhookDelivery:
    given = {
        "webhook_id": webhook.id,
        "event_type": "service_request.submitted",
        "body": "{}",
        "due_at": clock.now(),
        "created_at": clock.now(),
    }
    made = WebhookDelivery(**(given | values))  # type: ignore[arg-type]  # columns by name
    console.session.add(made)
    console.session.flush()
    return made


@pytest.mark.parametrize("role", ["operator", "supervisor", "agency"])
def test_only_administrators_find_them(console: Console, role: str) -> None:
    webhook = make(console)
    browser = console.enter(role)
    for path in (HOME, f"{HOME}/nuevo", f"{HOME}/{webhook.id}", f"{HOME}/{webhook.id}/clave"):
        assert browser.get(path).status_code == 404
    assert "Avisos" not in browser.get("/consola/solicitudes").text


def test_none_yet_says_what_to_do(console: Console) -> None:
    assert "Todavía no se le avisa a nadie" in console.enter("admin").get(HOME).text


def test_one_is_made_and_its_secret_is_shown_this_once(console: Console) -> None:
    browser = console.enter("admin")
    page = browser.send(f"{HOME}/nuevo", f"{HOME}/nuevo", url=ADDRESS, agency_code="ALC-N", event_type=payload.TYPES[0])
    assert page.status_code == 200
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=]+", page.text)
    webhook = console.session.exec(select(Webhook)).one()
    assert actions.secrets_of(webhook, now=clock.now()) == [secret]
    assert (webhook.agency_code, webhook.event_types, webhook.made_by) == ("ALC-N", [payload.TYPES[0]], "Rosa Cruz")
    for path in (HOME, f"{HOME}/{webhook.id}"):
        shown = browser.get(path)
        assert ADDRESS in shown.text
        assert "whsec_" not in shown.text


def test_the_same_form_twice_is_one_webhook_with_one_secret(console: Console) -> None:
    browser = console.enter("admin")
    page = browser.get(f"{HOME}/nuevo").text
    hidden = dict(re.findall(r'<input type="hidden" name="(csrf|ref)" value="([^"]*)"', page.split("sheet-form")[1]))
    form = {**hidden, "url": ADDRESS, "agency_code": "", "event_type": payload.TYPES[0]}
    answers = [browser.client.post(f"{HOME}/nuevo", data=form) for _ in range(2)]
    secrets = [re.findall(r"whsec_[A-Za-z0-9+/=]+", answer.text) for answer in answers]
    assert secrets[0] == secrets[1] != []
    assert len(console.session.exec(select(Webhook)).all()) == 1


@pytest.mark.parametrize(
    "changed", [{"url": f"{ADDRESS}/2"}, {"agency_code": "ALC-N"}, {"event_type": payload.TYPES[1]}]
)
def test_a_form_that_was_changed_after_it_had_made_its_webhook_says_so(
    console: Console, changed: dict[str, str]
) -> None:
    browser = console.enter("admin")
    page = browser.get(f"{HOME}/nuevo").text
    hidden = dict(re.findall(r'<input type="hidden" name="(csrf|ref)" value="([^"]*)"', page.split("sheet-form")[1]))
    form = {**hidden, "url": ADDRESS, "agency_code": "", "event_type": payload.TYPES[0]}
    assert "whsec_" in browser.client.post(f"{HOME}/nuevo", data=form).text
    refused = browser.client.post(f"{HOME}/nuevo", data=form | changed)
    assert refused.status_code == 409
    assert f"Este formulario ya hizo un aviso a {ADDRESS}, con otros datos." in refused.text
    assert "whsec_" not in refused.text
    assert f'value="{(form | changed)["url"]}"' in refused.text
    assert hidden["ref"] not in refused.text
    assert len(console.session.exec(select(Webhook)).all()) == 1


@pytest.mark.parametrize("url", ["http://sistema.example/", "https://10.0.0.1/x", "https://localhost/", "nada"])
def test_a_wrong_address_is_told_beside_the_field_and_kept(console: Console, url: str) -> None:
    browser = console.enter("admin")
    page = browser.send(f"{HOME}/nuevo", f"{HOME}/nuevo", url=url, event_type=payload.TYPES[0])
    assert page.status_code == 400
    assert 'id="url-error"' in page.text
    assert f'value="{url}"' in page.text
    assert console.session.exec(select(Webhook)).all() == []


def test_nothing_to_tell_of_is_told(console: Console) -> None:
    browser = console.enter("admin")
    page = browser.send(f"{HOME}/nuevo", f"{HOME}/nuevo", url=ADDRESS)
    assert page.status_code == 400
    assert 'id="event_types-error"' in page.text


def test_a_test_a_pause_and_a_retry_are_one_button_each(console: Console) -> None:
    webhook = make(console)
    failed = delivery(console, webhook, state="failed", attempts=10, http_status=500, done_at=clock.now())
    browser, here = console.enter("admin"), f"{HOME}/{webhook.id}"
    assert "contestó 500" in browser.get(here).text
    assert browser.send(here, f"{here}/envios/{failed.id}").status_code == 303
    assert console.fresh(failed).state == "queued"
    assert browser.send(here, f"{here}/probar").status_code == 303
    assert "Prueba" in browser.get(here).text
    assert browser.send(here, f"{here}/pausa", paused="true").status_code == 303
    assert console.fresh(webhook).state == "paused"
    assert "En pausa" in browser.get(here).text
    assert browser.send(here, f"{here}/pausa", paused="false").status_code == 303
    assert console.fresh(webhook).state == "active"


def test_a_failing_address_is_said_on_both_pages(console: Console) -> None:
    webhook = make(console)
    webhook.state, webhook.reason = "paused", "failing"
    webhook.failing_since = clock.now() - timedelta(days=4)
    console.session.flush()
    browser = console.enter("admin")
    for path in (HOME, f"{HOME}/{webhook.id}"):
        page = browser.get(path).text
        assert "En pausa: no contesta" in page
        assert "Falla desde" in page


def test_the_secret_is_replaced_and_the_webhook_ended_after_a_question(console: Console) -> None:
    webhook = make(console)
    browser, here = console.enter("admin"), f"{HOME}/{webhook.id}"
    (old,) = actions.secrets_of(webhook, now=clock.now())
    page = browser.send(f"{here}/clave", f"{here}/clave")
    (new,) = re.findall(r"whsec_[A-Za-z0-9+/=]+", page.text)
    assert actions.secrets_of(console.fresh(webhook), now=clock.now()) == [new, old]
    assert browser.send(f"{here}/terminar", f"{here}/terminar").status_code == 303
    assert console.fresh(webhook).state == "disabled"
    assert "Terminado" in browser.get(HOME).text
    assert "Este aviso ya terminó" in browser.get(f"{here}/terminar").text


def test_a_secret_that_a_colleague_has_just_replaced_signs_for_its_whole_day(console: Console) -> None:
    webhook = make(console)
    here, (old,) = f"{HOME}/{webhook.id}/clave", actions.secrets_of(webhook, now=clock.now())
    rosa, other = console.enter("admin"), console.enter("admin")
    first, second = (
        dict(
            re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', browser.get(here).text.split("<main")[1])
        )
        for browser in (rosa, other)
    )
    (new,) = re.findall(r"whsec_[A-Za-z0-9+/=]+", rosa.client.post(here, data=first).text)
    refused = other.client.post(here, data=second)
    assert refused.status_code == 409
    assert "Alguien ya cambió esta clave mientras la veías." in refused.text
    assert actions.secrets_of(console.fresh(webhook), now=clock.now()) == [new, old]
    assert new in rosa.client.post(here, data=first).text


def test_another_citys_are_not_there(console: Console) -> None:
    make_city(console.session, "vecina.gob.example", sms_number=None)
    theirs = make(console, city="vecina.gob.example")
    browser = console.enter("admin")
    assert ADDRESS not in browser.get(HOME).text
    assert browser.get(f"{HOME}/{theirs.id}").status_code == 404
    assert browser.get(f"{HOME}/{uuid4()}").status_code == 404
    mine = make(console, "https://otro.example/x")
    page = browser.get(f"{HOME}/{mine.id}").text
    csrf = re.findall(r'name="csrf" value="([^"]*)"', page)[0]
    for verb in ("probar", "terminar"):
        assert browser.client.post(f"{HOME}/{theirs.id}/{verb}", data={"csrf": csrf}).status_code == 404
    assert console.fresh(theirs).state == "active"


def test_a_form_without_its_token_does_nothing(console: Console) -> None:
    webhook = make(console)
    browser = console.enter("admin")
    assert browser.client.post(f"{HOME}/{webhook.id}/terminar").status_code == 403
    assert console.fresh(webhook).state == "active"
