"""The handler of the city's style sheet; the same for everybody, also before signing in."""

from fastapi import APIRouter
from fastapi.responses import Response

from agent_console.theme import theme_css
from intake.catalog.queries import jurisdiction
from kernel.sessions import SessionDep

router = APIRouter(prefix="/colores", include_in_schema=False)


@router.get("/{jurisdiction_id}.css")
def show(session: SessionDep, jurisdiction_id: str) -> Response:
    sheet = theme_css(jurisdiction(session, jurisdiction_id).settings.get("theme"))
    return Response(sheet, media_type="text/css", headers={"cache-control": "public, max-age=300"})
