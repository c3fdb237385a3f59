"""Calls for supervisors: those that go on, to listen, whisper or enter; and the recordings, to hear with a reason."""

from agent_console.pages.calls.page import router

__all__ = ["router"]
