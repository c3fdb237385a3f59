"""Who is asking, on which city's behalf, from which site, and how often. What every handler of the chat begins with."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response

from channels.resident.rendering import Page, language_of
from channels.web_chat import tokens
from channels.web_chat.tokens import Visitor
from intake.catalog import queries as catalog
from kernel import clock, db
from kernel.errors import Forbidden, TooMany
from kernel.rate_limits import RateLimiter, address_of
from kernel.sessions import SessionDep
from kernel.settings import Settings
from kernel.web import SettingsDep

# The name that a frame or an embedding page uses for its city; without it, the installation's default one.
CITY_FIELD = "ciudad"
_BEARER = "bearer "


@dataclass(frozen=True)
class Guest:
    """visitor: who it is, as far as they can show. is_lost: they showed a token that does not hold any more."""

    visitor: Visitor | None
    is_lost: bool = False


def chat_page(http_request: Request, session: SessionDep) -> Page:
    """The page that is asked for: its city and language. Raises NotFound for a city that is not here."""
    asked = http_request.query_params.get(CITY_FIELD)
    return Page(
        city=catalog.jurisdiction(session, asked) if asked else catalog.default_jurisdiction(session),
        language=language_of(http_request),
        path=http_request.url.path,
        now=clock.now(),
        query=http_request.url.query,
    )


ChatPageDep = Annotated[Page, Depends(chat_page)]


def guest_of(http_request: Request, page: Page, settings: Settings) -> Guest:
    """By the token in the header, which frames send where browsers keep cookies from them, else by a cookie."""
    given = http_request.headers.get("authorization", "")
    if given.lower().startswith(_BEARER):
        token = given[len(_BEARER) :].strip()
    else:
        names = (cookie_name(page.city.id), _frame_cookie_name(page.city.id))
        token = next((http_request.cookies[name] for name in names if name in http_request.cookies), "")
    if not token:
        return Guest(None)
    try:
        visitor = tokens.read(settings.secrets.session_key, token, now=page.now)
    except tokens.Lost:
        return Guest(None, is_lost=True)
    # A token for one city opens nothing in another.
    return Guest(visitor) if visitor.city == page.city.id else Guest(None, is_lost=True)


def _reader(http_request: Request, page: ChatPageDep, settings: SettingsDep) -> Guest:
    return guest_of(http_request, page, settings)


GuestDep = Annotated[Guest, Depends(_reader)]


@dataclass(frozen=True)
class Writer:
    """Who sends something, from a page of ours, and not too often."""

    page: Page
    guest: Guest


def _writer(http_request: Request, settings: SettingsDep) -> Writer:
    """Its transaction is over when this returns: a message is taken in under transactions of its own."""
    refuse_other_sites(http_request, settings)
    with db.transaction() as session:
        page = chat_page(http_request, session)
    guest = guest_of(http_request, page, settings)
    spend(http_request, guest, settings)
    return Writer(page, guest)


WriterDep = Annotated[Writer, Depends(_writer)]


def cookie_name(city: str) -> str:
    """One for each city of the installation: whoever writes to two has two threads."""
    return f"chat_{sha256(city.encode()).hexdigest()[:8]}"


def _frame_cookie_name(city: str) -> str:
    return f"{cookie_name(city)}_frame"


def set_cookie(response: Response, settings: Settings, city: str, token: str, *, is_framed: bool) -> None:
    """Out of reach of scripts and of other sites. It outlives its token, so that an old one can be told from none.

    is_framed: another besides, which browsers that keep the first from foreign frames take, apart for each site that embeds us.
    """
    lasts_s = 2 * int(tokens.LIFETIME.total_seconds())
    response.set_cookie(
        cookie_name(city),
        token,
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.web.public_base_url.startswith("https://"),
        max_age=lasts_s,
    )
    if is_framed:
        _set_frame_cookie(response, city, token, lasts_s)


def forget_cookies(response: Response, city: str) -> None:
    """The token is gone from this browser."""
    response.delete_cookie(cookie_name(city), path="/")
    _set_frame_cookie(response, city, "", 0)


def _set_frame_cookie(response: Response, city: str, token: str, lasts_s: int) -> None:
    # `Partitioned` is newer than the standard library's cookies.
    said = (
        f"{_frame_cookie_name(city)}={token}; Path=/; Max-Age={lasts_s}; HttpOnly; Secure; SameSite=None; Partitioned"
    )
    response.headers.append("set-cookie", said)


def refuse_other_sites(http_request: Request, settings: SettingsDep) -> None:
    """Raises Forbidden for a form that another site's page sent. Browsers of the last years say so, older ones name the page."""
    said = http_request.headers.get("sec-fetch-site")
    if said is not None:
        is_ours = said in ("same-origin", "none")
    else:
        origin = http_request.headers.get("origin") or http_request.headers.get("referer")
        ours = {http_request.headers.get("host", ""), urlsplit(settings.web.public_base_url).netloc}
        is_ours = origin is None or urlsplit(origin).netloc in ours
    if not is_ours:
        raise Forbidden("Este formulario se mandó desde otro sitio.")


def spend(http_request: Request, guest: Guest, settings: Settings) -> None:
    """Counts one message of this visitor and of this address. Raises TooMany."""
    limiter: RateLimiter = http_request.app.state.chat_limiter
    address = address_of(http_request, settings.secrets.session_key)
    counts = [("address", address, settings.limits.chat_per_address)]
    if guest.visitor is not None:
        counts.append(("visitor", guest.visitor.id, settings.limits.chat_per_visitor))
    for policy, who, limit in counts:
        if not limit:
            continue
        budget = limiter.spend(policy, who, limit)
        if budget.used > limit:
            raise TooMany(
                "Son muchos mensajes en un minuto. Espera {seconds} s y vuelve a enviar; lo que escribiste sigue aquí.",
                retry_after_s=budget.reset_s,
                seconds=budget.reset_s,
            )
