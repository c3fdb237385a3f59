import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from atiende.migrate import migrate, newest_revision
from atiende.schema import metadata
from kernel import db
from tests.house import ROOT


@pytest.mark.database
def test_the_migrations_make_exactly_the_models(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        sequences = connection.scalars(text("SELECT sequencename FROM pg_sequences WHERE sequencename = 'folio_seq'"))
        assert sequences.all() == ["folio_seq"]


@pytest.mark.database
def test_two_that_start_together_take_turns(database_url: str, engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS migrated_twice WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE migrated_twice TEMPLATE template0"))
    name = str(engine.url.database)
    engines = [db.make_engine(database_url.replace(f"/{name}?", "/migrated_twice?")) for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        # One builds indexes that wait for every older statement; the other must not be waiting inside one.
        for done in [pool.submit(migrate, one) for one in engines]:
            done.result(timeout=60)
    with engines[0].connect() as connection:
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [newest_revision()]
        broken = text("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
        assert connection.scalar(broken) == 0
    for one in engines:
        one.dispose()


def test_migrations_are_numbered_in_one_line() -> None:
    files = sorted((ROOT / "intake/migrations/versions").glob("*.py"))
    previous = None
    for file in files:
        number = file.name[:4]
        source = file.read_text()
        revision = re.search(r'^revision = "(\w+)"', source, re.M)
        down = re.search(r"^down_revision = (.+)$", source, re.M)
        assert revision is not None
        assert down is not None
        assert revision[1] == number
        assert down[1] == repr(previous).replace("'", '"')
        previous = number
