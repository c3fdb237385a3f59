"""Threads that wait for a person."""

from fastapi import APIRouter

from agent_console.pages.conversations import attachments, page

router = APIRouter()
router.include_router(page.router)
router.include_router(attachments.router)

__all__ = ["router"]
