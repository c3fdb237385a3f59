"""POST with several connections at work, and in cities that change between two calls."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import time_machine
from sqlalchemy import Engine, text
from sqlmodel import Session, select
from starlette.testclient import TestClient

from intake.catalog import keys
from intake.catalog.models import ApiKey, Service
from kernel import db, memory
from kernel.crypto import Vault
from routing import actions as routing
from routing import alerts
from tests.conftest import make_database
from tests.factories import CITY, NOW, make_city
from tests.intake.open311.asking import form
from tests.intake.open311.conftest import make_app

pytestmark = pytest.mark.database
SIDES = 6


@pytest.fixture
def installation(request: pytest.FixtureRequest) -> Iterator[Engine]:
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    engine = db.make_engine(make_database(f"post_at_once_{worker}"), pool_size=SIDES + 2)
    with Session(engine) as session, session.begin():
        make_city(session)
    yield engine
    engine.dispose()


@pytest.fixture
def client(installation: Engine, vault: Vault) -> Iterator[TestClient]:
    """Of a server whose connections are its own."""
    db.configure(installation)
    with TestClient(make_app(), base_url="http://testserver/open311/v2/", raise_server_exceptions=False) as client:
        yield client
    db.configure(None)


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How each unit of work of a POST went: `memory`, `asked`."""
    seen: list[str] = []
    work_by_memory: Callable[[Callable[[Session], Any]], Any] = memory.work_by_memory

    def watched(work: Callable[[Session], Any]) -> Any:
        def noted(session: Session) -> Any:
            seen.append("memory" if memory.goes_by_memory(session) else "asked")
            return work(session)

        return work_by_memory(noted)

    monkeypatch.setattr(memory, "work_by_memory", watched)
    return seen


def requests(installation: Engine) -> list[Any]:
    with installation.connect() as connection:
        return list(connection.execute(text("SELECT folio, agency_code, idempotency_key FROM service_request")))


def send(client: TestClient, **changes: Any) -> str:
    answer = client.post("requests.json", data=form(**changes))
    assert answer.status_code == 200, answer.text
    folio: str = answer.json()[0]["service_request_id"]
    return folio


def together(do: Callable[[], str]) -> list[str]:
    start = Barrier(SIDES)

    def one(_: int) -> str:
        start.wait()
        return do()

    with ThreadPoolExecutor(SIDES) as pool:
        return list(pool.map(one, range(SIDES)))


def test_one_form_from_many_sides_is_one_request(installation: Engine, client: TestClient) -> None:
    with time_machine.travel(datetime.now(UTC), tick=False):
        assert len(set(together(lambda: send(client)))) == 1
    assert len(requests(installation)) == 1


def test_the_same_words_of_another_day_are_one_new_request(installation: Engine, client: TestClient) -> None:
    """The first one keeps its request, and the new one's retries find the new one."""
    with time_machine.travel(NOW, tick=False):
        first = send(client)
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        (second,) = set(together(lambda: send(client)))
    assert second != first
    found = {row.folio: row.idempotency_key for row in requests(installation)}
    assert set(found) == {first, second}
    assert found[first] is None
    assert found[second] is not None


def test_many_different_forms_at_once_are_as_many_requests(installation: Engine, client: TestClient) -> None:
    numbers = iter(range(SIDES))
    assert len(set(together(lambda: send(client, description=f"Hoyo {next(numbers)}")))) == SIDES
    assert len(requests(installation)) == SIDES


def test_what_has_not_changed_is_not_asked_again(client: TestClient, ways: list[str]) -> None:
    send(client)
    ways.clear()
    send(client, description="Otro hoyo")
    assert ways == ["memory"]


