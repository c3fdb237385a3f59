"""The page on which a visitor of the demo calls the city, and is called."""

import re
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from channels.standin import pages, people
from channels.standin.answering import ConfigDep, LedgerDep
from channels.standin.pages import FieldsDep, is_json
from channels.standin.voice import story
from channels.standin.voice.calls import OVER
from channels.standin.voice.exchange import WITHHELD
from channels.standin.voice.ledger import VoiceLedger
from channels.standin.voice.part import PartDep, VoicePart
from channels.standin.voice.parties import Live
from channels.standin.voice.routes import act, sender_of
from kernel.errors import InvalidInput
from kernel.web import LANGUAGE_COOKIE, LanguageDep

router = APIRouter()
HIDDEN = "oculto"
_NUMBER = re.compile(r"\+\d{8,15}")
_WAIT_ROUNDS = 4
_BOXES = ("duplicate", "reorder", "lose", "end_first")


@router.get("/voice", response_class=HTMLResponse)
def phone_page(
    language: LanguageDep,
    config: ConfigDep,
    ledger: LedgerDep,
    part: PartDep,
    phone: str = people.NEIGHBOURS[0].number,
    wait: int = 0,
) -> Response:
    if phone == "new":
        return RedirectResponse(f"/voice?{urlencode({'phone': people.new_number(), 'lang': language})}", 303)
    if phone != HIDDEN and not _NUMBER.fullmatch(phone):
        raise InvalidInput("Ese número de teléfono no existe.")
    address = WITHHELD if phone == HIDDEN else phone
    part.exchange.looked(address)
    rows = _rows(part, address)
    newest = rows[0] if rows else None
    screen = story.screen(newest, address, language)
    html = pages.render(
        "voice.html",
        language=language,
        config=config,
        ledger=ledger,
        phone=phone,
        page="/voice",
        hidden=HIDDEN,
        screen=screen,
        bubbles=story.bubbles(newest if screen.state != "idle" else None, language),
        entries=story.entries(rows, _told(part.ledger, rows), config, language),
        center_number=people.spoken(part.exchange.number.number),
        voice=part.ledger.switches(),
        wait=wait,
    )
    response = HTMLResponse(html, headers={"Cache-Control": "no-store"})
    response.set_cookie(LANGUAGE_COOKIE, language, samesite="lax", max_age=31_536_000)
    return response


def _rows(part: VoicePart, address: str) -> list[dict[str, Any]]:
    """The newest calls of this phone, one that goes on first."""
    found = [
        part.exchange.row(row["sid"]) or row for row in part.ledger.things("call", phone=address, limit=4)
    ]  # fmt: skip
    return sorted(found, key=lambda row: (row["status"] in OVER, -row["at"]))


def _told(ledger: VoiceLedger, rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {row["sid"]: ledger.told_of(row["sid"]) for row in rows}


@router.post("/voice/call")
def call(fields: FieldsDep, part: PartDep) -> Response:
    """A second press while a call goes on does not call twice."""
    phone = str(fields.get("phone", ""))
    address = sender_of("" if phone == HIDDEN else phone)
    if all(row["status"] in OVER for row in _rows(part, address)):
        part.exchange.ring_in(address, Live())
    return _back(fields)


@router.post("/voice/act")
def act_on_call(fields: FieldsDep, part: PartDep) -> Response:
    """What the person at the phone does: keys, words, answer, hangup. On a call that just ended it does nothing."""
    live = part.exchange.live(str(fields.get("call", "")))
    if live is not None:
        what = "press" if fields.get("digits") else str(fields.get("do", "say"))
        if what != "say" or str(fields.get("words", "")).strip():
            act(live, what, fields)
        if what == "hangup":
            live.done.wait(2)
    return _back(fields)


@router.get("/voice/settings")
def settings(part: PartDep) -> JSONResponse:
    return JSONResponse(part.ledger.switches().as_json())


@router.post("/voice/settings")
def change_settings(fields: FieldsDep, http_request: Request, part: PartDep) -> Response:
    if is_json(http_request):
        part.ledger.set_switches(part.ledger.switches().changed(fields))
        return settings(part)
    # A form leaves out the boxes that are not ticked.
    boxes = {name: fields.get(name, "") for name in _BOXES} | {"delay_s": story.SLOW_S if fields.get("slow") else 0}
    choices = {"outage": fields.get("outage", "none"), "nobody": fields.get("nobody", "no-answer")}
    part.ledger.set_switches(part.ledger.switches().changed(boxes | choices))
    return _back(fields)


def _back(fields: dict[str, Any]) -> Response:
    query = {name: fields[name] for name in ("phone", "lang") if fields.get(name)}
    return RedirectResponse(f"/voice?{urlencode(query | {'wait': _WAIT_ROUNDS})}", status_code=303)
