"""The text of a part: its bytes in letters, its soft line breaks undone (RFC 3676)."""

import codecs
import re
from email.message import Message

MAX_TEXT = 200_000
# What mail is really written in. Python knows codecs that are no alphabets (`zlib`, `unicode_escape`), and runs them.
_ALPHABETS = re.compile(
    r"(?:x-)?(?:utf-?(?:7|8|16|32)(?:-?[lb]e)?|utf8mb4|us-ascii|ascii|latin-?\d|iso-?8859-\d{1,2}|windows-\d{3,4}|cp-?\d{3,4}"
    r"|koi8-[ru]|gb2312|gbk|gb18030|big5(?:-?hkscs)?|euc-(?:jp|kr)|iso-2022-(?:jp|kr)[\w-]*|shift[_-]jis|ks_c_5601-1987|macintosh"
    r"|mac-?roman|tis-620)"
)
_SAID_OTHERWISE = {"utf8mb4": "utf-8", "macintosh": "mac-roman", "ks_c_5601-1987": "cp949"}


def text_of(part: Message) -> str:
    """The letters of a text part, however it was packed and whatever alphabet it claims. Never raises."""
    try:
        raw = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        raw = None
    if not isinstance(raw, bytes):
        payload = part.get_payload()
        raw = payload.encode("utf-8", "surrogateescape") if isinstance(payload, str) else b""
    text = _letters(raw[: 4 * MAX_TEXT], _parameter(part, "charset"))[:MAX_TEXT]
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").removeprefix("\ufeff")
    if part.get_content_type() == "text/plain" and _parameter(part, "format").lower() == "flowed":
        return unflowed(text, joins=_parameter(part, "delsp").lower() == "yes")
    return text


def _parameter(part: Message, name: str) -> str:
    try:
        value = part.get_param(name)
    except (ValueError, LookupError, TypeError):
        return ""
    if isinstance(value, tuple):
        value = value[2]
    return str(value or "").strip().strip("\"'")


def _letters(raw: bytes, charset: str) -> str:
    name = charset.lower()
    name = _SAID_OTHERWISE.get(name, name) if _ALPHABETS.fullmatch(name) else "utf-8"
    # Whoever says "ASCII" and sends more means UTF-8; Latin-1 is what others call Windows' own alphabet.
    name = {"us-ascii": "utf-8", "ascii": "utf-8", "iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252"}.get(
        name, name
    )
    # A limit may have cut the last letter in two.
    final = len(raw) < 4 * MAX_TEXT
    for alphabet in (name.removeprefix("x-"), "utf-8"):
        try:
            return codecs.getincrementaldecoder(alphabet)().decode(raw, final)
        except (LookupError, UnicodeError):
            continue
    return raw.decode("cp1252", "replace")


def unflowed(text: str, *, joins: bool) -> str:
    """Paragraphs as they were typed. joins: the blank at the end of a line belongs to the break (`DelSp=yes`)."""
    lines: list[str] = []
    flows_at: int | None = None
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        is_open = content.endswith(" ") and content != "-- "
        if is_open and joins:
            content = content[:-1]
        if flows_at == depth and content != "-- ":
            lines[-1] += content
        else:
            lines.append((">" * depth + " " if depth else "") + content)
        flows_at = depth if is_open else None
    return "\n".join(lines)


def flowed(text: str, width: int = 72) -> str:
    """`text` for `format=flowed`: soft breaks are a blank and a line break, and no line looks like a quotation."""
    made = []
    for paragraph in text.split("\n"):
        if paragraph == "-- ":
            made.append(paragraph)
            continue
        line = ""
        for word in paragraph.rstrip().split(" "):
            if line and len(line) + 1 + len(word) > width:
                made.append(_stuffed(line + " "))
                line = word
            else:
                line = f"{line} {word}" if line else word
        made.append(_stuffed(line))
    return "\n".join(made)


def _stuffed(line: str) -> str:
    return f" {line}" if line.startswith((" ", ">", "From ")) else line
