"""The inbox and its conversations: everything that residents write, over all channels."""

from fastapi import APIRouter

from agent_console.pages.conversations import attachments, filed, page, people_changes

router = APIRouter()
for part in (page, people_changes, filed, attachments):
    router.include_router(part.router)

__all__ = ["router"]
