"""A call that waits in the tiny city, which records, over a network in memory."""

from collections.abc import Iterator

import pytest
import time_machine
from sqlmodel import Session

from channels.voice import line as lines
from tests.channels.voice.desk import Desk, waiting_call
from tests.channels.voice.pretend_line import PretendLine
from tests.factories import NOW, make_city


@pytest.fixture
def line() -> Iterator[PretendLine]:
    made = PretendLine()
    lines.configure(made)
    yield made
    lines.configure(None)


@pytest.fixture
def desk(session: Session, line: PretendLine) -> Iterator[Desk]:
    city = make_city(session)
    city.settings = {**city.settings, "recordings": {"enabled": True, "keep_days": 30}}
    session.add(city)
    session.flush()
    with time_machine.travel(NOW, tick=False) as time:
        yield waiting_call(session, line, time)
