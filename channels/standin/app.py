"""The stand-in as a web application of its own: REST for the program, a phone for people, a list for whoever checks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import anyio.to_thread
from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles

from channels.standin import city_page, pages, rest
from channels.standin.answering import Refusal
from channels.standin.config import StandinConfig
from channels.standin.ledger import Ledger
from channels.standin.mail import routes as mail_routes
from channels.standin.mail.part import MailPart
from channels.standin.postman import Postman
from channels.standin.telegram import routes as telegram_routes
from channels.standin.voice import installing as telephone
from channels.standin.whatsapp import content, media
from channels.standin.whatsapp import pages as whatsapp_pages
from kernel.errors import AtiendeError

# A provider that hangs holds a thread for each call, and so does whoever waits for a call to end; the rest must stay usable.
_THREADS = 400


def create_app(config: StandinConfig) -> FastAPI:
    """The stand-in of one account. Its ledger is opened here; its postman works while the application runs."""
    ledger = Ledger(config.state)
    mail = MailPart(config.mail, config.state.with_name("mail.sqlite3")) if config.mail else None
    telegram = telegram_routes.part_of(config)
    voice = telephone.part_of(config)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        postman = Postman(ledger, config)
        postman.start()
        if mail is not None:
            mail.start()
        if telegram is not None:
            telegram.start()
        if voice is not None:
            voice.start()
        yield
        if voice is not None:
            await anyio.to_thread.run_sync(voice.stop)
        if telegram is not None:
            await anyio.to_thread.run_sync(telegram.stop)
        if mail is not None:
            await anyio.to_thread.run_sync(mail.stop)
        await anyio.to_thread.run_sync(postman.stop)
        ledger.close()

    app = FastAPI(title="Atiende stand-in", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.config = config
    app.state.ledger = ledger
    console = urlsplit(config.console_url)
    if console.netloc:
        # The operators' pages of the centre use the stand-in's telephone.
        origins = [f"{console.scheme}://{console.netloc}"]
        app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["GET", "POST"], allow_headers=["*"])
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.include_router(rest.router)
    app.include_router(content.router)
    app.include_router(media.router)
    app.include_router(pages.router)
    app.include_router(whatsapp_pages.router)
    app.include_router(city_page.router)
    mail_routes.install(app, mail)
    telegram_routes.install(app, telegram)
    telephone.install(app, voice)

    @app.exception_handler(Refusal)
    def refuse(http_request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return error.response()

    @app.exception_handler(AtiendeError)
    def explain(http_request: Request, error: Exception) -> Response:
        assert isinstance(error, AtiendeError)
        return PlainTextResponse(f"{error}\n", status_code=error.status)

    return app
