"""Which systems are told of changes, and what became of each message; for administrators."""

from agent_console.pages.webhooks.page import router

__all__ = ["router"]
