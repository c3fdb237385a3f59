"""What if: drafts of boundaries and rules tried on the past, published for a day, and the re-routing that follows."""

from fastapi import APIRouter

from agent_console.pages.whatif import page, proposals

router = APIRouter()
# First: its address would pass for a draft's.
router.include_router(proposals.router)
router.include_router(page.router)

__all__ = ["router"]
