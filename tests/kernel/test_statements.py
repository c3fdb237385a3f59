"""What one connection keeps planned, and what becomes of it when the plan is gone."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine

from kernel.statements import Statements

pytestmark = pytest.mark.database
_KEPT = b"SELECT statement FROM pg_prepared_statements ORDER BY prepare_time"


@pytest.fixture
def driver(engine: Engine) -> Iterator[psycopg.Connection[object]]:
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, prepare_threshold=None) as connection:
        yield connection


def kept(statements: Statements) -> list[str]:
    return [sql for (sql,) in statements.run_alone(_KEPT, [], prepare=False).all()]


def test_what_was_used_longest_ago_is_forgotten_first(driver: psycopg.Connection[object]) -> None:
    statements = Statements(driver, 2)
    one, two, three = (b"SELECT $1::int + %d" % n for n in (1, 2, 3))
    for query in (one, two, one, three):
        statements.run_alone(query, [0], prepare=True)
    assert kept(statements) == [one.decode(), three.decode()]


def test_one_query_with_values_of_other_types_is_another_plan(driver: psycopg.Connection[object]) -> None:
    statements = Statements(driver, 8)
    for value in (1, "x", 2):
        assert statements.run_alone(b"SELECT $1::text", [value], prepare=True).all() == [(str(value),)]
    assert len(kept(statements)) == 2


def test_behind_a_pooler_nothing_is_kept(driver: psycopg.Connection[object]) -> None:
    statements = Statements(driver, 0)
    assert statements.run_alone(b"SELECT $1::int", [7], prepare=True).all() == [(7,)]
    assert kept(statements) == []


def test_a_plan_that_is_gone_or_no_longer_fits_is_made_anew(driver: psycopg.Connection[object]) -> None:
    statements = Statements(driver, 8)
    driver.execute("CREATE TEMPORARY TABLE place (name text)")
    driver.execute("INSERT INTO place VALUES ('7')")
    driver.commit()
    for change, found in (
        ("SELECT 1", "7"),
        ("DEALLOCATE ALL", "7"),
        ("ALTER TABLE place ALTER name TYPE int USING name::int", 7),
    ):
        driver.execute(change)
        driver.commit()
        assert statements.run_alone(b"SELECT * FROM place", [], prepare=True).all() == [(found,)]


def test_in_a_transaction_a_plan_that_is_gone_fails_once(driver: psycopg.Connection[object]) -> None:
    statements = Statements(driver, 8)
    statements.run(b"SELECT 1", [], prepare=True)
    driver.execute("DEALLOCATE ALL")
    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        statements.run(b"SELECT 1", [], prepare=True)
    driver.rollback()
    assert statements.run(b"SELECT 1", [], prepare=True).all() == [(1,)]


def test_a_statement_begins_the_transaction_that_the_driver_ends(driver: psycopg.Connection[object]) -> None:
    statements = Statements(driver, 8)
    statements.run(b"CREATE TEMPORARY TABLE never (n int)", [], prepare=False)
    driver.rollback()
    assert statements.run(b"SELECT to_regclass('never')::text", [], prepare=False).all() == [(None,)]
