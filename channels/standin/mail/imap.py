"""The mailbox side: the part of IMAP4rev1 (RFC 3501, with UIDPLUS' and MOVE's commands) that a program needs to fetch its mail.

No kept IMAP server for Python is small: the one that is alive brings a database of its own. This one reads the stand-in's.
"""

import hmac
import re
import socket
import socketserver
import threading
from datetime import UTC, date, datetime

import structlog

from channels.standin.mail.delivery import MailAccount
from channels.standin.mail.store import Entry, MailStore

log = structlog.get_logger(__name__)

_CAPABILITIES = "IMAP4rev1 UIDPLUS MOVE LITERAL+"
_IDLE_S = 60.0
_MOST_LITERAL = 1_000_000
_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r?\n?$")
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([()])|([^\s()"]*\[[^\]]*\](?:<\d+\.\d+>)?|[^\s()"]+)')
_BODY = re.compile(r"BODY(?:\.PEEK)?\[(HEADER|TEXT)?\](?:<(\d+)\.(\d+)>)?", re.I)
_SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")


class _Refused(Exception):
    """An answer of NO or BAD."""


class _Dialogue(socketserver.StreamRequestHandler):
    server: "_Server"
    timeout = _IDLE_S
    # An answer in several small packets would wait for the other side's acknowledgement, 40 ms each time.
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle(self) -> None:
        self.store, self.account = self.server.store, self.server.account
        self.folder: str | None = None
        self.is_in = False
        if self.store.switches().mailbox_down:
            self._say("* BYE Service not available")
            return
        self._say(f"* OK [CAPABILITY {_CAPABILITIES}] Atiende stand-in")
        try:
            while (line := self._line()) is not None and self._answer(line):
                pass
        except (OSError, ValueError) as error:
            log.info("standin.imap", gone=type(error).__name__)

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode("utf-8", "replace") + b"\r\n")
        self.wfile.flush()

    def _line(self) -> list[str] | None:
        """The words of the next command; None at the end."""
        whole = b""
        while True:
            read = self.rfile.readline(_MOST_LITERAL)
            if not read:
                return None
            whole += read.rstrip(b"\r\n")
            literal = _LITERAL.search(read)
            if literal is None:
                break
            if not literal[2]:
                self._say("+ Ready")
            size = min(int(literal[1]), _MOST_LITERAL)
            told = self.rfile.read(size).decode("utf-8", "replace").replace("\\", "\\\\").replace('"', '\\"')
            whole = whole[: whole.rindex(b"{")] + f'"{told}"'.encode()
        found = _TOKEN.finditer(whole.decode("utf-8", "replace"))
        return [
            re.sub(r"\\(.)", r"\1", token[1]) if token[1] is not None else (token[2] or token[3]) for token in found
        ]

    def _answer(self, words: list[str]) -> bool:
        if len(words) < 2:
            self._say("* BAD What?")
            return True
        tag, command, *given = words
        name = command.upper()
        if name == "UID" and given:
            name, given = f"UID {given[0].upper()}", given[1:]
        try:
            self._do(name, given)
        except _Refused as refused:
            self._say(f"{tag} {refused}")
        else:
            self._say(f"{tag} OK {name} completed")
        return name != "LOGOUT"

    def _do(self, name: str, given: list[str]) -> None:
        match name:
            case "CAPABILITY":
                self._say(f"* CAPABILITY {_CAPABILITIES}")
            case "NOOP" | "CHECK":
                pass
            case "LOGOUT":
                self._say("* BYE Until later")
            case "LOGIN":
                self._log_in(given)
            case _ if not self.is_in:
                raise _Refused("NO Log in first")
            case "SELECT" | "EXAMINE":
                self._select(given[0] if given else "")
            case "LIST":
                for folder in self.store.folders():
                    self._say(f'* LIST (\\HasNoChildren) "/" "{folder}"')
            case "CREATE" if given:
                self.store.create_folder(given[0])
            case _ if self.folder is None:
                raise _Refused("NO Select a mailbox first")
            case "UID SEARCH":
                last = self._last()
                found = [entry.uid for entry in self._entries() if _matches(self.store, entry, given, last)]
                self._say("* SEARCH" + "".join(f" {uid}" for uid in found))
            case "UID FETCH" if given:
                self._fetch(given)
            case "UID STORE" if len(given) >= 3:
                self._store_flags(given)
            case "UID COPY" | "UID MOVE" if len(given) == 2:
                self._transfer(given, is_move=name == "UID MOVE")
            case "EXPUNGE" | "CLOSE":
                self._expunge(tells=name == "EXPUNGE")
            case _:
                raise _Refused("BAD This server has no such command")

    def _log_in(self, given: list[str]) -> None:
        expected = [self.account.user, self.account.password]
        if len(given) != 2 or not all(
            hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(given, expected, strict=True)
        ):
            raise _Refused("NO [AUTHENTICATIONFAILED] Wrong name or password")
        self.is_in = True

    def _select(self, folder: str) -> None:
        known = self.store.folder(folder)
        if known is None:
            raise _Refused("NO No such mailbox")
        self.folder = folder
        self._say(f"* FLAGS ({' '.join(_SYSTEM_FLAGS)})")
        self._say(f"* {len(self._entries())} EXISTS")
        self._say("* 0 RECENT")
        self._say(f"* OK [UIDVALIDITY {known[0]}] UIDs valid")
        self._say(f"* OK [UIDNEXT {known[1]}] Predicted next UID")

    def _entries(self) -> list[Entry]:
        return self.store.entries(self.folder or "")

    def _last(self) -> int:
        entries = self._entries()
        return entries[-1].uid if entries else 0

    def _chosen(self, numbers: str) -> list[tuple[int, Entry]]:
        """(sequence number, mail) of a set of UIDs."""
        entries = self._entries()
        last = entries[-1].uid if entries else 0
        return [(at, one) for at, one in enumerate(entries, start=1) if _is_in(one.uid, numbers, last)]

    def _fetch(self, given: list[str]) -> None:
        for number, entry in self._chosen(given[0]):
            told, section, literal = [f"UID {entry.uid}"], "", b""
            for item in given[1:]:
                if item.upper() == "FLAGS":
                    told.append(f"FLAGS ({' '.join(sorted(entry.flags))})")
                elif item.upper() == "RFC822.SIZE":
                    told.append(f"RFC822.SIZE {entry.size}")
                elif body := _BODY.fullmatch(item):
                    section, literal = _section(self.store.mail(entry.mail_id).raw, body)
            line = f"* {number} FETCH ({' '.join(told)}".encode()
            if section:
                line += f" {section} {{{len(literal)}}}\r\n".encode() + literal
            self.wfile.write(line + b")\r\n")

    def _store_flags(self, given: list[str]) -> None:
        change = frozenset(word for word in given[2:] if word not in "()")
        for number, entry in self._chosen(given[0]):
            action = given[1].upper()
            flags = entry.flags | change if action[0] == "+" else entry.flags - change if action[0] == "-" else change
            self.store.flag(self.folder or "", entry.uid, flags)
            if not action.endswith(".SILENT"):
                self._say(f"* {number} FETCH (UID {entry.uid} FLAGS ({' '.join(sorted(flags))}))")

    def _transfer(self, given: list[str], *, is_move: bool) -> None:
        if self.store.folder(given[1]) is None:
            raise _Refused("NO [TRYCREATE] No such mailbox")
        for number, entry in reversed(self._chosen(given[0])):
            with self.store.together():
                self.store.copy(self.folder or "", entry.uid, given[1])
                if is_move:
                    self.store.expunge(self.folder or "", entry.uid)
            if is_move:
                self._say(f"* {number} EXPUNGE")

    def _expunge(self, *, tells: bool) -> None:
        for number, entry in reversed(list(enumerate(self._entries(), start=1))):
            if "\\Deleted" in entry.flags:
                self.store.expunge(self.folder or "", entry.uid)
                if tells:
                    self._say(f"* {number} EXPUNGE")
        if not tells:
            self.folder = None


