"""What the telephone remembers: calls, conferences, recordings, and whom it still has to tell what."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from channels.standin.sqlite_file import SqliteFile
from channels.standin.voice.switches import Switches

LIVE = ("queued", "initiated", "ringing", "in-progress")


@dataclass(frozen=True)
class Notice:
    """Something to tell an address at `due`: one signed call with this form."""

    id: int
    subject: str
    url: str
    method: str
    form: dict[str, str]
    token: str
    due: float
    born: float
    attempts: int


class VoiceLedger(SqliteFile):
    """Rows are whole as JSON; the columns beside it are what is searched for."""

    _schema = """
CREATE TABLE IF NOT EXISTS thing (
    seq INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, status TEXT NOT NULL, sender TEXT NOT NULL,
    recipient TEXT NOT NULL, parent TEXT NOT NULL, at REAL NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS thing_kind ON thing (kind, seq);
CREATE INDEX IF NOT EXISTS thing_phone ON thing (sender, seq);
CREATE INDEX IF NOT EXISTS thing_parent ON thing (parent);
CREATE TABLE IF NOT EXISTS notice (
    id INTEGER PRIMARY KEY, subject TEXT NOT NULL, url TEXT NOT NULL, method TEXT NOT NULL, form TEXT NOT NULL,
    token TEXT NOT NULL, due REAL NOT NULL, born REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'due', answer TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS notice_due ON notice (due) WHERE state = 'due';
CREATE INDEX IF NOT EXISTS notice_subject ON notice (subject);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

    def keep(self, kind: str, row: Mapping[str, Any]) -> None:
        """row: with sid, status, at, and for a call from, to and parent_call_sid."""
        self._run(
            "INSERT INTO thing (sid, kind, status, sender, recipient, parent, at, detail) VALUES (?,?,?,?,?,?,?,?)"
            " ON CONFLICT (sid) DO UPDATE SET status = excluded.status, detail = excluded.detail",
            *(row["sid"], kind, row["status"], row.get("from") or "", row.get("to") or ""),
            *(row.get("parent_call_sid") or row.get("call_sid") or "", row["at"], json.dumps(dict(row))),
        )

    def thing(self, kind: str, sid: str) -> dict[str, Any] | None:
        rows = self._run("SELECT detail FROM thing WHERE sid = ? AND kind = ?", sid, kind)
        found: dict[str, Any] | None = json.loads(rows[0]["detail"]) if rows else None
        return found

    def forget(self, sid: str) -> None:
        self._run("DELETE FROM thing WHERE sid = ?", sid)

    def things(
        self, kind: str, *, sender: str | None = None, recipient: str | None = None, status: str | None = None,
        parent: str | None = None, phone: str | None = None, start: float | None = None, end: float | None = None,
        limit: int = 50, offset: int = 0,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Newest first. phone: on either side."""
        rows = self._run(
            "SELECT detail FROM thing WHERE kind = ?1 AND (?2 IS NULL OR sender = ?2) AND (?3 IS NULL OR recipient = ?3)"
            " AND (?4 IS NULL OR status = ?4) AND (?5 IS NULL OR parent = ?5) AND (?6 IS NULL OR ?6 IN (sender, recipient))"
            " AND (?7 IS NULL OR at >= ?7) AND (?8 IS NULL OR at < ?8) ORDER BY seq DESC LIMIT ?9 OFFSET ?10",
            *(kind, sender, recipient, status, parent, phone, start, end, limit, offset),
        )
        return [json.loads(row["detail"]) for row in rows]

    def cut_off(self) -> list[dict[str, Any]]:
        """What was going on when the stand-in was killed."""
        marks = ", ".join("?" for _ in LIVE)
        rows = self._run(f"SELECT detail FROM thing WHERE kind = 'call' AND status IN ({marks})", *LIVE)  # noqa: S608
        return [json.loads(row["detail"]) for row in rows]

    # Whom to tell

    def plan(self, notices: Iterable[tuple[str, str, str, Mapping[str, str], str, float, float]]) -> None:
        """Each: subject, url, method, form, token, due, born."""
        with self.together():
            for subject, url, method, form, token, due, born in notices:
                self._run(
                    "INSERT INTO notice (subject, url, method, form, token, due, born) VALUES (?,?,?,?,?,?,?)",
                    *(subject, url, method, json.dumps(dict(form)), token, due, born),
                )

    def due(self, now: float, limit: int) -> list[Notice]:
        """What is to be told now; of one call or conference in order, as long as none of it is late."""
        rows = self._run(
            "SELECT * FROM notice AS n WHERE state = 'due' AND due <= ? AND NOT EXISTS (SELECT 1 FROM notice AS earlier"
            " WHERE earlier.subject = n.subject AND earlier.state = 'due' AND earlier.id < n.id AND earlier.due <= n.due)"
            " ORDER BY due, id LIMIT ?",
            *(now, limit),
        )
        return [
            Notice(**{name: row[name] for name in row.keys() if name not in ("form", "state", "answer")},  # noqa: SIM118
                   form=json.loads(row["form"]))
            for row in rows
        ]  # fmt: skip

    def told(self, notice_id: int, state: str, answer: int | str) -> None:
        """state: done, or given_up."""
        self._run(
            "UPDATE notice SET state = ?, attempts = attempts + 1, answer = ? WHERE id = ?",
            *(state, str(answer), notice_id),
        )

    def postpone(self, notice_id: int, due: float, answer: int | str) -> None:
        self._run(
            "UPDATE notice SET due = ?, attempts = attempts + 1, answer = ? WHERE id = ?", due, str(answer), notice_id
        )

    def told_of(self, subject: str) -> list[dict[str, Any]]:
        """Every notice about a call or conference, oldest first."""
        rows = self._run("SELECT * FROM notice WHERE subject = ? ORDER BY id", subject)
        return [{**row, "form": json.loads(row["form"])} for row in rows]

    def switches(self) -> Switches:
        found = self._run("SELECT value FROM setting WHERE name = 'switches'")
        return Switches().changed(json.loads(found[0]["value"])) if found else Switches()

    def set_switches(self, switches: Switches) -> None:
        self._run("INSERT OR REPLACE INTO setting (name, value) VALUES ('switches', ?)", json.dumps(switches.as_json()))
