import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from atiende.schema import metadata
from tests.house import ROOT


@pytest.mark.database
def test_the_migrations_make_exactly_the_models(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        sequences = connection.scalars(text("SELECT sequencename FROM pg_sequences WHERE sequencename = 'folio_seq'"))
        assert sequences.all() == ["folio_seq"]


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
