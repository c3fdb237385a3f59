"""One service request: its story, why it is whose, and what can be done about it."""

from agent_console.pages.service_request.page import router

__all__ = ["router"]
