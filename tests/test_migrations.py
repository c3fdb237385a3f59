import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, event, text

from atiende.migrate import alembic_config, migrate, newest_revision
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


@pytest.mark.database
def test_a_run_that_was_killed_at_an_index_is_run_again(database_url: str, engine: Engine) -> None:
    """Indexes are made outside a transaction: what came before is committed, and the revision is not yet written down."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS migrated_again WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE migrated_again TEMPLATE template0"))
    own = db.make_engine(database_url.replace(f"/{engine.url.database}?", "/migrated_again?"))
    is_made: set[str] = set()

    @event.listens_for(own, "before_cursor_execute")
    def end_at_each_index_once(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        if "INDEX CONCURRENTLY" in statement and "CREATE" in statement and statement not in is_made:
            is_made.add(statement)
            raise InterruptedError(statement)

    kills = 0
    while True:
        with own.connect() as connection:
            try:
                command.upgrade(alembic_config(connection), "head")
                connection.commit()
                break
            except InterruptedError:
                kills += 1
    assert kills == len(is_made) >= 7
    with own.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    own.dispose()


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
