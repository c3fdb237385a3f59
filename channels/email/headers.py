"""What the headers of a mail say, in plain text. Whatever stands there, nothing here raises but what it says it raises."""

import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses

from intake.people.addresses import read_email
from kernel.errors import InvalidInput

MAX_HEADER = 998  # the longest line RFC 5322 allows; a longer subject tells nobody anything
_MOST_ADDRESSES = 100
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,250})>")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Besides letters these hide what an address or a name really is, by turning the direction of writing around.
_BIDI = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def words(mail: Message, name: str) -> str:
    """A header decoded, on one line, without control characters; "" when there is none."""
    return decoded(mail.get(name) or "")


def decoded(value: object) -> str:
    """Encoded words in letters. A charset nobody knows, or bytes that are not of it, lose a letter and not the line."""
    text = str(value)[: 4 * MAX_HEADER]
    try:
        parts = decode_header(text)
    except (HeaderParseError, ValueError):
        parts = [(text, None)]
    found = "".join(
        _letters(part, charset) if isinstance(part, bytes) else part.encode("utf-8", "replace").decode()
        for part, charset in parts
    )
    return " ".join(_BIDI.sub("", _CONTROL.sub(" ", found)).split())[:MAX_HEADER]


def _letters(part: bytes, charset: str | None) -> str:
    for name in (charset or "utf-8", "utf-8"):
        try:
            return part.decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
    return part.decode("cp1252", "replace")


def addresses(mail: Message, *names: str) -> list[tuple[str, str]]:
    """(name, address) of every address in these headers that mail can be sent to, in order."""
    lines = [str(value)[: 8 * MAX_HEADER] for name in names for value in mail.get_all(name, [])]
    try:
        pairs = getaddresses(lines)
    except (ValueError, IndexError, RecursionError):  # what no mail program writes
        return []
    found = []
    for name, address in pairs[:_MOST_ADDRESSES]:
        plain = canonical(address)
        if plain:
            found.append((decoded(name), plain))
    return found


def one_line(text: str) -> str:
    """Fit to stand in a header: nothing in it can begin another one."""
    return " ".join(_CONTROL.sub(" ", text).split())


def is_id(text: str) -> bool:
    """Whether it is a message id that can be written into a header."""
    return bool(_MESSAGE_ID.fullmatch(text)) and text.isascii() and text.isprintable()


def canonical(address: str) -> str:
    """The address with its domain in the letters of DNS (`muñoz.mx` is `xn--muoz-hqa.mx`); "" when it is none."""
    local, _, domain = decoded(address).rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode().lower() if domain else ""
        return read_email(f"{local}@{ascii_domain}").reachable
    except (InvalidInput, UnicodeError):
        return ""


def ids(mail: Message, *names: str) -> list[str]:
    """Every message id in these headers, with its angle brackets."""
    text = " ".join(str(value)[:20_000] for name in names for value in mail.get_all(name, []))
    return [f"<{found}>" for found in _MESSAGE_ID.findall(text)]


def without_plus(address: str) -> tuple[str, str]:
    """An address without what follows a `+` before its @, and what followed."""
    local, _, domain = address.rpartition("@")
    plain, _, token = local.partition("+")
    return f"{plain}@{domain}", token