def _section(raw: bytes, asked: re.Match[str]) -> tuple[str, bytes]:
    head, blank, text = raw.partition(b"\r\n\r\n")
    name = (asked[1] or "").upper()
    whole = head + blank if name == "HEADER" else text if name == "TEXT" else raw
    if asked[2] is None:
        return f"BODY[{name}]", whole
    start = int(asked[2])
    return f"BODY[{name}]<{start}>", whole[start : start + int(asked[3])]


def _is_in(uid: int, numbers: str, last: int) -> bool:
    for part in numbers.split(","):
        low, _, high = part.partition(":")
        ends = [last if end == "*" else int(end) for end in (low, high or low)]
        if min(ends) <= uid <= max(ends):
            return True
    return False


def _matches(store: MailStore, entry: Entry, given: list[str], last: int) -> bool:
    """Whether a mail fits every criterion. Raises _Refused for one this server does not know."""
    words = [word for word in given if word not in "()"]
    if words[:1] and words[0].upper() == "CHARSET":
        words = words[2:]
    while words:
        word, *words = words
        negated = word.upper() == "NOT"
        if negated and words:
            word, *words = words
        name = word.upper()
        if name in ("ALL", "UNDELETED", "UNSEEN", "SEEN", "DELETED"):
            fits = {
                "ALL": True,
                "SEEN": "\\Seen" in entry.flags,
                "UNSEEN": "\\Seen" not in entry.flags,
                "DELETED": "\\Deleted" in entry.flags,
                "UNDELETED": "\\Deleted" not in entry.flags,
            }[name]
        elif name == "UID" and words:
            fits, words = _is_in(entry.uid, words[0], last), words[1:]
        elif name == "SINCE" and words:
            fits, words = datetime.fromtimestamp(entry.at, UTC).date() >= _day(words[0]), words[1:]
        elif name == "HEADER" and len(words) >= 2:
            fits, words = _header_has(store, entry, words[0], words[1]), words[2:]
        elif re.fullmatch(r"[\d:*,]+", word):
            fits = True  # sequence numbers: every mail has one
        else:
            raise _Refused("BAD This server cannot search for that")
        if fits == negated:
            return False
    return True


def _header_has(store: MailStore, entry: Entry, name: str, wanted: str) -> bool:
    if name.lower() == "message-id":
        return wanted.lower() in entry.message_id.lower()
    raw = store.mail(entry.mail_id).raw
    head = re.sub(rb"\r\n[ \t]+", b" ", raw.partition(b"\r\n\r\n")[0]).decode("utf-8", "replace")
    prefix = f"{name.lower()}:"
    lines = [line.lower() for line in head.split("\r\n") if line.lower().startswith(prefix)]
    return any(wanted.lower() in line for line in lines)


def _day(text: str) -> date:
    return datetime.strptime(text, "%d-%b-%Y").replace(tzinfo=UTC).date()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, store: MailStore, account: MailAccount, bound: socket.socket) -> None:
        super().__init__(("127.0.0.1", 0), _Dialogue, bind_and_activate=False)
        self.socket.close()
        self.socket = bound
        self.server_address = bound.getsockname()
        self.store = store
        self.account = account
        self.socket.listen(64)


class ImapServer:
    """Serves on a bound socket in threads of its own. `start` and `stop` once."""

    def __init__(self, store: MailStore, account: MailAccount, bound: socket.socket) -> None:
        self._server = _Server(store, account, bound)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="standin-imap", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
