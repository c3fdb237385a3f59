"""An operator at work: their state, what is offered to them, what they hold, and how it ended."""

from fastapi import APIRouter

from agent_console.pages.desk import calls, contacts, lines, page, team

router = APIRouter()
for part in (team.router, lines.router, calls.router, contacts.router, page.router):
    router.include_router(part)

__all__ = ["router"]
