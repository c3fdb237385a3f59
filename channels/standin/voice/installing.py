"""The telephone in the stand-in's application: opened by its settings, with all its addresses."""

from fastapi import FastAPI

from channels.standin.config import StandinConfig
from channels.standin.voice import live, page, rest, rest_conferences, rest_recordings, routes
from channels.standin.voice.part import VoicePart


def part_of(config: StandinConfig) -> VoicePart | None:
    """None when the installation that it stands in for has no number to call."""
    if config.voice is None:
        return None
    return VoicePart(
        config.voice,
        config.state.with_name("voice.sqlite3"),
        account_sid=config.account_sid,
        auth_token=config.auth_token,
        timeout_s=config.timeout_s,
        hang_s=config.hang_s,
        own_url=config.own_url,
    )


def install(app: FastAPI, part: VoicePart | None) -> None:
    """Called once by the stand-in's application."""
    app.state.voice = part
    app.include_router(page.router)
    app.include_router(routes.router)
    app.include_router(live.router)
    app.include_router(rest_recordings.router)
    app.include_router(rest_conferences.router)
    app.include_router(rest.router)
