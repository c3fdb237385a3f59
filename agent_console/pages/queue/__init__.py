"""The list of service requests."""

from agent_console.pages.queue.page import router

__all__ = ["router"]
