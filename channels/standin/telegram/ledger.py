"""Everything that was said with the bot, the updates still to be told, and the files, in one SQLite file."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from channels.standin.sqlite_file import SqliteFile
from channels.standin.switches import Switches

_SCHEMA = """
CREATE TABLE IF NOT EXISTS chatter (
    id INTEGER PRIMARY KEY, first_name TEXT NOT NULL, last_name TEXT NOT NULL, language TEXT NOT NULL, phone TEXT NOT NULL,
    has_started INTEGER NOT NULL DEFAULT 0, has_blocked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY, chat INTEGER NOT NULL, number INTEGER NOT NULL, direction TEXT NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL, payload TEXT NOT NULL, status TEXT NOT NULL, pressed TEXT, at REAL NOT NULL, UNIQUE (chat, number));
CREATE TABLE IF NOT EXISTS news (
    id INTEGER PRIMARY KEY, chat INTEGER NOT NULL, number INTEGER, payload TEXT NOT NULL, due REAL NOT NULL,
    created_at REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'due');
CREATE INDEX IF NOT EXISTS news_due ON news (due) WHERE state = 'due';
CREATE TABLE IF NOT EXISTS press (id TEXT PRIMARY KEY, chat INTEGER NOT NULL, answered_at REAL);
CREATE TABLE IF NOT EXISTS file (id TEXT PRIMARY KEY, path TEXT NOT NULL UNIQUE, content_type TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS happening (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, chat INTEGER NOT NULL, name TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS happening_chat ON happening (chat, id);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
# Update ids are large numbers that grow.
_FIRST_UPDATE = 700_000_000


@dataclass(frozen=True)
class Chatter:
    """Somebody with a Telegram account. id: also of the private chat with them."""

    id: int
    first_name: str
    last_name: str
    language: str
    phone: str
    has_started: bool = False
    has_blocked: bool = False

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True)
class Said:
    """One message. direction: inbound (from the person) or outbound. payload: the Bot API's object. pressed: of its buttons."""

    seq: int
    chat: int
    number: int
    direction: str
    kind: str
    body: str
    payload: dict[str, Any]
    status: str
    pressed: str | None
    at: float


@dataclass(frozen=True)
class News:
    """One update that the webhook has to be told."""

    id: int
    chat: int
    number: int | None
    payload: dict[str, Any]
    due: float
    created_at: float
    attempts: int
    state: str

    @property
    def update_id(self) -> int:
        return _FIRST_UPDATE + self.id


@dataclass(frozen=True)
class Happening:
    id: int
    at: float
    name: str
    detail: dict[str, Any]


class TelegramLedger(SqliteFile):
    """The file."""

    _schema = _SCHEMA

    # People

    def chatter(self, chat: int) -> Chatter | None:
        found = self._run("SELECT * FROM chatter WHERE id = ?", chat)
        return _chatter(found[0]) if found else None

    def chatters(self) -> list[Chatter]:
        return [_chatter(row) for row in self._run("SELECT * FROM chatter ORDER BY id")]

    def keep_chatter(self, chatter: Chatter) -> None:
        self._run(
            "INSERT INTO chatter VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET language = excluded.language,"
            " has_started = excluded.has_started, has_blocked = excluded.has_blocked",
            *(chatter.id, chatter.first_name, chatter.last_name, chatter.language, chatter.phone),
            *(chatter.has_started, chatter.has_blocked),
        )

    # Messages

    def next_number(self, chat: int) -> int:
        return int(self._run("SELECT coalesce(max(number), 0) + 1 FROM message WHERE chat = ?", chat)[0][0])

    def add(
        self, chat: int, number: int, direction: str, kind: str, body: str, payload: dict[str, Any], *, status: str, at: float
    ) -> Said:  # fmt: skip
        self._run(
            "INSERT INTO message (chat, number, direction, kind, body, payload, status, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(chat, number, direction, kind, body, json.dumps(payload), status, at),
        )
        found = self.said(chat, number)
        assert found is not None
        return found

    def said(self, chat: int, number: int) -> Said | None:
        found = self._run("SELECT * FROM message WHERE chat = ? AND number = ?", chat, number)
        return _said(found[0]) if found else None

    def all_said(self, chat: int | None = None) -> list[Said]:
        """Oldest first; everything, or of one chat."""
        rows = self._run("SELECT * FROM message WHERE ?1 IS NULL OR chat = ?1 ORDER BY seq", chat)
        return [_said(row) for row in rows]

    def change(self, chat: int, number: int, *, body: str, payload: dict[str, Any]) -> None:
        self._run(
            "UPDATE message SET body = ?, payload = ? WHERE chat = ? AND number = ?",
            *(body, json.dumps(payload), chat, number),
        )

    def move(self, chat: int, number: int, status: str) -> None:
        self._run("UPDATE message SET status = ? WHERE chat = ? AND number = ?", status, chat, number)

    def note_pressed(self, chat: int, number: int, value: str) -> None:
        self._run("UPDATE message SET pressed = ? WHERE chat = ? AND number = ?", value, chat, number)

    def add_press(self, press_id: str, chat: int) -> None:
        self._run("INSERT INTO press (id, chat) VALUES (?, ?)", press_id, chat)

    def answer_press(self, press_id: str, *, at: float) -> int | None:
        """The chat of a press that waited for its answer; None when there is none such."""
        found = self._run(
            "UPDATE press SET answered_at = ? WHERE id = ? AND answered_at IS NULL RETURNING chat", at, press_id
        )
        return int(found[0][0]) if found else None

    # Updates

    def add_news(self, chat: int, payload: dict[str, Any], *, due: float, at: float, number: int | None = None) -> int:
        rows = self._run(
            "INSERT INTO news (chat, number, payload, due, created_at) VALUES (?, ?, ?, ?, ?) RETURNING id",
            *(chat, number, json.dumps(payload), due, at),
        )
        return int(rows[0][0])

    def repeat_news(self, news_id: int, *, due: float) -> None:
        """The same update once more, however the first goes: told twice, as a provider in doubt does."""
        self._run("INSERT OR REPLACE INTO setting VALUES (?, ?)", f"repeat-{news_id}", json.dumps(due))

    def repeats(self, news_id: int) -> bool:
        """Whether this one is to be told twice; asked once."""
        return bool(self._run("DELETE FROM setting WHERE name = ? RETURNING value", f"repeat-{news_id}"))

    def due(self, now: float, limit: int, *, in_order: bool) -> list[News]:
        """What is to be told now. in_order: what one person did goes one after another, however often one is tried again."""
        rows = self._run(
            "SELECT * FROM news WHERE state = 'due' AND due <= ?1 AND NOT (?3 AND EXISTS (SELECT 1 FROM news AS earlier"
            " WHERE earlier.state = 'due' AND earlier.id < news.id AND earlier.chat = news.chat))"
            " ORDER BY due, id LIMIT ?2",
            *(now, limit, in_order),
        )
        return [_news(row) for row in rows]

    def finish(self, news_id: int, state: str) -> None:
        self._run("UPDATE news SET state = ?, attempts = attempts + 1 WHERE id = ?", state, news_id)

    def postpone(self, news_id: int, due: float) -> None:
        self._run("UPDATE news SET due = ?, attempts = attempts + 1 WHERE id = ?", due, news_id)

    def pending(self) -> int:
        return int(self._run("SELECT count(*) FROM news WHERE state = 'due'")[0][0])

    def drop_pending(self) -> None:
        self._run("UPDATE news SET state = 'dropped' WHERE state = 'due'")

    # Files

    def add_file(self, file_id: str, path: str, content_type: str, data: bytes) -> None:
        self._run("INSERT OR IGNORE INTO file VALUES (?, ?, ?, ?)", file_id, path, content_type, data)

    def file(self, file_id: str) -> tuple[str, int] | None:
        """Its path and size."""
        found = self._run("SELECT path, length(data) FROM file WHERE id = ?", file_id)
        return (str(found[0][0]), int(found[0][1])) if found else None

    def file_at(self, path: str) -> tuple[str, bytes] | None:
        """Its type and bytes."""
        found = self._run("SELECT content_type, data FROM file WHERE path = ?", path)
        return (str(found[0][0]), bytes(found[0][1])) if found else None

    # What happened, and how things are set

    def note(self, name: str, chat: int, *, at: float, **detail: Any) -> None:
        self._run(
            "INSERT INTO happening (at, chat, name, detail) VALUES (?, ?, ?, ?)", at, chat, name, json.dumps(detail)
        )

    def happenings(self, chat: int, limit: int) -> list[Happening]:
        """Newest first."""
        rows = self._run(
            "SELECT id, at, name, detail FROM happening WHERE chat = ? ORDER BY id DESC LIMIT ?", chat, limit
        )
        return [Happening(row["id"], row["at"], row["name"], json.loads(row["detail"])) for row in rows]

    def setting(self, name: str) -> Any:
        """None when it was never set."""
        found = self._run("SELECT value FROM setting WHERE name = ?", name)
        return json.loads(found[0]["value"]) if found else None

    def set_setting(self, name: str, value: Any) -> None:
        self._run("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", name, json.dumps(value))

    def switches(self) -> Switches:
        return Switches().changed(self.setting("switches") or {})


def _chatter(row: sqlite3.Row) -> Chatter:
    kept = dict(row)
    return Chatter(**kept | {name: bool(kept[name]) for name in ("has_started", "has_blocked")})


def _said(row: sqlite3.Row) -> Said:
    return Said(**{**dict(row), "payload": json.loads(row["payload"])})


def _news(row: sqlite3.Row) -> News:
    return News(**{**dict(row), "payload": json.loads(row["payload"])})
