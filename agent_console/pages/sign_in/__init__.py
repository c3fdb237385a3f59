"""The door."""

from agent_console.pages.sign_in.page import router

__all__ = ["router"]
