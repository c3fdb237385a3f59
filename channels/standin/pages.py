"""The phone that a visitor writes with, the switches beside it, and the lists that programs read."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import orjson
import phonenumbers
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader

from channels.standin import network, people, story
from channels.standin.answering import ConfigDep, LedgerDep
from channels.standin.config import StandinConfig
from channels.standin.ledger import Ledger
from channels.standin.mail.part import MailPart
from channels.standin.telegram.part import TelegramPart
from kernel.bodies import BodyDep
from kernel.errors import Forbidden, InvalidInput
from kernel.i18n import LANGUAGES, translate
from kernel.web import LANGUAGE_COOKIE, LanguageDep

_MAX_LETTERS = 1600
_NUMBER = re.compile(r"\+\d{8,15}")
_WAIT_ROUNDS = 4
_BOXES = ("duplicate", "reorder", "lose", "lose_inbound", "phone_off", "stop_words", "window_closed", "unread")

templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)

router = APIRouter()


def refuse_foreign(http_request: Request) -> None:
    """A page of another origin may not write here, save the centre's own, where operators are. Raises Forbidden."""
    origin = http_request.headers.get("origin")
    config: StandinConfig = http_request.app.state.config
    is_ours = urlsplit(origin or "").netloc in (http_request.headers.get("host"), urlsplit(config.console_url).netloc)
    if origin and not is_ours:
        raise Forbidden("Esta página solo acepta formularios suyos.")


def fields_of(http_request: Request, body: BodyDep) -> dict[str, Any]:
    """The fields of a form or a JSON object. Raises Forbidden, InvalidInput."""
    refuse_foreign(http_request)
    if is_json(http_request):
        try:
            values = orjson.loads(body)
        except orjson.JSONDecodeError:
            values = None
        if not isinstance(values, dict):
            raise InvalidInput("El cuerpo debe ser un objeto JSON.")
        return values
    pairs = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in pairs.items()}


def is_json(http_request: Request) -> bool:
    return http_request.headers.get("content-type", "").split(";")[0].strip().lower() == "application/json"


FieldsDep = Annotated[dict[str, Any], Depends(fields_of)]


def render(
    template: str,
    *,
    language: str,
    config: StandinConfig,
    ledger: Ledger,
    phone: str,
    page: str,
    wait: int,
    **more: Any,
) -> str:
    """A phone's page. page: its address; wait: how often it still looks for news by itself where there are no scripts."""
    return templates.get_template(template).render(
        t=lambda msgid, **params: translate(language, msgid, **params),
        language=language,
        languages=LANGUAGES,
        config=config,
        switches=ledger.switches(),
        person=people.neighbour(phone),
        neighbours=people.NEIGHBOURS,
        wait=max(0, min(wait, _WAIT_ROUNDS)),
        page=page,
        here=lambda **changed: f"{page}?" + urlencode({"phone": phone, "lang": language} | changed),
        **more,
    )


@router.get("/healthz")
def healthz() -> Response:
    return Response("ok\n", media_type="text/plain")


@router.get("/messages.json")
def messages(http_request: Request, ledger: LedgerDep) -> JSONResponse:
    mail: MailPart | None = http_request.app.state.mail
    telegram: TelegramPart | None = http_request.app.state.telegram
    carried = _texts(ledger) + (mail.carried() if mail else []) + (telegram.carried() if telegram else [])
    return JSONResponse(sorted(carried, key=lambda message: message["at"]))


def _texts(ledger: Ledger) -> list[dict[str, str]]:
    return [
        {
            "sid": text.sid,
            "channel": text.channel,
            "direction": "inbound" if text.direction == "inbound" else "outbound",
            "from": text.sender,
            "to": text.recipient,
            "body": text.body,
            "status": text.status,
            "at": datetime.fromtimestamp(text.created_at, UTC).isoformat(),
        }
        for text in ledger.texts()
    ]


@router.get("/settings")
def settings(ledger: LedgerDep) -> JSONResponse:
    return JSONResponse(ledger.switches().as_json())


@router.post("/settings")
def change_settings(http_request: Request, fields: FieldsDep, ledger: LedgerDep) -> Response:
    if is_json(http_request):
        ledger.set_switches(ledger.switches().changed(fields))
        return JSONResponse(ledger.switches().as_json())
    # A form leaves out the boxes that are not ticked.
    boxes = {name: fields.get(name, "") for name in _BOXES}
    delay = {"delay_s": story.SLOW_S if fields.get("slow") else 0}
    choices = {"outage": fields.get("outage", "none"), "media": fields.get("media", "ok")}
    ledger.set_switches(ledger.switches().changed(boxes | delay | choices))
    return _back(fields)


@router.post("/phones/{number}/messages")
def text_as_resident(
    number: str, http_request: Request, fields: FieldsDep, config: ConfigDep, ledger: LedgerDep
) -> Response:
    body = str(fields.get("body", ""))
    if not _NUMBER.fullmatch(number) or not _possible(number):
        raise InvalidInput("Ese número de teléfono no existe.")
    if not body.strip() and not is_json(http_request):
        return _back(fields | {"phone": number})
    if not body or len(body) > _MAX_LETTERS:
        raise InvalidInput("El mensaje va de 1 a 1600 letras.")
    text = network.take_from_resident(ledger, config, number, body)
    if is_json(http_request):
        return JSONResponse({"sid": text.sid, "status": text.status}, status_code=201)
    return _back(fields | {"phone": number}, wait=_WAIT_ROUNDS)


@router.get("/", response_class=HTMLResponse)
def phone_page(
    http_request: Request,
    language: LanguageDep,
    config: ConfigDep,
    ledger: LedgerDep,
    phone: str = people.NEIGHBOURS[0].number,
    wait: int = 0,
) -> Response:
    if phone == "new":
        return RedirectResponse(f"/?{urlencode({'phone': people.new_number(), 'lang': language})}", 303)
    if not _NUMBER.fullmatch(phone):
        raise InvalidInput("Ese número de teléfono no existe.")
    html = render(
        "phone.html",
        language=language,
        config=config,
        ledger=ledger,
        phone=phone,
        page="/",
        bubbles=story.bubbles(ledger.texts(phone), language),
        entries=story.entries(ledger, phone, config, language),
        center_number=people.spoken(config.number),
        action=f"/phones/{quote(phone)}/messages",
        wait=wait,
    )
    response = HTMLResponse(html, headers={"Cache-Control": "no-store"})
    response.set_cookie(LANGUAGE_COOKIE, language, samesite="lax", max_age=31_536_000)
    return response


def _possible(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return False


def _back(fields: dict[str, Any], **more: Any) -> Response:
    page = "/whatsapp" if fields.get("page") == "/whatsapp" else "/"
    query = {name: fields[name] for name in ("phone", "lang") if fields.get(name)}
    return RedirectResponse(f"{page}?{urlencode(query | more)}", status_code=303)
