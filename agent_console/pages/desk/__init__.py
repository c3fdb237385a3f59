"""An operator at work: their state, what is offered to them, what they hold, and how it ended."""

from fastapi import APIRouter

from agent_console.pages.desk import contacts, page, team

router = APIRouter()
for part in (team, contacts, page):
    router.include_router(part.router)

__all__ = ["router"]
