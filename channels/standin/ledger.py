"""Everything the stand-in accepted, in one SQLite file: messages, errands still to run, and what happened.

An answer of 201 means that the message is in this file. A killed stand-in goes on where it was.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from channels.standin.sqlite_file import SqliteFile
from channels.standin.switches import Switches

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, direction TEXT NOT NULL, sender TEXT NOT NULL,
    recipient TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL, error_code INTEGER, callback TEXT,
    segments INTEGER NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL,
    channel TEXT NOT NULL DEFAULT 'sms', detail TEXT NOT NULL DEFAULT '{}');
CREATE INDEX IF NOT EXISTS message_phones ON message (recipient, sender);
CREATE TABLE IF NOT EXISTS errand (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL DEFAULT '', token TEXT NOT NULL,
    due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'due');
CREATE INDEX IF NOT EXISTS errand_due ON errand (due) WHERE state = 'due';
CREATE TABLE IF NOT EXISTS happening (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, phone TEXT NOT NULL, name TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS happening_phone ON happening (phone, id);
CREATE TABLE IF NOT EXISTS stopped (phone TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS attachment (
    sid TEXT PRIMARY KEY, message_sid TEXT NOT NULL, content_type TEXT NOT NULL, data BLOB NOT NULL,
    token TEXT NOT NULL UNIQUE, fetches INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS attachment_message ON attachment (message_sid);
CREATE TABLE IF NOT EXISTS content (sid TEXT PRIMARY KEY, name TEXT NOT NULL, definition TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


# Columns that a file of an older stand-in lacks.
_LATER = {"channel": "TEXT NOT NULL DEFAULT 'sms'", "detail": "TEXT NOT NULL DEFAULT '{}'"}


@dataclass(frozen=True)
class Text:
    """One message. direction: inbound (from a resident) or outbound-api. Times are seconds since 1970, UTC.

    sender, recipient: without the name of their channel. detail: what it is besides words (`whatsapp/`).
    """

    seq: int
    sid: str
    direction: str
    sender: str
    recipient: str
    body: str
    status: str
    error_code: int | None
    callback: str | None
    segments: int
    created_at: float
    updated_at: float
    channel: str = "sms"
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def phone(self) -> str:
        """The resident's side, with its channel where that is not SMS."""
        return line(self.channel, self.sender if self.direction == "inbound" else self.recipient)


@dataclass(frozen=True)
class Attachment:
    """A file that somebody sent. token: the secret part of the address that its bytes are at."""

    sid: str
    message_sid: str
    content_type: str
    data: bytes
    token: str
    fetches: int


@dataclass(frozen=True)
class Errand:
    """Something to do at `due`: tell a webhook (`inbound`), move a text on (`progress`), report a status (`report`)."""

    id: int
    sid: str
    kind: str
    status: str
    token: str
    due: float
    attempts: int
    state: str


@dataclass(frozen=True)
class Happening:
    id: int
    at: float
    phone: str
    name: str
    detail: dict[str, Any]


def line(channel: str, phone: str) -> str:
    """How what happened around a phone is found: a WhatsApp user and a phone are two, though the number is one."""
    return phone if channel == "sms" else f"{channel}:{phone}"


def _text(row: sqlite3.Row) -> Text:
    return Text(**{**row, "detail": json.loads(row["detail"])})


