"""Handlers of one's own account."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from agent_console import accounts
from agent_console.access import BASE, SESSION_COOKIE, WriterDep, safe_path
from agent_console.rendering import see_other
from kernel.bodies import FormDep
from kernel.i18n import LANGUAGES
from kernel.sessions import SessionDep
from kernel.web import LANGUAGE_COOKIE

router = APIRouter(prefix="/cuenta", include_in_schema=False)


@router.post("/salir")
def leave(session: SessionDep, viewer: WriterDep) -> RedirectResponse:
    accounts.sign_out(session, viewer)
    answer = see_other(f"{BASE}/entrar")
    answer.delete_cookie(SESSION_COOKIE, path=BASE)
    return answer


@router.post("/idioma")
def choose_language(
    session: SessionDep,
    viewer: WriterDep,
    form: FormDep,
) -> RedirectResponse:
    language = form.get("lang") if form.get("lang") in LANGUAGES else viewer.language
    accounts.choose_language(session, viewer, language)
    answer = see_other(safe_path(form.get("back")))
    answer.set_cookie(LANGUAGE_COOKIE, language, path="/", samesite="lax", max_age=31_536_000)
    return answer
