"""kill -9 between keeping a mail and marking it as read: the next look makes it one message, and marks it."""

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import Engine
from sqlmodel import Session, select

from channels.email import fetching
from intake.conversations.models import Message
from kernel import clock, db
from kernel.crypto import Vault
from tests.channels.email.mails import make_mail
from tests.channels.email.post import Post, post_office
from tests.conftest import make_database
from tests.factories import make_city
from tests.faults import email_child
from tests.faults.children import begin, end

pytestmark = [pytest.mark.fault, pytest.mark.xdist_group("email")]


@pytest.fixture
def url() -> str:
    return make_database("email_faults")


@pytest.fixture
def engine(url: str, vault: Vault) -> Iterator[Engine]:
    engine = db.make_engine(url)
    with Session(engine) as session:
        make_city(session)
        session.commit()
    db.configure(engine)
    yield engine
    db.configure(None)
    engine.dispose()


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    with post_office(tmp_path) as running:
        yield running


def test_a_worker_that_is_killed_between_keeping_and_marking(url: str, engine: Engine, post: Post) -> None:
    post.write(make_mail("Hay un bache"))
    post.write(make_mail("Y una fuga", message_id="<m2@correo.example>"))
    assert end(begin(email_child.run, url, str(post.smtp_port), str(post.imap_port))) == -signal.SIGKILL
    assert post.flags() == [frozenset(), frozenset()]
    # The dead worker's lease has to end first.
    assert fetching.fetch(post.channel()) == 0
    with time_machine.travel(clock.now() + fetching.LEASE + timedelta(seconds=1)):
        assert fetching.fetch(post.channel()) == 2
    with Session(engine) as session:
        assert session.exec(select(Message.body)).all() == ["Hay un bache", "Y una fuga"]
    assert post.flags() == [frozenset({"\\Seen"})] * 2
