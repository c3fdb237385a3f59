from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from atiende.bench.seed import MANY, seed
from intake.catalog.models import Jurisdiction
from kernel import crypto, db
from kernel.crypto import Vault
from kernel.errors import Conflict
from tests.conftest import make_database
from tests.factories import CITY, NOW, make_city

pytestmark = pytest.mark.database
_CONTENT = text(
    "SELECT id, service_code, description, lon, lat, agency_code, life, requested_at, closed_at FROM service_request ORDER BY id"
)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = db.make_engine(make_database("test_seed"))
    with Session(engine) as session, session.begin():
        make_city(session)
    db.configure(engine)
    crypto.configure(Vault(b"d" * 32, b"l" * 32))
    yield engine
    crypto.configure(None)
    db.configure(None)
    engine.dispose()


def _run(rows: int, number: int = 1, *, is_sure: bool = True, many: int = MANY) -> int:
    return seed(CITY, rows, number=number, until=NOW, is_sure=is_sure, many=many, progress=lambda share, done: None)[1]


def test_the_same_number_makes_the_same_history(engine: Engine) -> None:
    assert _run(5000) == 5000
    with engine.connect() as connection:
        first = connection.execute(_CONTENT).all()
        sums = connection.execute(
            text(
                "SELECT count(DISTINCT folio) AS folios, max(n) AS largest, avg(open) AS open, min(first) AS first,"
                " max(last) AS last"
                " FROM (SELECT folio, count(*) OVER (PARTITION BY service_code) AS n, (life <> 'closed')::int AS open,"
                " requested_at AS first, greatest(updated_at, closed_at) AS last FROM service_request) AS rows"
            )
        ).one()
        assert connection.scalar(text("SELECT count(*) FROM outbox_event")) == 0
    assert sums.folios == 5000
    assert sums.largest >= 1100
    assert 0.03 <= sums.open <= 0.10
    assert sums.first > NOW - timedelta(days=3 * 366)
    assert sums.last <= NOW
    assert _run(5000) == 0
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM service_request"))
    assert _run(5000) == 5000
    with engine.connect() as connection:
        assert connection.execute(_CONTENT).all() == first
    assert _run(100, number=2) == 100


def test_many_at_once_leave_the_same_rows_and_every_index(engine: Engine) -> None:
    indexes = text("SELECT indexdef FROM pg_indexes WHERE tablename = 'service_request' ORDER BY 1")
    with engine.connect() as connection:
        before = connection.execute(indexes).all()
    _run(3000)
    with engine.begin() as connection:
        first = connection.execute(_CONTENT).all()
        connection.execute(text("DELETE FROM service_request"))
    assert _run(3000, many=3000) == 3000
    assert _run(3000, many=3000) == 0
    with engine.connect() as connection:
        assert connection.execute(_CONTENT).all() == first
        assert connection.execute(indexes).all() == before


def test_a_real_city_is_not_filled_by_mistake(engine: Engine) -> None:
    with pytest.raises(Conflict, match="ficticia"):
        _run(10, is_sure=False)
    with db.transaction() as session:
        session.get_one(Jurisdiction, CITY).settings = {"is_fictional": True}
    assert _run(10, is_sure=False) == 10
