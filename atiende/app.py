"""Builds the web application from its parts. The only place where all routers meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from agent_console.routes import install as install_console
from atiende.health import router as health
from channels.app.routes import install as install_resident_pages
from channels.web_chat.routes import install as install_web_chat
from channels.webhooks import install as install_webhooks
from intake.incidents.api import install as install_incidents
from intake.media.api import router as photos
from intake.open311.routes import install as install_open311
from kernel import db
from kernel.listener import connection_string
from kernel.live import LiveFeed
from kernel.settings import Settings
from kernel.web import KeepsSend


@asynccontextmanager
async def _live(app: FastAPI) -> AsyncIterator[None]:
    feed: LiveFeed = app.state.live
    settings: Settings = app.state.settings
    feed.start(settings.database_direct_url or connection_string(db.bind().engine))
    yield
    feed.close()
    feed.join()


def create_app(settings: Settings) -> FastAPI:
    """The application for `settings`; `bootstrap.configure` has run in this process."""
    app = FastAPI(title="Atiende", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_live)
    app.state.settings = settings
    app.state.live = LiveFeed()
    install_open311(app)
    app.include_router(health)
    app.include_router(photos)
    install_incidents(app)
    install_webhooks(app)
    install_console(app)
    install_web_chat(app)
    install_resident_pages(app)
    app.add_middleware(KeepsSend)  # the last one stands outermost
    return app
