"""The mail server as one part of the stand-in: its settings, its two sockets, and what it carried."""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from channels.standin.mail.delivery import MailAccount, compose, to_center
from channels.standin.mail.imap import ImapServer
from channels.standin.mail.smtp import SmtpServer
from channels.standin.mail.store import Mail, MailStore
from kernel.errors import MisconfiguredError
from kernel.settings import LOOPBACK

_REPLY = re.compile(r"^(?:\s*(?:re|rv)\s*:)+\s*", re.I)


@dataclass(frozen=True)
class MailConfig:
    """smtp, imap: ports of loopback (0: any), or sockets that the parent left us, by their descriptors."""

    account: MailAccount
    smtp_port: int = 0
    imap_port: int = 0
    smtp_descriptor: int | None = None
    imap_descriptor: int | None = None


def mail_from(values: Mapping[str, str]) -> MailConfig | None:
    """What the installation says of its e-mail, when that is on this machine; else None. Raises MisconfiguredError."""
    address, user = values.get("ATIENDE_EMAIL_ADDRESS"), values.get("ATIENDE_EMAIL_IMAP_USER")
    if not address or not user or values.get("ATIENDE_EMAIL_SMTP_HOST") not in LOOPBACK:
        return None
    others = [one.strip() for one in values.get("ATIENDE_EMAIL_OTHER_ADDRESSES", "").split(",") if one.strip()]

    def number(name: str, fallback: str) -> int:
        text = values.get(f"ATIENDE_STANDIN_{name}") or values.get(fallback) or "0"
        if not text.isdecimal() or int(text) > 65535:
            raise MisconfiguredError("{problems}", problems=f"ATIENDE_STANDIN_{name}: {text}")
        return int(text)

    def descriptor(name: str) -> int | None:
        return int(text) if (text := values.get(f"ATIENDE_STANDIN_{name}")) else None

    return MailConfig(
        MailAccount(address, user, values.get("ATIENDE_EMAIL_IMAP_PASSWORD", ""), tuple(others)),
        smtp_port=number("SMTP_PORT", "ATIENDE_EMAIL_SMTP_PORT"),
        imap_port=number("IMAP_PORT", "ATIENDE_EMAIL_IMAP_PORT"),
        smtp_descriptor=descriptor("SMTP_FD"),
        imap_descriptor=descriptor("IMAP_FD"),
    )


@dataclass(frozen=True)
class Thread:
    """Mails with one subject between a resident and the centre, oldest first."""

    subject: str
    mails: tuple[Mail, ...]

    @property
    def key(self) -> int:
        return self.mails[0].id

    @property
    def last(self) -> Mail:
        return self.mails[-1]


class MailPart:
    """Open while the stand-in is. `start` and `stop` once."""

    def __init__(self, config: MailConfig, path: Path) -> None:
        self.account = config.account
        self.store = MailStore(path)
        smtp = _bound(config.smtp_port, config.smtp_descriptor)
        imap = _bound(config.imap_port, config.imap_descriptor)
        self.smtp_port, self.imap_port = smtp.getsockname()[1], imap.getsockname()[1]
        self._servers = (SmtpServer(self.store, self.account, smtp), ImapServer(self.store, self.account, imap))

    def start(self) -> None:
        for server in self._servers:
            server.start()

    def stop(self) -> None:
        for server in self._servers:
            server.stop()
        self.store.close()

    def carried(self) -> list[dict[str, str]]:
        """For messages.json."""
        return [
            {
                "channel": "email",
                "sid": mail.message_id or f"mail-{mail.id}",
                "direction": mail.direction,
                "from": mail.sender,
                "to": mail.recipient,
                "subject": mail.subject,
                "body": mail.body,
                "status": mail.status,
                "at": datetime.fromtimestamp(mail.at, UTC).isoformat(),
            }
            for mail in self.store.mails()
        ]

    def write(
        self, sender: str, name: str, *, subject: str, text: str, answers: str = "",
        photo: tuple[str, str, bytes] | None = None,
    ) -> int:  # fmt: skip
        """A resident sends a mail to the centre; its number here."""
        raw = compose(sender, name, self.account, subject=subject, text=text, answers=answers, photo=photo)
        return to_center(self.store, sender, self.account.address, raw)

    def threads(self, address: str) -> list[Thread]:
        """What one resident wrote and got, newest thread first."""
        found: dict[str, list[Mail]] = {}
        for mail in self.store.mails(address):
            found.setdefault(subject_key(mail.subject), []).append(mail)
        made = [Thread(_REPLY.sub("", mails[0].subject), tuple(mails)) for mails in found.values()]
        return sorted(made, key=lambda thread: -thread.last.id)


def subject_key(subject: str) -> str:
    return " ".join(_REPLY.sub("", subject).casefold().split())


def _bound(port: int, descriptor: int | None) -> socket.socket:
    if descriptor is not None:
        return socket.socket(fileno=descriptor)
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made
