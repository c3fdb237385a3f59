"""Adds the chat to the application: `/chat` in Spanish, `/en/chat` in English, each with what its script and a frame ask for."""

from collections import Counter
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

from channels.resident.edges import see_other
from channels.resident.rendering import Page, language_of
from channels.web_chat import live, tokens
from channels.web_chat.access import (
    ChatPageDep,
    Guest,
    GuestDep,
    WriterDep,
    forget_cookies,
    refuse_other_sites,
    set_cookie,
)
from channels.web_chat.calls import CHANNEL
from channels.web_chat.posting import post, read_form
from channels.web_chat.rendering import STATIC, chat_html, chat_url, looked_at, problem_html, thread_html
from channels.web_chat.thread import messages_of, offered
from channels.web_chat.tokens import Visitor
from intake.catalog import queries as catalog
from intake.catalog.models import Jurisdiction
from intake.conversations.attachment_models import MessageAttachment, photo_key, thumb_key
from intake.media.serving import kept, refusal
from intake.media.storage import shelf
from kernel import clock, db
from kernel.bodies import FormOrUploadDep, Upload
from kernel.errors import AtiendeError, InvalidInput, NotFound, TooMany, Unavailable
from kernel.i18n import translate
from kernel.rate_limits import RateLimiter
from kernel.sessions import SessionDep
from kernel.settings import Settings
from kernel.web import SettingsDep

BASE = "/chat"
_LOOKS_AGAIN = 6
# The script says whether it runs in a frame, where cookies are not to be counted on.
_SCRIPT = "x-chat"
_NAMELESS = Jurisdiction(id="", name="Atiende", timezone="UTC", is_default=True, catalog_changed_at=clock.now())

router = APIRouter(include_in_schema=False)


def install(app: FastAPI) -> None:
    """Called once by the composition root, before the resident pages, which take what nobody else took."""
    settings: Settings = app.state.settings
    if not settings.web_chat.enabled:
        return
    app.state.chat_limiter = RateLimiter(settings.redis_url, "web_chat")
    app.state.chat_streams = Counter()
    chat = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    chat.state = app.state
    chat.include_router(router)
    chat.include_router(live.router)
    chat.add_exception_handler(AtiendeError, _show_error)
    chat.add_exception_handler(HTTPException, _show_http_error)
    chat.add_exception_handler(RequestValidationError, _show_invalid)
    for lost in (OperationalError, InterfaceError, TimeoutError):
        chat.add_exception_handler(lost, _show_database_error)
    chat.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    for prefix in ("", "/en"):
        app.router.routes.append(Route(f"{prefix}{BASE}", endpoint=chat))
        app.mount(f"{prefix}{BASE}", chat)


def _sent(http_request: Request, _: Annotated[None, Depends(refuse_other_sites)], upload: FormOrUploadDep) -> Upload:
    """What was sent, read before the database is asked anything: should that be away, the words can be given back."""
    http_request.state.typed, http_request.state.cid = upload.form.get("body"), upload.form.get("cid")[:64]
    return upload


_SentDep = Annotated[Upload, Depends(_sent)]


@router.get("/chat")
@router.get("/en/chat")
def show(
    http_request: Request,
    page: ChatPageDep,
    guest: GuestDep,
    session: SessionDep,
    settings: SettingsDep,
    espera: str = "",
) -> Response:
    _, thread = looked_at(session, page, guest, seen="read")
    wait = int(espera) if espera.isdecimal() and len(espera) == 1 else 0
    response = chat_html(
        page, guest, thread, key=settings.secrets.session_key, is_framed=False, wait=min(wait, _LOOKS_AGAIN)
    )
    if guest.is_lost:
        forget_cookies(response, page.city.id)
    return response


@router.get("/marco")
def show_framed(page: ChatPageDep, guest: GuestDep, session: SessionDep, settings: SettingsDep) -> Response:
    _, thread = looked_at(session, page, guest, seen="delivered")
    return chat_html(page, Guest(guest.visitor), thread, key=settings.secrets.session_key, is_framed=True)


@router.get("/hilo")
def show_thread(
    http_request: Request,
    page: ChatPageDep,
    guest: GuestDep,
    session: SessionDep,
    settings: SettingsDep,
    visto: str = "",
) -> Response:
    refuse_other_sites(http_request, settings)
    _, thread = looked_at(session, page, guest, seen="read" if visto == "1" else "delivered")
    html = thread_html(page, guest, thread, key=settings.secrets.session_key, is_framed=_is_framed(http_request))
    return JSONResponse({"html": html, "is_lost": guest.is_lost, "waits": thread.waits}, headers=_PRIVATE)


@router.post("/chat")
@router.post("/en/chat")
def say(http_request: Request, upload: _SentDep, writer: WriterDep, settings: SettingsDep) -> Response:
    try:
        visitor = _take(writer.page, writer.guest, settings, upload)
    except InvalidInput as problem:
        if _SCRIPT in http_request.headers:
            raise
        return _refused(writer.page, writer.guest, settings, problem, upload.form.get("body"))
    return _taken(http_request, writer.page, writer.guest, settings, visitor)


@router.post("/salir")
def leave(writer: WriterDep) -> Response:
    response = see_other(chat_url(writer.page))
    forget_cookies(response, writer.page.city.id)
    return response


