"""The pool is as large as the settings say, for every way to start a process."""

from collections.abc import Mapping

import pytest
from sqlalchemy import QueuePool

from atiende import bootstrap
from kernel import db
from kernel.errors import MisconfiguredError
from kernel.settings import Database, load_storage_settings
from tests.house import ROOT

URL = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}


def pool(environ: Mapping[str, str]) -> tuple[int, int, float]:
    engine = bootstrap.configure_storage(load_storage_settings(URL | dict(environ)))
    db.configure(None)
    assert isinstance(engine.pool, QueuePool)
    found = engine.pool.size(), engine.pool._max_overflow, engine.pool._timeout
    engine.dispose()
    return found


def test_the_pool_follows_the_settings() -> None:
    assert pool({}) == (db.POOL_SIZE, db.POOL_OVERFLOW, 10)
    own = {
        "ATIENDE_DATABASE_POOL_SIZE": "5",
        "ATIENDE_DATABASE_POOL_OVERFLOW": "2",
        "ATIENDE_DATABASE_POOL_TIMEOUT_S": "1.5",
    }
    assert pool(own) == (5, 2, 1.5)


@pytest.mark.parametrize("name", ["ATIENDE_DATABASE_POOL_SIZE", "ATIENDE_DATABASE_POOL_TIMEOUT_S"])
def test_a_size_that_makes_no_sense_is_named(name: str) -> None:
    with pytest.raises(MisconfiguredError, match=name):
        load_storage_settings(URL | {name: "0"})


def test_every_setting_of_it_is_documented() -> None:
    text = (ROOT / "docs/deploy.md").read_text()
    assert [name for name in Database.model_fields if f"`ATIENDE_DATABASE_{name.upper()}`" not in text] == []
