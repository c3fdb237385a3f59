"""A process that fetches mail, and dies with the first kept and not marked."""

import os
import signal

import atiende.schema  # noqa: F401  # every table is declared
from channels.email import fetching
from channels.email.adapter import EmailChannel
from channels.email.mailbox import Mailbox
from kernel import crypto, db
from kernel.crypto import Vault
from tests.channels.email.post import email_settings


def die(self: Mailbox, uid: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run(url: str, smtp_port: str, imap_port: str) -> None:
    db.configure(db.make_engine(url))
    crypto.configure(Vault(b"d" * 32, b"l" * 32))
    Mailbox.put_away = die  # type: ignore[method-assign]  # dies there
    fetching.fetch(EmailChannel(email_settings(int(smtp_port), int(imap_port))))
