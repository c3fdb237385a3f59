"""An ordinary page of the city's own site, on another origin than the centre, with the chat's one line in it."""

from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader

from channels.standin.answering import ConfigDep
from kernel.errors import NotFound
from kernel.i18n import translate
from kernel.web import LanguageDep

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)

router = APIRouter()


@router.get("/chat/ejemplo", response_class=HTMLResponse)
def city_page(language: LanguageDep, config: ConfigDep) -> Response:
    if not config.chat_url:
        raise NotFound("Falta la dirección del centro: ATIENDE_STANDIN_CHAT_URL.")
    html = _templates.get_template("city_page.html").render(
        t=lambda msgid, **params: translate(language, msgid, **params), language=language, config=config
    )
    return HTMLResponse(html, headers={"Cache-Control": "no-store"})
