"""An operator at work: their state, what is offered to them, what they hold, and how it ended."""

from fastapi import APIRouter

from agent_console.pages.desk import calls, contacts, page, team

router = APIRouter()
for part in (team.router, calls.router, contacts.router, page.router):
    router.include_router(part)

__all__ = ["router"]
