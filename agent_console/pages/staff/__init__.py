"""Who may sign in; for administrators."""

from agent_console.pages.staff.page import router

__all__ = ["router"]
