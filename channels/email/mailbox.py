"""The centre's mailbox over IMAP: what is new in it, and putting away what was taken in. imaplib speaks the protocol."""

import imaplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Any

from kernel.settings import Email

# Above this, a mail is fetched only so far: its words come first, and the rest is in the mailbox.
MOST_BYTES = 30 * 1024 * 1024
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class MailboxError(Exception):
    """The mailbox cannot be reached or does not do what it was asked. Nothing was changed that matters: try again later."""


@dataclass(frozen=True)
class Numbering:
    """UIDVALIDITY, and the number that the next mail will have."""

    validity: int
    next_uid: int


class Mailbox:
    """One connection with one folder open. Use it as a context manager. Every method may raise MailboxError."""

    def __init__(self, settings: Email, folder: str) -> None:
        self._settings = settings
        self._folder = folder
        self.numbering = Numbering(0, 1)

    def __enter__(self) -> "Mailbox":
        try:
            self._server = self._connected()
            try:
                self._open()
            except BaseException:
                self._server.shutdown()
                raise
        except (OSError, imaplib.IMAP4.error, ValueError) as error:
            raise MailboxError(type(error).__name__) from error
        return self

    def _connected(self) -> imaplib.IMAP4:
        settings = self._settings
        host, port = settings.imap_host, settings.imap_port
        if settings.imap_security == "tls":
            context = ssl.create_default_context()
            return imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=settings.timeout_s)
        return imaplib.IMAP4(host, port, timeout=settings.timeout_s)

    def _open(self) -> None:
        if self._settings.imap_security == "starttls":
            self._server.starttls(ssl.create_default_context())
        self._server.login(self._settings.imap_user, self._settings.imap_password.get_secret_value())
        self._checked(self._server.select(_quoted(self._folder)))
        self.numbering = Numbering(self._told("UIDVALIDITY"), self._told("UIDNEXT"))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._server.logout()
        except (OSError, imaplib.IMAP4.error):
            self._server.shutdown()

    def since(self, day: date, *, unseen_only: bool) -> list[int]:
        """UIDs of the mails that came on this day or later, lowest first."""
        asked = ["SINCE", f"{day.day:02}-{_MONTHS[day.month - 1]}-{day.year}"]
        return self._search(*(["UNSEEN"] if unseen_only else []), *asked)

    def after(self, uid: int) -> list[int]:
        """UIDs above this one, lowest first."""
        # `n:*` names the last mail even when its number is below n.
        return [found for found in self._search("UID", f"{uid + 1}:*", "UNDELETED") if found > uid]

    def with_id(self, message_id: str) -> list[int]:
        """UIDs of the mails with this Message-ID."""
        return self._search("HEADER", "Message-ID", _quoted(message_id))

    def fetch(self, uid: int) -> bytes | None:
        """The mail, or its beginning when it is huge; None when it is there no more. It stays as unread as it was."""
        for part in self._uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{MOST_BYTES}>)"):
            if isinstance(part, tuple) and len(part) == 2 and isinstance(part[1], bytes):
                return part[1]
        return None

    def put_away(self, uid: int) -> None:
        """Marks it as read and, where there is a folder for that, moves it there."""
        self._uid("STORE", str(uid), "+FLAGS.SILENT", "(\\Seen)")
        folder = self._settings.done_folder
        if not folder:
            return
        if "MOVE" in self._server.capabilities:
            self._uid("MOVE", str(uid), _quoted(folder))
        else:
            self._uid("COPY", str(uid), _quoted(folder))
            self._uid("STORE", str(uid), "+FLAGS.SILENT", "(\\Deleted)")
            self._checked(self._call(self._server.expunge))

    def _search(self, *criteria: str) -> list[int]:
        told = self._uid("SEARCH", *criteria)
        return sorted(int(number) for line in told if isinstance(line, bytes) for number in line.split())

    def _uid(self, command: str, *given: str) -> Sequence[Any]:
        return self._checked(self._call(self._server.uid, command, *given))

    def _call(self, what: Any, *given: str) -> tuple[str, Sequence[Any]]:
        try:
            answer: tuple[str, Sequence[Any]] = what(*given)
        except (OSError, imaplib.IMAP4.error, ValueError) as error:
            raise MailboxError(type(error).__name__) from error
        return answer

    def _checked(self, answer: tuple[str, Sequence[Any]]) -> Sequence[Any]:
        if answer[0] != "OK":
            raise MailboxError(str(answer[0]))
        return answer[1]

    def _told(self, name: str) -> int:
        _, found = self._server.response(name)
        return int(found[0]) if found and found[0] else 1


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", "")
    return f'"{escaped}"'
