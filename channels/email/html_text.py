"""The words of an HTML mail, as a person would read them aloud. Quoted parts begin with `>`, as in plain mail."""

import re
from html import unescape
from html.parser import HTMLParser

_MAX = 400_000
_SILENT = frozenset(("script", "style", "head", "title", "template", "noscript", "svg", "object", "select"))
_BLOCKS = frozenset(
    (
        *("p", "div", "tr", "table", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr", "section"),
        *("article", "header", "footer", "address", "center", "form", "blockquote", "dl", "dt", "dd"),
    )
)
_VOID = frozenset(("br", "hr", "img", "input", "meta", "link", "wbr", "col", "area", "base", "embed", "source"))
# Where the mail programs that many people use put what was written before.
_QUOTES = ("gmail_quote", "yahoo_quoted", "protonmail_quote", "moz-cite-prefix")
# Outlook's marks: everything below is what was written before.
_ENDS = ("divrplyfwdmsg", "appendonsend", "outlookmessageheader")
_TAGS = re.compile(r"<[^>]{0,2000}>")
_DEEPEST = 500


def words_of(html: str) -> str:
    """Never raises: what the parser cannot make sense of is read with its tags cut out."""
    reader = _Reader()
    try:
        reader.feed(html[:_MAX])
        reader.close()
    except (AssertionError, ValueError, RecursionError):
        return _tidy(unescape(_TAGS.sub(" ", html[:_MAX])))
    return _tidy("".join(reader.pieces))


def _tidy(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.replace("\xa0", " ").split("\n")]
    return "\n".join(line for line in lines if line)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._open: list[tuple[str, bool, bool]] = []  # tag, says nothing, is quoted
        self._quoted = 0
        self._silent = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS or tag == "br":
            self._break()
        if tag == "li" and not self._silent:
            self.pieces.append("- ")
        if tag in ("td", "th"):
            self.pieces.append(" ")
        if tag in _VOID or len(self._open) >= _DEEPEST:
            return
        values = {name: (value or "").lower() for name, value in attributes}
        marks = f"{values.get('class', '')} {values.get('id', '')}"
        is_quoted = tag == "blockquote" or any(mark in marks for mark in _QUOTES)
        is_silent = tag in _SILENT or "display:none" in values.get("style", "").replace(" ", "")
        self._open.append((tag, is_silent, is_quoted))
        self._silent += is_silent
        self._quoted += is_quoted
        if any(mark in marks for mark in _ENDS):
            self._quoted += 1  # nothing takes it back
            self._break()
        elif is_quoted:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._break()
        if tag not in {name for name, _, _ in self._open}:
            return
        while self._open:
            name, was_silent, was_quoted = self._open.pop()
            self._silent -= was_silent
            self._quoted -= was_quoted
            if name == tag:
                break
        if tag in _BLOCKS:
            self._break()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(" ".join(re.split(r"\s", data)))

    def _break(self) -> None:
        self.pieces.append("\n> " if self._quoted else "\n")
