"""One's own account: language, and leaving."""

from agent_console.pages.account.page import router

__all__ = ["router"]
