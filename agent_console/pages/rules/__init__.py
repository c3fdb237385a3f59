"""The rules of who is responsible: how each does, drafts of others, and what came back."""

from agent_console.pages.rules.page import router

__all__ = ["router"]
