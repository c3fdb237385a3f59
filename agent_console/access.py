"""Who may do what: the dependencies every console handler starts with. Sessions travel in a cookie, forms carry a token."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request, Response
from sqlalchemy import ColumnElement, true
from sqlmodel import col

from agent_console import accounts, alarms
from agent_console.accounts import Viewer
from channels import failed_payloads
from intake.service_requests import reviewing
from intake.service_requests.models import ServiceRequest
from kernel import clock
from kernel.bodies import FormDep
from kernel.errors import Forbidden, NotFound, NotSignedIn
from kernel.sessions import SessionDep
from kernel.settings import Settings
from kernel.web import SettingsDep
from routing import alerts, queries

BASE = "/consola"
REVIEWERS = ("supervisor", "admin")
SESSION_COOKIE = "atiende_console"
NONCE_COOKIE = "atiende_console_entry"


def set_cookie(response: Response, settings: Settings, name: str, value: str) -> None:
    """A cookie for the console only, out of reach of scripts and of other sites; Secure when we are served over https."""
    response.set_cookie(
        name,
        value,
        path=BASE,
        httponly=True,
        samesite="lax",
        secure=settings.web.public_base_url.startswith("https://"),
        max_age=int(accounts.ABSOLUTE.total_seconds()),
    )


def viewer_in(http_request: Request, session: SessionDep) -> Viewer:
    """Who is signed in. Raises NotSignedIn."""
    token = http_request.cookies.get(SESSION_COOKIE)
    viewer = accounts.viewer_of(session, token, now=clock.now()) if token else None
    if viewer is None:
        raise NotSignedIn("Tu sesión terminó. Entra otra vez.")
    if viewer.role in REVIEWERS:
        viewer = replace(
            viewer,
            to_review=reviewing.pending_count(session, viewer.jurisdiction_id),
            unread=failed_payloads.count(session, viewer.jurisdiction_id),
            to_decide=alarms.count(session, viewer.jurisdiction_id),
            rule_alerts=tuple(alerts.standing(session, viewer.jurisdiction_id, viewer.today(clock.now()))),
            is_undecided=queries.why_undecided(session, viewer.jurisdiction_id) is not None,
        )
    return viewer


ViewerDep = Annotated[Viewer, Depends(viewer_in)]


def _writer(http_request: Request, viewer: ViewerDep, settings: SettingsDep, form: FormDep) -> Viewer:
    refuse_strange_form(http_request, viewer, settings, form.get("csrf"))
    return viewer


# Every handler that changes something asks for this one.
WriterDep = Annotated[Viewer, Depends(_writer)]


def refuse_strange_form(http_request: Request, viewer: Viewer, settings: Settings, token: str) -> None:
    """Raises Forbidden unless one of our own pages sent this form, `token` with it, in this very session."""
    refuse_other_sites(http_request)
    if not accounts.is_form_token(settings.secrets.session_key, viewer.token, token):
        raise Forbidden("Esta página es vieja. Vuelve atrás, recárgala y manda de nuevo.")


def refuse_other_sites(http_request: Request) -> None:
    """Raises Forbidden for a form that another site sent (browsers say so; the form token guards the rest)."""
    if http_request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("Este formulario se mandó desde otro sitio.")


def only(*roles: str) -> Callable[[Viewer], None]:
    """A dependency that lets these roles in; to anybody else the page does not exist."""

    def check(viewer: ViewerDep) -> None:
        if viewer.role not in roles:
            raise NotFound("Aquí no hay nada, o no es para tu cuenta.")

    return check


def visible_to(viewer: Viewer) -> ColumnElement[bool]:
    """The service requests this viewer may see: their city's, and for agency staff their agency's only."""
    mine = col(ServiceRequest.agency_code) == viewer.agency_code if viewer.role == "agency" else true()
    return (col(ServiceRequest.jurisdiction_id) == viewer.jurisdiction_id) & mine


def safe_path(path: str | None) -> str:
    """`path` if it leads into the console, else the console's first page: never to another site."""
    if path and path.startswith(BASE + "/") and "\\" not in path and not path.startswith("//"):
        return path
    return BASE + "/solicitudes"


def entry_url(http_request: Request) -> str:
    """Where to sign in, coming back to this page afterwards."""
    here = http_request.url.path + (f"?{http_request.url.query}" if http_request.url.query else "")
    return f"{BASE}/entrar?next={quote(here)}" if http_request.method == "GET" else f"{BASE}/entrar"