@router.get("/foto/{name}.jpg")
def show_photo(name: str, settings: SettingsDep, s: str = "") -> Response:
    """A photo that the visitor sent, whole or small: never anything but a picture of our own making."""
    photo_id, is_thumb = name.removesuffix("-mini"), name.endswith("-mini")
    found = _photo(settings, photo_id, s)
    if found is None or found.storage_key is None:
        return refusal(404)
    try:
        data = shelf().storage.get((thumb_key if is_thumb else photo_key)(found.storage_key))
    except AtiendeError as error:
        return refusal(404 if isinstance(error, NotFound) else 503)
    return Response(data, headers=kept({"cache-control": "private, max-age=86400"}), media_type="image/jpeg")


@router.get("/widget.js")
def widget() -> Response:
    return _script("widget.js", "public, max-age=3600")


@router.get("/chat.js")
def script() -> Response:
    return _script("chat.js", "public, max-age=31536000, immutable")


_PRIVATE = {"Cache-Control": "no-store", "Vary": "Cookie, Authorization", "X-Content-Type-Options": "nosniff"}


def _script(name: str, kept: str) -> Response:
    headers = {
        "Cache-Control": kept,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return FileResponse(STATIC / name, media_type="text/javascript; charset=utf-8", headers=headers)


def _photo(settings: Settings, photo_id: str, seal: str) -> MessageAttachment | None:
    if not tokens.opens_photo(settings.secrets.session_key, photo_id, seal, now=clock.now()):
        return None
    with db.transaction() as session:
        found = session.get(MessageAttachment, UUID(photo_id))
    return found if found is not None and found.is_photo and found.channel == CHANNEL else None


def _take(page: Page, guest: Guest, settings: Settings, upload: Upload) -> Visitor:
    """Whose message was taken in. Raises InvalidInput."""
    key, written = settings.secrets.session_key, read_form(upload)
    visitor = guest.visitor or tokens.newcomer(key, page.city.id, written.client_id, now=page.now)
    choice = None
    if written.choice:
        with db.transaction() as session:
            choice = offered(messages_of(session, visitor), written.choice)
        if choice is None:
            raise InvalidInput("Esa respuesta ya no está. Escríbela con tus palabras.", field="body")
    post(key, visitor, written, choice, language=page.language, now=page.now)
    return visitor


def _taken(http_request: Request, page: Page, guest: Guest, settings: Settings, visitor: Visitor) -> Response:
    is_new = guest.visitor is None or visitor.is_due(page.now)
    token = tokens.issue(settings.secrets.session_key, visitor, now=page.now) if is_new else ""
    if _SCRIPT in http_request.headers:
        # Only a frame keeps it itself; elsewhere no script ever sees it.
        told = {"token": token} if token and _is_framed(http_request) else {}
        response: Response = JSONResponse(told | {"is_taken": True}, headers=_PRIVATE)
    else:
        response = see_other(chat_url(page, espera=_LOOKS_AGAIN) + "#fin")
    if token:
        set_cookie(response, settings, page.city.id, token, is_framed=_is_framed(http_request))
    return response


def _refused(page: Page, guest: Guest, settings: Settings, problem: InvalidInput, typed: str) -> Response:
    errors = {problem.field or "body": problem.public_text(page.language)}
    with db.transaction() as session:
        _, thread = looked_at(session, page, guest, seen="delivered")
    return chat_html(
        page,
        guest,
        thread,
        key=settings.secrets.session_key,
        is_framed=False,
        errors=errors,
        typed=typed,
        status_code=problem.status,
    )


def _is_framed(http_request: Request) -> bool:
    return http_request.headers.get(_SCRIPT) == "frame"


def _cid(settings: Settings) -> str:
    return tokens.name_message(settings.secrets.session_key, now=clock.now())


def _show_error(http_request: Request, error: Exception) -> Response:
    assert isinstance(error, AtiendeError)
    language = language_of(http_request)
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, TooMany) else {}
    text = error.public_text(language)
    if _SCRIPT in http_request.headers or http_request.url.path.endswith("/vivo"):
        return JSONResponse({"error": text, "field": error.field}, error.status, headers={**headers, **_PRIVATE})
    page = Page(_city(), language, http_request.url.path, clock.now())
    response = problem_html(
        page,
        translate(language, "No encontramos esta página" if isinstance(error, NotFound) else "No se mandó"),
        text,
        typed=getattr(http_request.state, "typed", ""),
        # Under the same name: it may have been kept already, and then it is not a second one.
        cid=getattr(http_request.state, "cid", "") or _cid(http_request.app.state.settings),
        status_code=error.status,
    )
    response.headers.update(headers)
    return response


def _city() -> Jurisdiction:
    try:
        with db.transaction() as session:
            return catalog.default_jurisdiction(session)
    except (NotFound, OperationalError, InterfaceError, TimeoutError):
        return _NAMELESS


def _show_http_error(http_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return Response(status_code=405, headers=dict(error.headers or {}))
    return _show_error(http_request, NotFound("La dirección está mal escrita o ya no existe."))


def _show_invalid(http_request: Request, error: Exception) -> Response:
    return _show_error(http_request, InvalidInput("No pudimos leer el formulario. Vuelve a intentarlo."))


def _show_database_error(http_request: Request, error: Exception) -> Response:
    return _show_error(
        http_request, Unavailable("Estamos con una falla. Lo que escribiste sigue aquí: mándalo en un minuto.")
    )
