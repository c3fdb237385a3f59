"""The city's colours, as a style sheet."""

from agent_console.pages.appearance.page import router

__all__ = ["router"]
