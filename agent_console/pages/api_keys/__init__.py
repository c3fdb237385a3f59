"""Keys of the Open311 API: who has one and what it may do; for administrators."""

from agent_console.pages.api_keys.page import router

__all__ = ["router"]