class TestWhatChangedMeanwhile:
    """Each change is another process's; the next call goes by it, and the one after that does not ask again."""

    def test_a_disabled_key(self, installation: Engine, client: TestClient) -> None:
        send(client)
        with Session(installation) as theirs, theirs.begin():
            keys.disable(theirs, theirs.exec(select(ApiKey.id)).one(), now=NOW)
        assert client.post("requests.json", data=form(description="Otro")).status_code == 403
        assert len(requests(installation)) == 1

    def test_a_new_key(self, installation: Engine, client: TestClient) -> None:
        send(client)
        with Session(installation) as theirs, theirs.begin():
            secret = keys.create(theirs, CITY, "otra", now=NOW)
        send(client, api_key=secret, description="Otro")

    def test_a_service_that_is_not_offered_any_more(self, installation: Engine, client: TestClient) -> None:
        send(client)
        with Session(installation) as theirs, theirs.begin():
            service = theirs.exec(select(Service).where(Service.code == "BACHE")).one()
            service.is_active = False
            theirs.add(service)
            theirs.connection().execute(text("UPDATE jurisdiction SET catalog_changed_at = now()"))
        assert client.post("requests.json", data=form(description="Otro")).status_code == 404
        assert len(requests(installation)) == 1

    def test_other_rules(self, installation: Engine, client: TestClient, ways: list[str]) -> None:
        send(client)
        with Session(installation) as theirs, theirs.begin():
            routing.replace_rules(theirs, CITY, [], "ALC-S", NOW)
        ways.clear()
        folio = send(client, description="Otro")
        assert {row.folio: row.agency_code for row in requests(installation)}[folio] == "ALC-S"
        assert ways == ["memory", "asked"]
        ways.clear()
        send(client, description="Uno más")
        assert ways == ["memory"]

    def test_a_service_that_could_not_be_promised(self, installation: Engine, client: TestClient) -> None:
        """Whoever stumbles over what it remembers looks again, and does not stumble for ever."""
        change(installation, "UPDATE service SET promise = '[]' WHERE code = 'BACHE'")
        assert client.post("requests.json", data=form()).status_code == 500
        change(
            installation,
            """UPDATE service SET promise = '{"amount": 1, "unit": "working_days"}' WHERE code = 'BACHE'""",
        )
        send(client)

    def test_what_an_extension_tells_that_is_on_again(self, installation: Engine, client: TestClient) -> None:
        off = '{"open311_extensions_off": ["rate_limits"]}'
        change(installation, f"UPDATE jurisdiction SET settings = settings || '{off}'")
        assert "ratelimit" not in client.post("requests.json", data=form()).headers
        change(installation, "UPDATE jurisdiction SET settings = settings - 'open311_extensions_off'")
        assert "ratelimit" in client.post("requests.json", data=form(description="Otro")).headers

    def test_a_disabled_key_is_not_in_use(self, installation: Engine, client: TestClient) -> None:
        send(client)
        with Session(installation) as theirs, theirs.begin():
            keys.disable(theirs, theirs.exec(select(ApiKey.id)).one(), now=NOW)
        change(installation, "UPDATE api_key SET last_used_at = NULL")
        last_use_is_forgotten(client)
        assert client.post("requests.json", data=form(description="Otro")).status_code == 403
        with installation.connect() as connection:
            assert connection.execute(text("SELECT last_used_at FROM api_key")).scalar_one() is None

    def test_rules_that_failed_and_were_taken_back(self, installation: Engine, client: TestClient) -> None:
        """What was decided by them and not kept is not counted."""
        with Session(installation) as theirs, theirs.begin():
            routing.replace_rules(theirs, CITY, [], "ALC-S", NOW)
        change(installation, "UPDATE rule_set SET content = content - 'rules', digest = 'x' WHERE version = 2")
        alerts.forget()
        send(client)
        send(client, description="Otro")
        counted = dict(alerts._gathered)
        change(installation, "UPDATE rule_set SET withdrawn_at = now() WHERE version = 2")
        send(client, description="Uno más")
        assert dict(alerts._gathered) == counted
        alerts.forget()


def change(installation: Engine, statement: str) -> None:
    """Past the program, as its own changes do: with a new version of the city."""
    with installation.begin() as connection:
        connection.execute(text(statement))
        connection.execute(text("UPDATE jurisdiction SET catalog_changed_at = clock_timestamp()"))


def last_use_is_forgotten(client: TestClient) -> None:
    for layer in client.app.user_middleware:  # type: ignore[attr-defined]
        layer.kwargs["app_there"].plain.state.last_uses._written_at.clear()
