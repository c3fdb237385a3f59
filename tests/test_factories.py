import pytest
from sqlmodel import Session, select

from intake.catalog.models import Service
from tests.factories import make_city


@pytest.mark.database
def test_the_tiny_city_can_be_made(session: Session) -> None:
    make_city(session)
    assert len(session.exec(select(Service)).all()) == 4
