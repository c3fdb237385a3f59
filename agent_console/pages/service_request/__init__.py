"""One service request: its story, why it is whose, and what can be done about it."""

from fastapi import APIRouter

from agent_console.pages.service_request import page, photos

router = APIRouter()
router.include_router(page.router)
router.include_router(photos.router)

__all__ = ["router"]
