"""The chat as HTML: one page, whole or framed, and the fragment that its script asks for. `_thread.html` is in both."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from sqlmodel import Session

from channels.resident.rendering import Page, answer, fill
from channels.web_chat import tokens
from channels.web_chat.access import Guest
from channels.web_chat.posting import FILES, MOST_LETTERS
from channels.web_chat.thread import Thread, messages_of, note_seen, thread_of
from intake.conversations.models import Message
from intake.media.storage import is_configured

ORIGINS = "web_chat_origins"
STATIC = Path(__file__).with_name("static")
_TEMPLATES = Path(__file__).with_name("templates")


@cache
def script_url(name: str) -> str:
    """Where a script of ours is; the address changes with the file, so that browsers may keep it for ever."""
    return f"/chat/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


@cache
def _css() -> str:
    return (_TEMPLATES / "chat.css").read_text()


def policy(page: Page, *, is_framed: bool) -> str:
    """Our own script and nothing else. A frame may stand on the city's pages, named in its city.toml, and on our own."""
    named: Sequence[str] = page.city.settings.get(ORIGINS) or ()
    where = " ".join(["'self'", *named]) if is_framed else "'none'"
    return (
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; img-src 'self' data: blob:;"
        f" form-action 'self'; base-uri 'none'; frame-ancestors {where}"
    )


def looked_at(session: Session, page: Page, guest: Guest, *, seen: str) -> tuple[Sequence[Message], Thread]:
    """The visitor's thread; noted as `seen` (`delivered` or `read`)."""
    if guest.visitor is None:
        return (), Thread()
    messages = messages_of(session, guest.visitor)
    note_seen(session, messages, seen, now=page.now)
    return messages, thread_of(session, messages, page)


def thread_html(page: Page, guest: Guest, thread: Thread, *, key: bytes, is_framed: bool) -> str:
    """What the script puts in the place of what it shows."""
    return fill(_TEMPLATES, page, "_fragment.html", **_common(page, guest, thread, key, is_framed))


def chat_html(
    page: Page,
    guest: Guest,
    thread: Thread,
    *,
    key: bytes,
    is_framed: bool,
    wait: int = 0,
    errors: Mapping[str, str] | None = None,
    typed: str = "",
    status_code: int = 200,
) -> HTMLResponse:
    """The whole page. wait: how many more times it looks again by itself, without a script. typed: words that were not sent."""
    html = fill(
        _TEMPLATES,
        page,
        "chat.html",
        more_css=_css(),
        wait=wait if thread.waits else 0,
        errors=errors or {},
        typed=typed,
        most_letters=MOST_LETTERS,
        takes_photos=is_configured(),
        script=script_url("chat.js"),
        files_field=FILES,
        **_common(page, guest, thread, key, is_framed),
    )
    return answer(
        html,
        page,
        status_code,
        content_security_policy=policy(page, is_framed=is_framed),
        permissions_policy="camera=(), microphone=(), geolocation=(self)",
        vary="Cookie",
    )


def chat_url(page: Page, part: str = "", **query: object) -> str:
    """An address of this chat, in the page's language and city."""
    asked = {} if page.city.is_default else {"ciudad": page.city.id}
    pairs = "&".join(f"{name}={value}" for name, value in (asked | query).items())
    return page.url(f"/chat{part}") + (f"?{pairs}" if pairs else "")


def problem_html(page: Page, title: str, text: str, *, typed: str, cid: str, status_code: int) -> HTMLResponse:
    """Why it could not be done, with the words that were being sent, to be sent again from there."""
    html = fill(_TEMPLATES, page, "problem.html", title=title, text=text, typed=typed, cid=cid)
    return answer(html, page, status_code)


def photo_url(key: bytes, photo_id: str, now: datetime, *, thumb: bool) -> str:
    """Where a visitor's own photo is, for a day or two."""
    return f"/chat/foto/{photo_id}{'-mini' if thumb else ''}.jpg?s={tokens.seal_photo(key, photo_id, now=now)}"


def _common(page: Page, guest: Guest, thread: Thread, key: bytes, is_framed: bool) -> dict[str, Any]:
    return {
        "thread": thread,
        "is_lost": guest.is_lost,
        "is_framed": is_framed,
        "cid": tokens.name_message(key, now=page.now),
        "photo_url": lambda photo_id, thumb: photo_url(key, photo_id, page.now, thumb=thumb),
        "chat_url": lambda part="", **query: chat_url(page, part, **query),
    }
