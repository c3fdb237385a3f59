"""Mails in a mailbox become messages once, whatever dies in between; one that nobody can read holds up no other."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session, col, select

from channels import receiving
from channels.email import fetching
from channels.email.adapter import EmailChannel
from channels.email.mailbox import Mailbox, MailboxError
from channels.models import InboundPayload
from intake.conversations.models import Conversation, Message
from intake.people.models import ContactPoint
from tests.channels.email.mails import bounce, make_mail
from tests.channels.email.post import Post, post_office
from tests.factories import NOW

pytestmark = pytest.mark.database


@pytest.fixture
def post(tmp_path: Path, city_engine: Engine) -> Iterator[Post]:
    with city_engine.begin() as connection:
        connection.execute(text("TRUNCATE mailbox_position, inbound_payload"))
    with post_office(tmp_path) as running:
        yield running


def bodies(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return list(session.exec(select(Message.body).order_by(col(Message.seq))))


def states(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return list(session.exec(select(InboundPayload.state).order_by(col(InboundPayload.received_at))))


def test_a_mail_is_a_message_and_marked_as_read(post: Post, city_engine: Engine) -> None:
    post.write(make_mail("Hay un bache"))
    assert fetching.fetch(post.channel()) == 1
    assert bodies(city_engine) == ["Hay un bache"]
    assert post.flags() == [frozenset({"\\Seen"})]
    assert fetching.fetch(post.channel()) == 0
    post.write(make_mail("Y una fuga", message_id="<m2@correo.example>"))
    assert fetching.fetch(post.channel()) == 1
    assert bodies(city_engine) == ["Hay un bache", "Y una fuga"]
    assert post.store.mails()[0].status == "received"
    with Session(city_engine) as session:
        assert session.exec(select(ContactPoint.kind)).all() == ["email"]
        assert len(session.exec(select(Conversation)).all()) == 1


def test_a_mail_somebody_looked_at_is_taken_in_too(post: Post, city_engine: Engine) -> None:
    post.write(make_mail("uno"))
    fetching.fetch(post.channel())
    post.write(make_mail("dos", message_id="<m2@x>"))
    [_, second] = post.store.entries("INBOX")
    post.store.flag("INBOX", second.uid, frozenset({"\\Seen"}))
    fetching.fetch(post.channel())
    assert bodies(city_engine) == ["uno", "dos"]


def test_what_is_taken_in_goes_into_a_folder_where_there_is_one(post: Post, city_engine: Engine) -> None:
    post.store.create_folder("Atendidos")
    post.write(make_mail("uno"))
    fetching.fetch(post.channel(done_folder="Atendidos"))
    assert (post.flags("INBOX"), post.flags("Atendidos")) == ([], [frozenset({"\\Seen"})])


def test_a_crash_between_keeping_and_marking_makes_one_message(
    post: Post, city_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.write(make_mail("Hay un bache"))

    def die(*_: object) -> None:
        raise MailboxError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(Mailbox, "put_away", die)
        fetching.fetch(post.channel())
    assert (bodies(city_engine), post.flags()) == (["Hay un bache"], [frozenset()])
    fetching.fetch(post.channel())
    assert (bodies(city_engine), post.flags()) == (["Hay un bache"], [frozenset({"\\Seen"})])


def test_a_mail_nobody_can_read_is_kept_and_the_next_comes_through(post: Post, city_engine: Engine) -> None:
    post.write(b"To: 311@prueba.gob.example\r\n\r\nde nadie")
    post.write(make_mail("bien"))
    assert fetching.fetch(post.channel()) == 2
    assert bodies(city_engine) == ["bien"]
    assert states(city_engine) == ["failed", "taken"]
    with Session(city_engine) as session:
        assert session.exec(select(InboundPayload.last_error)).first() == "no single sender"


def test_a_mistake_of_ours_keeps_the_mail_and_holds_up_no_other(
    post: Post, city_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = post.channel()
    parse = EmailChannel.parse

    def stumble(self: EmailChannel, call: Any) -> Any:
        if b"tropieza" in call.body:
            raise KeyError("oops")
        return parse(self, call)

    post.write(make_mail("tropieza"))
    post.write(make_mail("bien", message_id="<m2@x>"))
    with monkeypatch.context() as broken:
        broken.setattr(EmailChannel, "parse", stumble)
        fetching.fetch(channel)
    assert bodies(city_engine) == ["bien"]
    with city_engine.begin() as connection:
        connection.execute(text("UPDATE inbound_payload SET changed_at = changed_at - interval '1 minute'"))
    receiving.take_in_waiting({"email": channel})
    assert bodies(city_engine) == ["bien", "tropieza"]


def test_new_numbers_bring_nothing_twice(post: Post, city_engine: Engine) -> None:
    for number in range(3):
        post.write(make_mail(f"mail {number}", message_id=f"<m{number}@x>"))
    fetching.fetch(post.channel())
    post.store.renumber("INBOX")
    post.write(make_mail("nuevo", message_id="<m9@x>"))
    fetching.fetch(post.channel())
    assert bodies(city_engine) == ["mail 0", "mail 1", "mail 2", "nuevo"]


def test_the_first_look_leaves_what_was_read_alone(post: Post, city_engine: Engine) -> None:
    post.write(make_mail("de antes"))
    [entry] = post.store.entries("INBOX")
    post.store.flag("INBOX", entry.uid, frozenset({"\\Seen"}))
    fetching.fetch(post.channel())
    post.write(make_mail("de ahora", message_id="<m2@x>"))
    fetching.fetch(post.channel())
    assert bodies(city_engine) == ["de ahora"]


def test_a_mail_delivered_twice_is_one_message(post: Post, city_engine: Engine) -> None:
    post.switch(duplicate=True)
    post.write(make_mail("uno"))
    assert fetching.fetch(post.channel()) == 2
    assert bodies(city_engine) == ["uno"]


def test_two_workers_at_once_take_each_mail_in_once(post: Post, city_engine: Engine) -> None:
    for number in range(12):
        post.write(make_mail(f"mail {number}", message_id=f"<m{number}@x>"))
    workers = [threading.Thread(target=fetching.fetch, args=(post.channel(),)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert bodies(city_engine) == [f"mail {number}" for number in range(12)]


def test_two_whose_lease_ran_out_meet_and_nothing_doubles(
    post: Post, city_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "LEASE", -fetching.LEASE)
    test_two_workers_at_once_take_each_mail_in_once(post, city_engine)


def test_a_mailbox_that_is_away_is_looked_into_later(post: Post, city_engine: Engine) -> None:
    post.write(make_mail("uno"))
    post.switch(mailbox_down=True)
    assert fetching.fetch(post.channel()) == 0
    assert fetching.fetch(post.channel(imap_password="wrong")) == 0
    post.switch(mailbox_down=False)
    assert fetching.fetch(post.channel()) == 1
    assert bodies(city_engine) == ["uno"]


def test_a_huge_mail_is_read_as_far_as_it_goes(
    post: Post, city_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.email.mailbox.MOST_BYTES", 4000)
    mail = make_mail("Foto del bache en Sabinos")
    mail.add_attachment(b"x" * 200_000, maintype="image", subtype="jpeg", filename="bache.jpg")
    post.write(mail)
    fetching.fetch(post.channel())
    assert bodies(city_engine) == ["Foto del bache en Sabinos"]


def test_a_bounce_moves_our_message(post: Post, city_engine: Engine) -> None:
    post.write(make_mail("hola"))
    fetching.fetch(post.channel())
    with Session(city_engine) as session:
        [conversation] = session.exec(select(Conversation)).all()
        sent = Message(
            conversation_id=conversation.id, channel="email", direction="outbound", body="Listo", status="accepted",
            at=NOW, changed_at=NOW,
        )  # fmt: skip
        session.add(sent)
        session.commit()
        post.write(bounce(f"<{sent.id}@prueba.gob.example>"), sender="MAILER-DAEMON@correo.example")
        fetching.fetch(post.channel())
        session.refresh(sent)
        assert (sent.status, sent.error_code) == ("undelivered", "no_such_address")
    assert bodies(city_engine) == ["hola", "Listo"]
