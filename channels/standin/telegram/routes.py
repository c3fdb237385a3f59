"""Where the stand-in's Telegram is called: by bots (`/bot<token>/…`), by tests and the page (`/telegram/…`)."""

import base64
import binascii
import hmac
from typing import Annotated, Any
from urllib.parse import parse_qsl

import orjson
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from python_multipart.multipart import parse_options_header

from channels.standin.config import StandinConfig
from channels.standin.pages import FieldsDep, is_json, refuse_foreign
from channels.standin.telegram import story, users
from channels.standin.telegram.bot_api import Refused
from channels.standin.telegram.ledger import Chatter, Said, TelegramLedger
from channels.standin.telegram.page import back, page_of
from channels.standin.telegram.part import TelegramPart
from channels.standin.telegram.users import Picture
from kernel.bodies import BodyDep, body_up_to
from kernel.errors import InvalidInput, NotFound
from kernel.multipart import read_multipart
from kernel.web import LanguageDep

_MAX_UPLOAD_BYTES = 30 * 1024 * 1024
_FIRST_ACCOUNT, _LAST_ACCOUNT = 1, 2**52


def _part(http_request: Request) -> TelegramPart:
    part: TelegramPart | None = http_request.app.state.telegram
    if part is None:
        raise NotFound("Este ensayo no tiene bot de Telegram.")
    return part


PartDep = Annotated[TelegramPart, Depends(_part)]

bots = APIRouter()


@bots.api_route("/bot{token}/{method}", methods=["GET", "POST"])
def call_method(token: str, method: str, http_request: Request, body: BodyDep, part: PartDep) -> Response:
    try:
        _check_token(token, part)
        result = part.call(method, _params(http_request, body))
    except Refused as refused:
        return JSONResponse(refused.as_json(), status_code=refused.code)
    return JSONResponse({"ok": True, "result": result})


@bots.get("/file/bot{token}/{path:path}")
def download(token: str, path: str, part: PartDep) -> Response:
    try:
        _check_token(token, part)
    except Refused as refused:
        return JSONResponse(refused.as_json(), status_code=refused.code)
    found = part.ledger.file_at(path)
    if found is None:
        return JSONResponse(Refused(404, "Not Found").as_json(), status_code=404)
    # The real one names no type but this.
    return Response(found[1], media_type="application/octet-stream")


def _check_token(token: str, part: TelegramPart) -> None:
    if not hmac.compare_digest(token.encode(), part.bot.token.encode()):
        raise Refused(401, "Unauthorized")


def _params(http_request: Request, body: bytes) -> dict[str, Any]:
    given: dict[str, Any] = dict(http_request.query_params)
    media_type, options = parse_options_header(http_request.headers.get("content-type", ""))
    if media_type == b"application/json":
        try:
            told = orjson.loads(body or b"{}")
        except orjson.JSONDecodeError:
            raise Refused(400, "Bad Request: can't parse JSON object") from None
        return given | (told if isinstance(told, dict) else {})
    if media_type == b"multipart/form-data":
        parts = read_multipart(body, options.get(b"boundary", b""))
        return given | {part.name.decode(): bytes(part.data).decode("utf-8", "replace") for part in parts}
    return given | dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


people = APIRouter(prefix="/telegram")


def _chatter(chat: int, part: PartDep, http_request: Request) -> Chatter:
    if not _FIRST_ACCOUNT <= chat <= _LAST_ACCOUNT:
        raise InvalidInput("Esa cuenta no existe.")
    return users.known(part.ledger, chat)


ChatterDep = Annotated[Chatter, Depends(_chatter)]


@people.get("")
def show_page(
    part: PartDep, http_request: Request, language: LanguageDep, chat: str = str(users.NEIGHBOURS[0].id), wait: int = 0
) -> Response:
    return page_of(part, http_request, language, chat, wait)


@people.get("/settings")
def settings(part: PartDep) -> JSONResponse:
    return JSONResponse(part.ledger.switches().as_json())


@people.post("/settings")
def change_settings(part: PartDep, http_request: Request, fields: FieldsDep) -> Response:
    if is_json(http_request):
        part.ledger.set_setting("switches", part.ledger.switches().changed(fields).as_json())
        return settings(part)
    # A form leaves out the boxes that are not ticked.
    boxes = {name: fields.get(name, "") for name in ("duplicate", "reorder")}
    changed = boxes | {"delay_s": story.SLOW_S if fields.get("slow") else 0, "outage": fields.get("outage", "none")}
    part.ledger.set_setting("switches", part.ledger.switches().changed(changed).as_json())
    return back(fields)


@people.post("/{chat}/messages")
def write(part: PartDep, chatter: ChatterDep, http_request: Request, fields: FieldsDep) -> Response:
    body = str(fields.get("body", ""))
    if not body.strip() and not is_json(http_request):
        return back(fields, chatter)
    if language := fields.get("language"):
        chatter = users.known(part.ledger, chatter.id, str(language))
    return _done(http_request, fields, chatter, users.write(part.ledger, chatter, body))


@people.post("/{chat}/press")
def press(part: PartDep, chatter: ChatterDep, http_request: Request, fields: FieldsDep) -> Response:
    press_id = users.press(part.ledger, chatter, _whole(fields, "number"), str(fields.get("value", "")))
    if is_json(http_request):
        return JSONResponse({"id": press_id}, status_code=201)
    return back(fields, chatter, wait=True)


