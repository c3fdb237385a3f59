"""The page on which a visitor of the demo is somebody with Telegram."""

from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from channels.standin.config import StandinConfig
from channels.standin.pages import templates
from channels.standin.places import city_map
from channels.standin.telegram import story, users
from channels.standin.telegram.ledger import Chatter
from channels.standin.telegram.part import TelegramPart
from kernel.errors import InvalidInput
from kernel.i18n import LANGUAGES, translate
from kernel.web import LANGUAGE_COOKIE

_WAIT_ROUNDS = 4


def page_of(part: TelegramPart, http_request: Request, language: str, chat: str, wait: int) -> Response:
    """The page of one account; `new` leads to one that nobody has used."""
    if chat == "new":
        return RedirectResponse(f"/telegram?{urlencode({'chat': users.stranger(), 'lang': language})}", 303)
    if not chat.isdecimal() or not 0 < int(chat) < 2**52:
        raise InvalidInput("Esa cuenta no existe.")
    config: StandinConfig = http_request.app.state.config
    chatter = users.known(part.ledger, int(chat))
    thread = part.ledger.all_said(chatter.id)
    html = templates.get_template("telegram.html").render(
        t=lambda msgid, **params: translate(language, msgid, **params),
        language=language,
        languages=LANGUAGES,
        config=config,
        bot=part.bot,
        page="/telegram",
        switches=part.ledger.switches(),
        person=chatter,
        neighbours=users.NEIGHBOURS,
        bubbles=story.bubbles(thread, language),
        keyboard=story.keyboard(thread),
        correctable=story.last_own_text(thread),
        spots=city_map(config.places).corners,
        entries=story.entries(part.ledger, chatter, config, language),
        action=f"/telegram/{chatter.id}",
        wait=max(0, min(wait, _WAIT_ROUNDS)),
        here=lambda **changed: "/telegram?" + urlencode({"chat": chatter.id, "lang": language} | changed),
    )
    response = HTMLResponse(html, headers={"Cache-Control": "no-store"})
    response.set_cookie(LANGUAGE_COOKIE, language, samesite="lax", max_age=31_536_000)
    return response


def back(fields: dict[str, Any], chatter: Chatter | None = None, *, wait: bool = False) -> Response:
    """To the page that a form was sent from. wait: it looks again by itself a few times."""
    query = {"chat": str(chatter.id) if chatter else fields.get("chat", ""), "lang": fields.get("lang", "")}
    query = {name: value for name, value in query.items() if value} | ({"wait": str(_WAIT_ROUNDS)} if wait else {})
    return RedirectResponse(f"/telegram?{urlencode(query)}", status_code=303)
