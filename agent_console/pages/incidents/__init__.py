"""What many report at once: proposals, what is open, who is told, and the alarms of abuse; for supervisors."""

from fastapi import APIRouter

from agent_console.pages.incidents import alert_page, page

router = APIRouter()
# First, since its addresses would be incidents' otherwise.
router.include_router(alert_page.router)
router.include_router(page.router)

__all__ = ["router"]
