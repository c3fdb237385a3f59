"""Keys with several connections at work, as in several processes."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from intake.catalog import clients, keys
from tests.conftest import make_database
from tests.factories import CITY, NOW, make_city

pytestmark = pytest.mark.database


@pytest.fixture
def installation(request: pytest.FixtureRequest) -> Iterator[Engine]:
    from kernel import db

    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    engine = db.make_engine(make_database(f"keys_{worker}"), pool_size=8)
    with Session(engine) as session, session.begin():
        make_city(session)
    yield engine
    engine.dispose()


def test_one_form_from_many_sides_is_one_key(installation: Engine) -> None:
    secret, made, together = keys.new_secret(), [], threading.Barrier(6)

    def add() -> None:
        together.wait()
        with Session(installation) as session, session.begin():
            made.append(keys.add(session, CITY, keys.Grant("App"), secret, now=NOW).id)

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6
    assert len(set(made)) == 1
    with installation.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM api_key WHERE label = 'App'")) == 1


def test_a_key_that_another_process_disabled_opens_nothing_after_its_commit(installation: Engine) -> None:
    with Session(installation, expire_on_commit=False) as ours, ours.begin():
        secret = keys.create(ours, CITY, "App", now=NOW)
    with Session(installation) as reading:
        found = clients.find(reading, CITY, secret, now=NOW)
        assert found is not None
        with Session(installation) as theirs, theirs.begin():
            keys.disable(theirs, found.id, now=NOW)
            assert clients.find(reading, CITY, secret, now=NOW) == found  # not committed yet
        assert clients.find(reading, CITY, secret, now=NOW) is None


def test_noting_a_use_waits_for_nobody_and_nobody_for_it(installation: Engine) -> None:
    """A rotation that is still open holds the row; a call with the key goes on meanwhile."""
    with Session(installation, expire_on_commit=False) as session, session.begin():
        secret = keys.create(session, CITY, "App", now=NOW)
        found = clients.find(session, CITY, secret, now=NOW)
    assert found is not None
    with Session(installation) as rotating, rotating.begin():
        keys.get(rotating, CITY, found.id, for_update=True)
        with Session(installation) as calling, calling.begin():
            calling.connection().execute(text("SET LOCAL lock_timeout = '200ms'"))
            assert clients.find(calling, CITY, secret, now=NOW) == found
            clients._cache.clear()
            assert clients.find(calling, CITY, secret, now=NOW) == found
