"""The WhatsApp phone: its page, and where a person or a program writes from it."""

import re
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from python_multipart.multipart import parse_options_header

from channels.standin import network, pages, people, places
from channels.standin import story as happenings
from channels.standin.answering import ConfigDep, LedgerDep
from channels.standin.ledger import line
from channels.standin.whatsapp import pictures, sending, story
from channels.standin.whatsapp.sending import Sent
from kernel.bodies import body_up_to
from kernel.errors import InvalidInput, NotFound
from kernel.multipart import read_multipart
from kernel.web import LANGUAGE_COOKIE, LanguageDep

router = APIRouter()

# A phone, or an id of WhatsApp's own.
_USER = re.compile(r"\+\d{8,15}|[A-Z]{2}\.\d{5,25}")
_SPARE = 1024 * 1024


BigBodyDep = Annotated[bytes, Depends(body_up_to(sending.MOST_BYTES * 4 // 3 + _SPARE))]


@router.post("/whatsapp/{user}/messages")
def write(user: str, http_request: Request, body: BigBodyDep, config: ConfigDep, ledger: LedgerDep) -> Response:
    if not _USER.fullmatch(user):
        raise InvalidInput("Ese número de teléfono no existe.")
    if not config.whatsapp_number:
        raise NotFound("Esta ciudad no tiene WhatsApp.")
    is_multipart = http_request.headers.get("content-type", "").startswith("multipart/form-data")
    fields = _parts(http_request, body) if is_multipart else pages.fields_of(http_request, body)
    if pages.is_json(http_request):
        sent = sending.read(fields)
        text = network.take_from_resident(
            ledger, config, user, sent.body, channel="whatsapp", detail=sent.detail, files=sent.files
        )
        return JSONResponse({"sid": text.sid, "status": text.status}, status_code=201)
    done = _done(fields)
    if done is not None:
        name = people.neighbour(user).name
        detail = done.detail | ({"profile_name": name} if name else {})
        network.take_from_resident(ledger, config, user, done.body, channel="whatsapp", detail=detail, files=done.files)
    return RedirectResponse(
        f"/whatsapp?{urlencode({'phone': user, 'lang': fields.get('lang') or 'es', 'wait': 4})}", 303
    )


def _parts(http_request: Request, body: bytes) -> dict[str, Any]:
    """The fields of the form with a file; `file` is a `network.File`."""
    pages.refuse_foreign(http_request)
    _, options = parse_options_header(http_request.headers.get("content-type", ""))
    found: dict[str, Any] = {}
    for part in read_multipart(body, options.get(b"boundary", b"")):
        if not part.is_file:
            found[part.name.decode("utf-8", "replace")] = bytes(part.data).decode("utf-8", "replace")
        elif part.data:
            found["file"] = sending.file(part.content_type.decode("ascii", "replace"), bytes(part.data))
            found["file_name"] = (part.filename or b"").decode("utf-8", "replace")
    return found


def _done(fields: dict[str, Any]) -> Sent | None:
    """What one of the page's forms does; None for an empty one."""
    if fields.get("press"):
        value, _, label = str(fields["press"]).partition("|")
        return sending.read({"body": label, "kind": fields.get("kind", "button"), "value": value})
    if fields.get("place"):
        lon, lat, label = [*str(fields["place"]).split(",", 2), "", "", ""][:3]
        return sending.read({"kind": "place", "lon": lon, "lat": lat, "label": label})
    if fields.get("sample"):
        return Sent(str(fields.get("body", "")), {"kind": "photo"}, (network.File("image/jpeg", pictures.pothole()),))
    if isinstance(fields.get("file"), network.File):
        sent: network.File = fields["file"]
        kind = sending.kind_of(sent.content_type)
        words = str(fields.get("body", "")) or (fields.get("file_name", "") if kind == "document" else "")
        return Sent(str(words), {"kind": kind}, (sent,))
    return sending.read({"body": fields["body"]}) if str(fields.get("body", "")).strip() else None


@router.get("/whatsapp", response_class=HTMLResponse)
def phone_page(
    http_request: Request,
    language: LanguageDep,
    config: ConfigDep,
    ledger: LedgerDep,
    phone: str = people.NEIGHBOURS[0].number,
    wait: int = 0,
) -> Response:
    if not config.whatsapp_number:
        raise NotFound("Esta ciudad no tiene WhatsApp.")
    if phone == "new":
        return RedirectResponse(f"/whatsapp?{urlencode({'phone': people.new_number(), 'lang': language})}", 303)
    if not _USER.fullmatch(phone):
        raise InvalidInput("Ese número de teléfono no existe.")
    html = pages.render(
        "whatsapp.html",
        language=language,
        config=config,
        ledger=ledger,
        phone=phone,
        page="/whatsapp",
        bubbles=story.bubbles(ledger, ledger.texts(phone, "whatsapp"), language),
        entries=happenings.entries(ledger, line("whatsapp", phone), config, language),
        center_number=people.spoken(config.whatsapp_number),
        action=f"/whatsapp/{quote(phone)}/messages",
        wait=wait,
        city_map=places.city_map(config.places),
    )
    response = HTMLResponse(html, headers={"Cache-Control": "no-store"})
    response.set_cookie(LANGUAGE_COOKIE, language, samesite="lax", max_age=31_536_000)
    return response
