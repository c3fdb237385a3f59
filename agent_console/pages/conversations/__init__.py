"""Threads that wait for a person."""

from agent_console.pages.conversations.page import router

__all__ = ["router"]