class Ledger(SqliteFile):
    """The file, for every thread of one process."""

    _schema = _SCHEMA

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        known = {row["name"] for row in self._run("PRAGMA table_info(message)")}
        for column, kind in _LATER.items():
            if column not in known:
                self._run(f"ALTER TABLE message ADD COLUMN {column} {kind}")

    # Messages

    def add_text(
        self, sid: str, direction: str, sender: str, recipient: str, body: str, *, status: str, at: float,
        callback: str | None = None, segments: int = 1, channel: str = "sms", detail: Mapping[str, Any] | None = None,
    ) -> Text:  # fmt: skip
        self._run(
            "INSERT INTO message (sid, direction, sender, recipient, body, status, callback, segments, created_at,"
            " updated_at, channel, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(sid, direction, sender, recipient, body, status, callback, segments, at, at),
            *(channel, json.dumps(dict(detail or {}))),
        )
        return self.text(sid)

    def text(self, sid: str) -> Text:
        """Raises KeyError."""
        found = self._run("SELECT * FROM message WHERE sid = ?", sid)
        if not found:
            raise KeyError(sid)
        return _text(found[0])

    def move(self, sid: str, status: str, *, at: float, error_code: int | None = None) -> None:
        self._run(
            "UPDATE message SET status = ?, error_code = ?, updated_at = ? WHERE sid = ?", status, error_code, at, sid
        )

    def texts(self, phone: str | None = None, channel: str = "sms") -> list[Text]:
        """Oldest first; all of them, or those of one resident on one channel."""
        if phone is None:
            return [_text(row) for row in self._run("SELECT * FROM message ORDER BY seq")]
        rows = self._run(
            "SELECT * FROM message WHERE (sender = ? OR recipient = ?) AND channel = ? ORDER BY seq",
            *(phone, phone, channel),
        )
        return [_text(row) for row in rows]

    def last_inbound_at(self, phone: str, channel: str) -> float | None:
        """When this resident last wrote on this channel."""
        found = self._run(
            "SELECT max(created_at) AS at FROM message WHERE sender = ? AND channel = ? AND direction = 'inbound'",
            *(phone, channel),
        )
        at: float | None = found[0]["at"]
        return at

    def page(
        self, *, to: str | None, sender: str | None, start: float | None, end: float | None, limit: int, offset: int,
        channel: str | None = None,
    ) -> list[Text]:  # fmt: skip
        """Newest first, as the provider lists them."""
        rows = self._run(
            "SELECT * FROM message WHERE (?1 IS NULL OR recipient = ?1) AND (?2 IS NULL OR sender = ?2)"
            " AND (?3 IS NULL OR created_at >= ?3) AND (?4 IS NULL OR created_at < ?4)"
            " AND (?7 IS NULL OR channel = ?7) ORDER BY seq DESC LIMIT ?5 OFFSET ?6",
            *(to, sender, start, end, limit, offset, channel),
        )
        return [_text(row) for row in rows]

    # Files, and definitions of buttons

    def attach(self, message_sid: str, sid: str, content_type: str, data: bytes, token: str) -> None:
        self._run(
            "INSERT INTO attachment (sid, message_sid, content_type, data, token) VALUES (?, ?, ?, ?, ?)",
            *(sid, message_sid, content_type, data, token),
        )

    def attachments(self, message_sid: str) -> list[Attachment]:
        """In the order in which they were attached."""
        rows = self._run("SELECT * FROM attachment WHERE message_sid = ? ORDER BY rowid", message_sid)
        return [Attachment(**row) for row in rows]

    def attachment(self, sid: str) -> Attachment | None:
        rows = self._run("SELECT * FROM attachment WHERE sid = ?", sid)
        return Attachment(**rows[0]) if rows else None

    def attachment_by_token(self, token: str) -> Attachment | None:
        rows = self._run("SELECT * FROM attachment WHERE token = ?", token)
        return Attachment(**rows[0]) if rows else None

    def count_fetch(self, sid: str) -> int:
        """How often it was asked for, this time included."""
        rows = self._run("UPDATE attachment SET fetches = fetches + 1 WHERE sid = ? RETURNING fetches", sid)
        count: int = rows[0]["fetches"]
        return count

    def add_content(self, sid: str, name: str, definition: Mapping[str, Any]) -> None:
        self._run(
            "INSERT INTO content (sid, name, definition) VALUES (?, ?, ?)", sid, name, json.dumps(dict(definition))
        )

    def contents(self) -> list[tuple[str, dict[str, Any]]]:
        rows = self._run("SELECT sid, definition FROM content ORDER BY rowid")
        return [(row["sid"], json.loads(row["definition"])) for row in rows]

    def content(self, sid: str) -> dict[str, Any] | None:
        rows = self._run("SELECT definition FROM content WHERE sid = ?", sid)
        found: dict[str, Any] | None = json.loads(rows[0]["definition"]) if rows else None
        return found

    # Errands

    def add_errand(self, sid: str, kind: str, *, token: str, due: float, status: str = "", state: str = "due") -> None:
        self._run(
            "INSERT INTO errand (sid, kind, status, token, due, state) VALUES (?, ?, ?, ?, ?, ?)",
            *(sid, kind, status, token, due, state),
        )

    def due(self, now: float, limit: int) -> list[Errand]:
        """What is to be run now. Texts of one phone go one after another, as does what is told of one, unless one is late."""
        rows = self._run(
            "SELECT errand.* FROM errand JOIN message USING (sid) WHERE state = 'due' AND due <= ? AND NOT EXISTS ("
            " SELECT 1 FROM errand AS earlier JOIN message AS other USING (sid)"
            " WHERE earlier.state = 'due' AND earlier.id < errand.id AND earlier.due <= errand.due"
            " AND (earlier.sid = errand.sid"
            " OR errand.kind = 'inbound' AND earlier.kind = 'inbound' AND other.sender = message.sender)"
            ") ORDER BY due, id LIMIT ?",
            *(now, limit),
        )
        return [Errand(**row) for row in rows]

    def finish(self, errand_id: int, state: str) -> None:
        """state: done, or given_up when the other side refused or never answered."""
        self._run("UPDATE errand SET state = ?, attempts = attempts + 1 WHERE id = ?", state, errand_id)

    def postpone(self, errand_id: int, due: float) -> None:
        self._run("UPDATE errand SET due = ?, attempts = attempts + 1 WHERE id = ?", due, errand_id)

    # What happened, and how the network is

    def note(self, name: str, phone: str, *, at: float, **detail: Any) -> None:
        self._run(
            "INSERT INTO happening (at, phone, name, detail) VALUES (?, ?, ?, ?)", at, phone, name, json.dumps(detail)
        )

    def happenings(self, phone: str, limit: int) -> list[Happening]:
        """The newest `limit` of one resident, newest first."""
        rows = self._run("SELECT * FROM happening WHERE phone = ? ORDER BY id DESC LIMIT ?", phone, limit)
        return [Happening(**{**row, "detail": json.loads(row["detail"])}) for row in rows]

    def stop(self, phone: str, stopped: bool) -> None:
        """phone: as `Text.phone`."""
        self._run("DELETE FROM stopped WHERE phone = ?", phone)
        if stopped:
            self._run("INSERT INTO stopped (phone) VALUES (?)", phone)

    def is_stopped(self, channel: str, phone: str) -> bool:
        return bool(self._run("SELECT 1 FROM stopped WHERE phone = ?", line(channel, phone)))

    def switches(self) -> Switches:
        found = self._run("SELECT value FROM setting WHERE name = 'switches'")
        return Switches().changed(json.loads(found[0]["value"])) if found else Switches()

    def set_switches(self, switches: Switches) -> None:
        self._run("INSERT OR REPLACE INTO setting (name, value) VALUES ('switches', ?)", json.dumps(switches.as_json()))
