"""What residents are told, in the city's own words: the list of texts, and one of them with its preview."""

from agent_console.pages.texts.page import router

__all__ = ["router"]
