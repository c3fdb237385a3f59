"""The review list: public texts that a person should look at; for supervisors and administrators."""

from agent_console.pages.public_text.page import router

__all__ = ["router"]
