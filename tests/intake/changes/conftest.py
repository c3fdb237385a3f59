"""A city in a database of its own, for tests in which several transactions are open at once."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from kernel import db
from kernel.crypto import Vault
from tests.conftest import make_database
from tests.factories import make_city


@pytest.fixture
def own_engine(request: pytest.FixtureRequest, vault: Vault) -> Iterator[Engine]:
    """An engine that `kernel.db` uses, with the tiny city committed."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    engine = db.make_engine(make_database(f"test_changes_{worker}"))
    db.configure(engine)
    with Session(engine) as session, session.begin():
        make_city(session)
    yield engine
    db.configure(None)
    engine.dispose()