@people.post("/{chat}/place")
def share_place(part: PartDep, chatter: ChatterDep, http_request: Request, fields: FieldsDep) -> Response:
    lon, lat = _spot(fields)
    if fields.get("live"):
        said = users.share_live_place(part.ledger, chatter, lon, lat)
    else:
        named = str(fields.get("name", "")), str(fields.get("address", ""))
        said = users.share_place(part.ledger, chatter, lon, lat, *named)
    return _done(http_request, fields, chatter, said)


@people.post("/{chat}/contact")
def share_contact(part: PartDep, chatter: ChatterDep, http_request: Request, fields: FieldsDep) -> Response:
    own = str(fields.get("own", "")).lower() in ("1", "true")
    return _done(http_request, fields, chatter, users.share_contact(part.ledger, chatter, own=own))


@people.post("/{chat}/other")
def send_other(part: PartDep, chatter: ChatterDep, http_request: Request, fields: FieldsDep) -> Response:
    return _done(http_request, fields, chatter, users.send_other(part.ledger, chatter, fields))


@people.post("/{chat}/edit")
def edit(part: PartDep, chatter: ChatterDep, http_request: Request, fields: FieldsDep) -> Response:
    said = users.edit(part.ledger, chatter, _whole(fields, "number"), str(fields.get("body", "")))
    return _done(http_request, fields, chatter, said)


@people.post("/{chat}/move")
def move(part: PartDep, chatter: ChatterDep, http_request: Request, fields: FieldsDep) -> Response:
    said = users.move_live_place(part.ledger, chatter, _whole(fields, "number"), *_spot(fields))
    return _done(http_request, fields, chatter, said)


@people.post("/{chat}/block")
def block(part: PartDep, chatter: ChatterDep, http_request: Request, fields: FieldsDep) -> Response:
    blocked = str(fields.get("blocked", "")).lower() in ("1", "true")
    users.block(part.ledger, part.bot, chatter, blocked=blocked)
    return JSONResponse({}, status_code=201) if is_json(http_request) else back(fields, chatter)


UploadedDep = Annotated[bytes, Depends(body_up_to(_MAX_UPLOAD_BYTES))]


@people.post("/{chat}/files")
def send_files(part: PartDep, chatter: ChatterDep, http_request: Request, body: UploadedDep) -> Response:
    refuse_foreign(http_request)
    if is_json(http_request):
        told = orjson.loads(body)
        pictures = [_picture(one) for one in told.get("files", [])]
        sent = users.send_files(part.ledger, chatter, pictures, str(told.get("caption", "")))
        return JSONResponse({"numbers": [said.number for said in sent]}, status_code=201)
    _, options = parse_options_header(http_request.headers.get("content-type", ""))
    parts = read_multipart(body, options.get(b"boundary", b""))
    fields = {one.name.decode(): bytes(one.data).decode("utf-8", "replace") for one in parts if not one.is_file}
    chosen = [Picture("photo", bytes(one.data), "image/jpeg") for one in parts if one.is_file and one.data]
    users.send_files(part.ledger, chatter, chosen or [story.sample_photo()], fields.get("caption", ""))
    return back(fields, chatter, wait=True)


@people.get("/{chat}/files/{file_id}")
def show_file(part: PartDep, chatter: ChatterDep, file_id: str) -> Response:
    kept = part.ledger.file(file_id)
    found = part.ledger.file_at(kept[0]) if kept else None
    if found is None or not found[0].startswith("image/"):
        raise NotFound("No hay tal archivo.")
    return Response(found[1], media_type=found[0], headers={"X-Content-Type-Options": "nosniff"})


def _picture(told: dict[str, Any]) -> Picture:
    try:
        data = base64.b64decode(told["data"], validate=True)
        return Picture(str(told.get("kind", "photo")), data, str(told["content_type"]), str(told.get("name", "")))
    except (KeyError, TypeError, binascii.Error):
        raise InvalidInput("Ese archivo no se puede leer.") from None


def _done(http_request: Request, fields: dict[str, Any], chatter: Chatter, said: Said) -> Response:
    if is_json(http_request):
        return JSONResponse(
            {"chat": said.chat, "number": said.number, "id": f"{said.chat}:{said.number}"}, status_code=201
        )
    return back(fields, chatter, wait=True)


def _spot(fields: dict[str, Any]) -> tuple[float, float]:
    try:
        # One option of the page's list holds both.
        lon, lat = str(fields["place"]).split(",")[:2] if fields.get("place") else (fields["lon"], fields["lat"])
        return float(lon), float(lat)
    except (KeyError, TypeError, ValueError):
        raise InvalidInput("Falta el lugar.") from None


def _whole(fields: dict[str, Any], name: str) -> int:
    try:
        return int(fields[name])
    except (KeyError, TypeError, ValueError):
        raise InvalidInput("Falta un dato: {name}.", name=name) from None


def part_of(config: StandinConfig) -> TelegramPart | None:
    """None when the installation that it stands in for has no bot."""
    if config.telegram is None:
        return None
    ledger = TelegramLedger(config.state.with_name("telegram.sqlite3"))
    return TelegramPart(config.telegram, ledger, timeout_s=config.timeout_s, hang_s=config.hang_s)


def install(app: FastAPI, part: TelegramPart | None) -> None:
    """Called once by the stand-in's application."""
    app.state.telegram = part
    app.include_router(bots)
    app.include_router(people)
