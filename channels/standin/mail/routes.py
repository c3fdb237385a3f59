"""The page on which a visitor writes and reads mail as a resident, and what programs use of it."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader
from python_multipart.multipart import parse_options_header

from channels.email.headers import canonical
from channels.email.parts import content_of
from channels.standin.config import StandinConfig
from channels.standin.mail.part import MailPart
from channels.standin.mail.store import Mail
from intake.conversations.values import InboundMedia
from kernel.bodies import body_up_to
from kernel.errors import Forbidden, InvalidInput, NotFound
from kernel.i18n import LANGUAGES, translate
from kernel.multipart import read_multipart
from kernel.web import LANGUAGE_COOKIE, LanguageDep

_MOST_BYTES = 12 * 1024 * 1024
_MOST_LETTERS = 20_000
_SLOW_S = 4.0
_WAIT_ROUNDS = 4
_BOXES = ("duplicate", "bounce", "mailbox_down")

_templates = Environment(
    loader=FileSystemLoader([Path(__file__).parent / "templates", Path(__file__).parents[1] / "templates"]),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Correspondent:
    name: str
    address: str


# All fictional, as are their addresses.
NEIGHBOURS = (
    Correspondent("Ana", "ana.luna@correo.example"),
    Correspondent("Jorge", "jorge.rios@correo.example"),
    Correspondent("Citlali", "citlali@vecinas.example"),
)

router = APIRouter(prefix="/mail")


def install(app: FastAPI, part: MailPart | None) -> None:
    """Called once by the stand-in's application. Without a part there is no mail here."""
    app.state.mail = part
    app.include_router(router)


def _part(http_request: Request) -> MailPart:
    part: MailPart | None = http_request.app.state.mail
    if part is None:
        raise NotFound("Aquí no hay correo.")
    return part


PartDep = Annotated[MailPart, Depends(_part)]
BigBodyDep = Annotated[bytes, Depends(body_up_to(_MOST_BYTES))]


@dataclass(frozen=True)
class _Given:
    """What a form or a program sent. photo: name, media type, bytes."""

    fields: dict[str, Any]
    photo: tuple[str, str, bytes] | None = None
    is_json: bool = False

    def text(self, name: str) -> str:
        return str(self.fields.get(name, "")).replace("\0", "").strip()


def _given(http_request: Request, body: BigBodyDep) -> _Given:
    origin = http_request.headers.get("origin")
    if origin and urlsplit(origin).netloc != http_request.headers.get("host"):
        raise Forbidden("Esta página solo acepta formularios suyos.")
    media_type, options = parse_options_header(http_request.headers.get("content-type", ""))
    if media_type == b"application/json":
        try:
            values = orjson.loads(body)
        except orjson.JSONDecodeError:
            values = None
        if not isinstance(values, dict):
            raise InvalidInput("El cuerpo debe ser un objeto JSON.")
        return _Given(values, is_json=True)
    if media_type != b"multipart/form-data":
        pairs = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        return _Given({name: values[-1] for name, values in pairs.items()})
    parts = read_multipart(body, options.get(b"boundary", b""))
    fields = {
        part.name.decode("utf-8", "replace"): bytes(part.data).decode("utf-8", "replace")
        for part in parts
        if not part.is_file
    }
    chosen = next((part for part in parts if part.is_file and part.data), None)
    if chosen is None:
        return _Given(fields)
    name = (chosen.filename or b"foto").decode("utf-8", "replace")
    return _Given(fields, (name, chosen.content_type.decode("ascii", "replace"), bytes(chosen.data)))


GivenDep = Annotated[_Given, Depends(_given)]


