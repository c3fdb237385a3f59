"""Calls of providers that nobody could take in; for supervisors and administrators."""

from agent_console.pages.payloads.page import router

__all__ = ["router"]
