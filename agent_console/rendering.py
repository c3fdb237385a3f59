"""Pages and fragments: one environment of templates, one way to answer. `_x.html` is a fragment that its page includes too."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agent_console.access import BASE
from agent_console.accounts import Viewer, form_token
from agent_console.presentation import owner
from kernel import folio
from kernel.dates import day_in_words
from kernel.i18n import translate

_HERE = Path(__file__).parent
STATIC = _HERE / "static"


@cache
def _asset(name: str) -> str:
    # The digest changes with the file, so browsers may keep it for ever.
    path = STATIC / name
    return f"{BASE}/static/{name}?v={sha256(path.read_bytes()).hexdigest()[:12]}" if path.exists() else ""


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(base=BASE, asset=_asset, owner=owner)
    environment.filters["moment"] = _moment
    environment.filters["folio"] = folio.spaced
    return environment


def _moment(at: datetime, timezone: str, language: str) -> str:
    """`jueves 26 de noviembre, 9:50`, in the city's zone."""
    local = at.astimezone(ZoneInfo(timezone))
    return f"{day_in_words(at, timezone, language)}, {local.hour}:{local.minute:02d}"


def wants_fragment(http_request: Request) -> bool:
    """True when htmx asks for a part of the page."""
    return http_request.headers.get("hx-request") == "true" and "hx-history-restore-request" not in http_request.headers


def say(language: str, one: str, many: str, n: int, **params: object) -> str:
    """`one` or `many` by number, with `{n}` written with thousands separators."""
    return translate(language, one if n == 1 else many, n=f"{n:,}", **params)


def render(
    template: str,
    *,
    language: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """A template as an answer. `values` must name everything it uses."""
    text = (
        _templates()
        .get_template(template)
        .render(_=partial(translate, language), plural=partial(say, language), language=language, **values)
    )
    return HTMLResponse(text, status_code=status, headers=dict(headers or {}))


def render_for(
    http_request: Request,
    viewer: Viewer,
    template: str,
    *,
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """A page or fragment for somebody signed in: with their language, name and form token."""
    key = http_request.app.state.settings.secrets.session_key
    return render(
        template,
        language=viewer.language,
        status=status,
        headers={"vary": "HX-Request"},
        viewer=viewer,
        csrf=form_token(key, viewer.token),
        path=http_request.url.path,
        query=http_request.url.query,
        **values,
    )


def see_other(path: str) -> RedirectResponse:
    """After a form: POST, then 303, then GET; the back button never sends twice."""
    return RedirectResponse(path, status_code=303)
