"""Every mail the stand-in took, in a SQLite file beside the ledger: what is in the centre's folders, what residents got."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from channels.standin.mail.switches import MailSwitches
from channels.standin.sqlite_file import SqliteFile

_SCHEMA = """
CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, direction TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
    message_id TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL, raw BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS mail_people ON mail (recipient, sender);
CREATE TABLE IF NOT EXISTS folder (name TEXT PRIMARY KEY, validity INTEGER NOT NULL, next_uid INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS entry (
    folder TEXT NOT NULL, uid INTEGER, mail_id INTEGER NOT NULL, flags TEXT NOT NULL, visible_at REAL NOT NULL,
    UNIQUE (folder, uid));
CREATE TABLE IF NOT EXISTS mail_setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Mail:
    """One mail to one recipient. direction: inbound (to the centre) or outbound (from it). at: seconds since 1970, UTC."""

    id: int
    at: float
    direction: str
    sender: str
    recipient: str
    message_id: str
    subject: str
    body: str
    status: str
    raw: bytes


@dataclass(frozen=True)
class Entry:
    """A mail in one of the centre's folders, without its bytes: a folder that is looked into every second may hold thousands."""

    uid: int
    flags: frozenset[str]
    at: float
    mail_id: int
    message_id: str
    size: int


class MailStore(SqliteFile):
    """The file, for every thread of one process."""

    _schema = _SCHEMA

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        for name in ("INBOX", "Sent", "Atendidos"):
            self.create_folder(name)

    # Mails

    def add(
        self, direction: str, sender: str, recipient: str, raw: bytes, *, message_id: str, subject: str, body: str, status: str
    ) -> int:  # fmt: skip
        made = self._run(
            "INSERT INTO mail (at, direction, sender, recipient, message_id, subject, body, status, raw)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            *(time.time(), direction, sender, recipient, message_id, subject, body, status, raw),
        )
        return int(made[0]["id"])

    def mail(self, mail_id: int) -> Mail:
        """Raises KeyError."""
        found = self._run("SELECT * FROM mail WHERE id = ?", mail_id)
        if not found:
            raise KeyError(mail_id)
        return Mail(**found[0])

    def mails(self, address: str | None = None) -> list[Mail]:
        """Oldest first; all of them, or what one resident wrote and got."""
        if address is None:
            return [Mail(**row) for row in self._run("SELECT * FROM mail ORDER BY id")]
        rows = self._run("SELECT * FROM mail WHERE sender = ?1 OR recipient = ?1 ORDER BY id", address)
        return [Mail(**row) for row in rows]

    def move(self, mail_id: int, status: str) -> None:
        self._run("UPDATE mail SET status = ? WHERE id = ?", status, mail_id)

    # The centre's folders

    def create_folder(self, name: str) -> None:
        self._run("INSERT OR IGNORE INTO folder (name, validity, next_uid) VALUES (?, ?, 1)", name, int(time.time()))

    def folder(self, name: str) -> tuple[int, int] | None:
        """Its UIDVALIDITY and UIDNEXT; None when there is none."""
        self._number(name)
        found = self._run("SELECT validity, next_uid FROM folder WHERE name = ?", _named(name))
        return (found[0]["validity"], found[0]["next_uid"]) if found else None

    def folders(self) -> list[str]:
        return [row["name"] for row in self._run("SELECT name FROM folder ORDER BY name")]

    def renumber(self, name: str) -> None:
        """As a server that lost its index: the same mails under other numbers."""
        with self.together():
            self._run("UPDATE folder SET validity = validity + 1 WHERE name = ?", name)
            rows = self._run("SELECT uid FROM entry WHERE folder = ? AND uid IS NOT NULL ORDER BY uid", name)
            for number, row in enumerate(rows, start=1):
                self._run("UPDATE entry SET uid = ? WHERE folder = ? AND uid = ?", number, name, row["uid"])
            self._run("UPDATE folder SET next_uid = ? WHERE name = ?", len(rows) + 1, name)

    def put(self, name: str, mail_id: int, *, flags: Sequence[str] = (), after_s: float = 0.0) -> None:
        """A mail into a folder. It gets its number when it is there: numbers only grow."""
        self._run(
            "INSERT INTO entry (folder, mail_id, flags, visible_at) VALUES (?, ?, ?, ?)",
            *(_named(name), mail_id, " ".join(flags), time.time() + after_s),
        )

    def _number(self, name: str) -> None:
        with self.together():
            arrived = self._run(
                "SELECT rowid FROM entry WHERE folder = ? AND uid IS NULL AND visible_at <= ? ORDER BY visible_at, rowid",
                *(_named(name), time.time()),
            )
            for row in arrived:
                made = self._run(
                    "UPDATE folder SET next_uid = next_uid + 1 WHERE name = ? RETURNING next_uid - 1 AS uid",
                    _named(name),
                )
                self._run("UPDATE entry SET uid = ? WHERE rowid = ?", made[0]["uid"], row["rowid"])

    def entries(self, name: str) -> list[Entry]:
        """What can be seen in a folder by now, in the order of the numbers."""
        self._number(name)
        rows = self._run(
            "SELECT entry.uid, entry.flags, mail.at, mail.id, mail.message_id, length(mail.raw) AS size"
            " FROM entry JOIN mail ON mail.id = entry.mail_id"
            " WHERE folder = ? AND uid IS NOT NULL ORDER BY uid",
            _named(name),
        )
        return [
            Entry(row["uid"], frozenset(row["flags"].split()), row["at"], row["id"], row["message_id"], row["size"])
            for row in rows
        ]

    def flag(self, name: str, uid: int, flags: frozenset[str]) -> None:
        """Sets the flags. A mail to the centre that was seen has been received."""
        with self.together():
            self._run(
                "UPDATE entry SET flags = ? WHERE folder = ? AND uid = ?", " ".join(sorted(flags)), _named(name), uid
            )
            if "\\Seen" in flags:
                self._run(
                    "UPDATE mail SET status = 'received' WHERE status = 'receiving' AND id IN"
                    " (SELECT mail_id FROM entry WHERE folder = ? AND uid = ?)",
                    *(_named(name), uid),
                )

    def copy(self, name: str, uid: int, target: str) -> None:
        rows = self._run("SELECT mail_id, flags FROM entry WHERE folder = ? AND uid = ?", _named(name), uid)
        for row in rows:
            self.put(target, row["mail_id"], flags=row["flags"].split())

    def expunge(self, name: str, uid: int) -> None:
        self._run("DELETE FROM entry WHERE folder = ? AND uid = ?", _named(name), uid)

    # Moods

    def switches(self) -> MailSwitches:
        found = self._run("SELECT value FROM mail_setting WHERE name = 'switches'")
        return MailSwitches().changed(json.loads(found[0]["value"])) if found else MailSwitches()

    def set_switches(self, switches: MailSwitches) -> None:
        self._run(
            "INSERT OR REPLACE INTO mail_setting (name, value) VALUES ('switches', ?)", json.dumps(switches.as_json())
        )


def _named(name: str) -> str:
    return "INBOX" if name.upper() == "INBOX" else name
