"""Handlers of the sign-in page. Unknown accounts and wrong passwords get the same words after the same time."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from agent_console import accounts
from agent_console.access import (
    BASE,
    NONCE_COOKIE,
    SESSION_COOKIE,
    refuse_other_sites,
    safe_path,
    set_cookie,
)
from agent_console.rate_limits import sign_in_limits
from agent_console.rendering import render, see_other
from intake.catalog.models import Jurisdiction
from intake.catalog.queries import default_jurisdiction
from kernel import clock
from kernel.bodies import FormDep
from kernel.i18n import LANGUAGES
from kernel.sessions import SessionDep
from kernel.settings import Settings
from kernel.web import LANGUAGE_COOKIE, LanguageDep, SettingsDep

router = APIRouter(prefix="/entrar", include_in_schema=False)


@router.get("")
def show(
    session: SessionDep,
    settings: SettingsDep,
    language: LanguageDep,
    follow: Annotated[str, Query(alias="next")] = "",
    lang: Annotated[str, Query()] = "",
) -> HTMLResponse:
    answer = _form(default_jurisdiction(session), settings, language, follow=follow)
    if lang in LANGUAGES:
        answer.set_cookie(LANGUAGE_COOKIE, lang, path="/", samesite="lax", max_age=31_536_000)
    return answer


@router.post("")
def enter(
    http_request: Request,
    session: SessionDep,
    settings: SettingsDep,
    language: LanguageDep,
    form: FormDep,
) -> Response:
    email, follow = form.get("email"), form.get("next")
    refuse_other_sites(http_request)
    city = default_jurisdiction(session)
    nonce = http_request.cookies.get(NONCE_COOKIE, "")
    if not nonce or not accounts.is_form_token(settings.secrets.session_key, nonce, form.get("csrf")):
        problem = (
            "La página llevaba mucho tiempo abierta, o tu navegador no guarda cookies. Escribe otra vez tus datos."
        )
        return _form(city, settings, language, follow=follow, email=email, problem=problem, status=403)
    limits = sign_in_limits(settings.redis_url)
    account, address = accounts.tidy_email(email), http_request.client.host if http_request.client else ""
    limits.check(account, address)
    token = accounts.sign_in(session, email=email, password=form.get("password"), now=clock.now())
    if token is None:
        limits.failed(account, address)
        problem = "El correo o la contraseña no coinciden. Revisa los dos."
        return _form(city, settings, language, follow=follow, email=email, problem=problem, status=401)
    limits.succeeded(account)
    answer = see_other(safe_path(follow))
    set_cookie(answer, settings, SESSION_COOKIE, token)
    answer.delete_cookie(NONCE_COOKIE, path=BASE)
    return answer


def _form(
    city: Jurisdiction,
    settings: Settings,
    language: str,
    *,
    follow: str,
    email: str = "",
    problem: str = "",
    status: int = 200,
) -> HTMLResponse:
    """The form, with a fresh token tied to a cookie of this browser."""
    nonce = secrets.token_urlsafe(24)
    answer = render(
        "sign_in/sign_in.html",
        language=language,
        status=status,
        city=city,
        csrf=accounts.form_token(settings.secrets.session_key, nonce),
        follow=follow,
        email=email,
        problem=problem,
    )
    set_cookie(answer, settings, NONCE_COOKIE, nonce)
    return answer