@router.get("")
def mail_page(
    http_request: Request,
    language: LanguageDep,
    part: PartDep,
    who: str = NEIGHBOURS[0].address,
    thread: int = 0,
    wait: int = 0,
) -> Response:
    if who == "new":
        return RedirectResponse(f"/mail?{urlencode({'who': _new_address(), 'lang': language})}", 303)
    if not canonical(who):
        raise InvalidInput("Esa dirección de correo no sirve.")
    config: StandinConfig = http_request.app.state.config
    threads = part.threads(who)
    opened = next((one for one in threads if any(mail.id == thread for mail in one.mails)), None)
    html = _templates.get_template("mail.html").render(
        t=lambda msgid, **params: translate(language, msgid, **params),
        language=language,
        languages=LANGUAGES,
        config=config,
        page="/mail",
        person=_person(who),
        neighbours=NEIGHBOURS,
        center=part.account.address,
        threads=threads,
        opened=opened,
        media=_media_of,
        clock=_clock,
        switches=part.store.switches(),
        wait=max(0, min(wait, _WAIT_ROUNDS)),
        here=lambda **changed: (
            "/mail?" + urlencode({"who": who, "lang": language} | ({"thread": thread} if thread else {}) | changed)
        ),
    )
    response = HTMLResponse(html, headers={"Cache-Control": "no-store"})
    response.set_cookie(LANGUAGE_COOKIE, language, samesite="lax", max_age=31_536_000)
    return response


@router.post("/messages")
def write_mail(part: PartDep, given: GivenDep) -> Response:
    who = canonical(given.text("who"))
    subject, text = given.text("subject")[:200], given.text("body")
    answered = _answered(part, given.text("answers"), who)
    if not who or part.account.is_centers(who):
        raise InvalidInput("Esa dirección de correo no sirve.")
    if len(text) > _MOST_LETTERS or not (text or subject or given.photo):
        raise InvalidInput("El correo va de 1 a 20000 letras.")
    mail_id = part.write(
        who,
        _person(who).name,
        subject=answered[0] if answered else subject,
        text=text,
        answers=answered[1] if answered else "",
        photo=given.photo,
    )
    if given.is_json:
        mail = part.store.mail(mail_id)
        return JSONResponse({"sid": mail.message_id, "status": mail.status}, status_code=201)
    query = {"who": who, "lang": given.text("lang") or "es", "thread": mail_id, "wait": _WAIT_ROUNDS}
    return RedirectResponse(f"/mail?{urlencode(query)}", 303)


@router.get("/{mail_id}/html")
def formatted(mail_id: int, part: PartDep) -> Response:
    """How a mail program shows it: in a sandbox, as mail programs do."""
    try:
        mail = message_from_bytes(part.store.mail(mail_id).raw, policy=policy.default)
    except KeyError:
        raise NotFound("Ese correo no existe.") from None
    assert isinstance(mail, EmailMessage)
    body = mail.get_body(("html",))
    if body is None:
        raise NotFound("Ese correo no existe.")
    policies = "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups"
    return HTMLResponse(body.get_content(), headers={"Content-Security-Policy": policies})


@router.get("/settings")
def settings(part: PartDep) -> JSONResponse:
    return JSONResponse(part.store.switches().as_json())


@router.post("/settings")
def change_settings(part: PartDep, given: GivenDep) -> Response:
    if given.is_json:
        part.store.set_switches(part.store.switches().changed(given.fields))
        return JSONResponse(part.store.switches().as_json())
    # A form leaves out the boxes that are not ticked.
    boxes = {name: given.text(name) for name in _BOXES}
    chosen = {name: given.text(name) or "none" for name in ("outage", "auto_reply")}
    slow = {"slow_s": _SLOW_S if given.text("slow") else 0}
    part.store.set_switches(part.store.switches().changed(boxes | chosen | slow))
    query = {name: given.text(name) for name in ("who", "lang", "thread") if given.text(name)}
    return RedirectResponse(f"/mail?{urlencode(query)}", 303)


def _answered(part: MailPart, mail_id: str, who: str) -> tuple[str, str] | None:
    """Subject and message id for a reply to a mail that this resident has."""
    if not mail_id.isdecimal():
        return None
    mail = next((mail for mail in part.store.mails(who) if mail.id == int(mail_id)), None)
    if mail is None:
        return None
    subject = mail.subject if mail.subject.lower().startswith("re:") else f"Re: {mail.subject}"
    return subject, mail.message_id


def _person(address: str) -> Correspondent:
    return next((known for known in NEIGHBOURS if known.address == address), Correspondent("", address))


def _new_address() -> str:
    return f"vecina{secrets.randbelow(9000) + 1000}@correo.example"


def _media_of(mail: Mail) -> list[InboundMedia]:
    return content_of(message_from_bytes(mail.raw, policy=policy.compat32)).media


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%H:%M")
