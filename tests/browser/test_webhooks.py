"""The pages of webhooks in a real browser: wide and narrow, light and dark, with and without scripts."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from intake.webhooks import actions, config, payload
from intake.webhooks.config import Config
from intake.webhooks.models import WebhookDelivery
from kernel import clock, db
from tests.browser.conftest import LOOKS, LiveServer, PageAt
from tests.factories import CITY

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser_console")]

HOME = "/consola/avisos"
# A folder for pictures, for whoever wants to look.
PICTURES = os.environ.get("ATIENDE_PICTURES")
NAMES = ("list", "new", "going", "failing", "ended", "new secret", "end")


@pytest.fixture(scope="module")
def ids(live_server: LiveServer) -> Iterator[dict[str, UUID]]:
    """One that goes well, one that does not, one that has ended."""
    config.configure(Config(live_server.base_url))
    now = clock.now()
    with live_server.at_work(), db.transaction() as session:

        def make(url: str, agency_code: str | None, event_types: tuple[str, ...] = ()) -> UUID:
            return actions.make(
                session, CITY, url, agency_code=agency_code, event_types=event_types, made_by="Rosa Cruz", now=now
            )[0].id

        made = {
            "going": make("https://obras.alcaldia-norte.example/atiende/avisos", "ALC-N"),
            "failing": make("https://datos.example/hooks/311?fuente=atiende", None, payload.TYPES[:2]),
            "ended": make("https://sistema-viejo-de-la-alcaldia-sur.example/servicios/recepcion/avisos", "ALC-S"),
        }
        states = [
            ("delivered", 1, 204, None, 0),
            ("delivered", 2, 200, None, 0),
            ("queued", 3, None, "no_answer", 25),
            ("failed", 10, 500, None, 0),
            ("queued", 0, None, None, 0),
        ]
        for name, webhook_id in made.items():
            for number, (state, attempts, status, error, minutes) in enumerate(states):
                session.add(
                    WebhookDelivery(
                        webhook_id=webhook_id,
                        change_seq=number + 1,
                        event_type=payload.TYPES[number % len(payload.TYPES)],
                        folio=live_server.cast.folios["leak"],
                        body="{}",
                        state=state if name != "ended" else "failed",
                        attempts=attempts,
                        http_status=status,
                        error=error,
                        due_at=now + timedelta(minutes=minutes),
                        created_at=now - timedelta(minutes=7 * number),
                        done_at=now if state in ("delivered", "failed") else None,
                    )
                )
        failing = actions.held(session, made["failing"])
        failing.state, failing.reason, failing.failing_since = "paused", "failing", now - timedelta(days=4)
        going = actions.held(session, made["going"])
        going.delivered_at = now - timedelta(minutes=3)
        actions.rotate(session, going, now=now)
        actions.disable(session, actions.held(session, made["ended"]), reason="gone", now=now)
    yield made
    config.configure(None)


def path_of(name: str, ids: dict[str, UUID]) -> str:
    special = {
        "list": HOME,
        "new": f"{HOME}/nuevo",
        "new secret": f"{HOME}/{ids['going']}/clave",
        "end": f"{HOME}/{ids['going']}/terminar",
    }
    return special.get(name) or f"{HOME}/{ids[name]}"


def pictured(page: Page, name: str, *facts: object) -> None:
    if PICTURES:
        page.screenshot(
            path=Path(PICTURES) / f"{'-'.join([name.replace(' ', '_'), *map(str, facts)])}.png", full_page=True
        )


@LOOKS
@pytest.mark.parametrize("name", NAMES)
def test_every_page_is_accessible(
    page_at: PageAt,
    assert_accessible: Callable[[Page], None],
    ids: dict[str, UUID],
    name: str,
    width: int,
    scheme: str,
) -> None:
    page = page_at(path_of(name, ids), role="admin", width=width, scheme=scheme)
    pictured(page, name, width, scheme)
    assert_accessible(page)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no_scripts"])
def test_a_webhook_is_made_tested_and_paused(page_at: PageAt, ids: dict[str, UUID], scripts: bool) -> None:
    page = page_at(f"{HOME}/nuevo", role="admin", scripts=scripts, width=1366 if scripts else 320)
    page.get_by_label("Dirección que recibe").fill("http://sin-cifrar.example/")
    page.get_by_role("button", name="Empezar a avisar").click()
    expect(page.get_by_role("alert")).to_contain_text("https://")
    pictured(page, "refused", scripts)
    page.get_by_label("Dirección que recibe").fill(f"https://nuevo-{scripts}.example/".lower())
    page.get_by_role("button", name="Empezar a avisar").click()
    assert page.get_by_label("Clave", exact=True).input_value().startswith("whsec_")
    pictured(page, "secret", scripts)
    page.get_by_role("link", name="Ya la copié").click()
    pictured(page, "nothing_sent", scripts)
    page.get_by_role("button", name="Mandar una prueba").click()
    expect(page.get_by_role("row").filter(has_text="Prueba")).to_contain_text("Por enviar")
    page.get_by_role("button", name="Poner en pausa").click()
    expect(page.get_by_text("En pausa", exact=True)).to_be_visible()
    page.get_by_role("button", name="Reanudar").click()
    expect(page.get_by_role("button", name="Poner en pausa")).to_be_visible()
