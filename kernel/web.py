"""What every handler may ask for: the settings of the process and the language of the reader; and the short way to some."""

from collections.abc import Awaitable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from kernel.i18n import LANGUAGES, best_language
from kernel.settings import Settings

LANGUAGE_COOKIE = "lang"
_SEND = "atiende.send"


def _settings(http_request: Request) -> Settings:
    settings: Settings = http_request.app.state.settings
    return settings


def _language(http_request: Request) -> str:
    chosen = http_request.query_params.get("lang") or http_request.cookies.get(LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else best_language(http_request.headers.get("accept-language"))


SettingsDep = Annotated[Settings, Depends(_settings)]
LanguageDep = Annotated[str, Depends(_language)]


class DirectStream(StreamingResponse):
    """A stream whose headers go through all layers around the handler, and whose pieces go past them.

    For what tells hundreds of readers many times a second: the layers, which do nothing with a piece, were a quarter of what
    it took. Without `KeepsSend` the pieces go through them as well. The pieces are bytes.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._direct: Send = scope.get(_SEND, send)
        await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for piece in self.body_iterator:
            await self._direct({"type": "http.response.body", "body": piece, "more_body": True})
        await self._direct({"type": "http.response.body", "body": b"", "more_body": False})


class KeepsSend:
    """Outermost middleware: leaves the way out where `DirectStream` finds it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        scope[_SEND] = send
        return self.app(scope, receive, send)


class Mounted:
    """Middleware of the site: what lies under `path` is for `app_there`, before anything of the other pages is looked at.

    For what is called most. A mount is found after all routes before it were compared, and stands within the site's layers, which
    together cost as much as a short handler.
    """

    def __init__(self, app: ASGIApp, path: str, app_there: ASGIApp) -> None:
        self.app = app
        self.path = path
        self.app_there = app_there

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root = scope.get("root_path", "")
        if scope["type"] != "http" or not f"{scope['path'].removeprefix(root)}/".startswith(f"{self.path}/"):
            await self.app(scope, receive, send)
            return
        scope["root_path"] = root + self.path
        await self.app_there(scope, receive, send)
