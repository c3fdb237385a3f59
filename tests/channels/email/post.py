"""The stand-in's mail server on loopback, in threads of the test, and a channel that uses it."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from channels.email.adapter import EmailChannel
from channels.standin.mail.delivery import MailAccount
from channels.standin.mail.imap import ImapServer
from channels.standin.mail.smtp import SmtpServer
from channels.standin.mail.store import Mail, MailStore
from kernel.settings import Email
from tests.channels.email.mails import CITY_ADDRESS, ROSA
from tests.channels.servers import free_socket

ACCOUNT = MailAccount(CITY_ADDRESS, "centro", "secreto")


def email_settings(smtp_port: int = 1, imap_port: int = 1, **more: Any) -> Email:
    values: dict[str, Any] = {
        "address": CITY_ADDRESS,
        "imap_host": "127.0.0.1",
        "imap_port": imap_port,
        "imap_user": ACCOUNT.user,
        "imap_password": SecretStr(ACCOUNT.password),
        "imap_security": "none",
        "smtp_host": "127.0.0.1",
        "smtp_port": smtp_port,
        "smtp_user": ACCOUNT.user,
        "smtp_password": SecretStr(ACCOUNT.password),
        "smtp_security": "none",
        "sent_folder": "Sent",
        "timeout_s": 3.0,
    }
    return Email(**(values | more))


class Post:
    """A running mail server as a test sees it."""

    def __init__(self, store: MailStore, smtp_port: int, imap_port: int) -> None:
        self.store = store
        self.smtp_port = smtp_port
        self.imap_port = imap_port

    def channel(self, **more: Any) -> EmailChannel:
        return EmailChannel(email_settings(self.smtp_port, self.imap_port, **more))

    def switch(self, **values: Any) -> None:
        self.store.set_switches(self.store.switches().changed(values))

    def write(self, mail: EmailMessage | bytes, sender: str = ROSA, to: str = CITY_ADDRESS) -> None:
        """A resident's program sends a mail."""
        raw = mail if isinstance(mail, bytes) else mail.as_bytes()
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=5) as server:
            server.sendmail(sender, [to], raw)

    def got(self, address: str = ROSA) -> list[Mail]:
        """What a resident received, oldest first."""
        return [mail for mail in self.store.mails(address) if mail.recipient == address]

    def flags(self, folder: str = "INBOX") -> list[frozenset[str]]:
        return [entry.flags for entry in self.store.entries(folder)]


@contextmanager
def post_office(folder: Path) -> Iterator[Post]:
    store = MailStore(folder / "mail.sqlite3")
    smtp, imap = free_socket(), free_socket()
    servers = (SmtpServer(store, ACCOUNT, smtp), ImapServer(store, ACCOUNT, imap))
    for server in servers:
        server.start()
    yield Post(store, smtp.getsockname()[1], imap.getsockname()[1])
    for server in servers:
        server.stop()
    store.close()
