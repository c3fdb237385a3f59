"""Everything the stand-in accepted, in one SQLite file: messages, errands still to run, and what happened.

An answer of 201 means that the message is in this file. A killed stand-in goes on where it was.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from channels.standin.switches import Switches

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, direction TEXT NOT NULL, sender TEXT NOT NULL,
    recipient TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL, error_code INTEGER, callback TEXT,
    segments INTEGER NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS message_phones ON message (recipient, sender);
CREATE TABLE IF NOT EXISTS errand (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL DEFAULT '', token TEXT NOT NULL,
    due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'due');
CREATE INDEX IF NOT EXISTS errand_due ON errand (due) WHERE state = 'due';
CREATE TABLE IF NOT EXISTS happening (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, phone TEXT NOT NULL, name TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS happening_phone ON happening (phone, id);
CREATE TABLE IF NOT EXISTS stopped (phone TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Text:
    """One text message. direction: inbound (from a resident) or outbound-api. Times are seconds since 1970, UTC."""

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

    @property
    def phone(self) -> str:
        """The resident's side."""
        return self.sender if self.direction == "inbound" else self.recipient


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


class Ledger:
    """The file, for every thread of one process. Each method is one transaction unless it runs inside `together`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        self._lock = threading.RLock()
        self._depth = 0

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """All or nothing."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("COMMIT")

    def _run(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        with self.together():
            return self._connection.execute(statement, values).fetchall()

    # Messages

    def add_text(
        self, sid: str, direction: str, sender: str, recipient: str, body: str, *, status: str, at: float,
        callback: str | None = None, segments: int = 1,
    ) -> Text:  # fmt: skip
        self._run(
            "INSERT INTO message (sid, direction, sender, recipient, body, status, callback, segments, created_at,"
            " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(sid, direction, sender, recipient, body, status, callback, segments, at, at),
        )
        return self.text(sid)

    def text(self, sid: str) -> Text:
        """Raises KeyError."""
        found = self._run("SELECT * FROM message WHERE sid = ?", sid)
        if not found:
            raise KeyError(sid)
        return Text(**found[0])

    def move(self, sid: str, status: str, *, at: float, error_code: int | None = None) -> None:
        self._run(
            "UPDATE message SET status = ?, error_code = ?, updated_at = ? WHERE sid = ?", status, error_code, at, sid
        )

    def texts(self, phone: str | None = None) -> list[Text]:
        """Oldest first; all of them, or those of one resident."""
        if phone is None:
            return [Text(**row) for row in self._run("SELECT * FROM message ORDER BY seq")]
        rows = self._run("SELECT * FROM message WHERE sender = ? OR recipient = ? ORDER BY seq", phone, phone)
        return [Text(**row) for row in rows]

    def page(
        self, *, to: str | None, sender: str | None, start: float | None, end: float | None, limit: int, offset: int
    ) -> list[Text]:
        """Newest first, as the provider lists them."""
        rows = self._run(
            "SELECT * FROM message WHERE (?1 IS NULL OR recipient = ?1) AND (?2 IS NULL OR sender = ?2)"
            " AND (?3 IS NULL OR created_at >= ?3) AND (?4 IS NULL OR created_at < ?4)"
            " ORDER BY seq DESC LIMIT ?5 OFFSET ?6",
            *(to, sender, start, end, limit, offset),
        )
        return [Text(**row) for row in rows]

    # Errands

    def add_errand(self, sid: str, kind: str, *, token: str, due: float, status: str = "", state: str = "due") -> None:
        self._run(
            "INSERT INTO errand (sid, kind, status, token, due, state) VALUES (?, ?, ?, ?, ?, ?)",
            *(sid, kind, status, token, due, state),
        )

    def due(self, now: float, limit: int) -> list[Errand]:
        """What is to be run now. Texts of one phone go one after another, as long as none of them is late."""
        rows = self._run(
            "SELECT errand.* FROM errand JOIN message USING (sid) WHERE state = 'due' AND due <= ? AND NOT ("
            " kind = 'inbound' AND EXISTS (SELECT 1 FROM errand AS earlier JOIN message AS other USING (sid)"
            " WHERE earlier.state = 'due' AND earlier.kind = 'inbound' AND earlier.id < errand.id"
            " AND earlier.due <= errand.due AND other.sender = message.sender)) ORDER BY due, id LIMIT ?",
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
        self._run("DELETE FROM stopped WHERE phone = ?", phone)
        if stopped:
            self._run("INSERT INTO stopped (phone) VALUES (?)", phone)

    def is_stopped(self, phone: str) -> bool:
        return bool(self._run("SELECT 1 FROM stopped WHERE phone = ?", phone))

    def switches(self) -> Switches:
        found = self._run("SELECT value FROM setting WHERE name = 'switches'")
        return Switches().changed(json.loads(found[0]["value"])) if found else Switches()

    def set_switches(self, switches: Switches) -> None:
        self._run("INSERT OR REPLACE INTO setting (name, value) VALUES ('switches', ?)", json.dumps(switches.as_json()))
