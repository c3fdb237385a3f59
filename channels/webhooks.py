"""Where providers call us: `/webhooks/<channel>` for messages, `/webhooks/<channel>/status` for what became of ours;
`/webhooks/voice…` for calls, which are answered with what is said next (`channels/voice`).

The answer is sent after everything was committed. A database that is away gives 503, so that the provider calls again.
"""

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from starlette.applications import Starlette
from starlette.routing import Route

from channels import registry
from channels.receiving import receive_call
from channels.registry import Channel
from channels.voice.ivr.routes import ROUTES
from channels.voice.room_routes import ROUTES as ROOM_ROUTES
from channels.voice.webhooks import webhook_of
from kernel.bodies import with_body
from kernel.errors import AtiendeError, NotFound, Unavailable
from kernel.settings import Settings
from kernel.web import Mounted

log = structlog.get_logger(__name__)


def install(app: FastAPI) -> None:
    """Called once by the composition root."""
    endpoint = with_body(post_webhook)
    webhooks = Starlette(
        routes=[
            *ROUTES,
            *ROOM_ROUTES,
            *(Route(f"/{{channel_name}}{path}", endpoint, methods=["POST"]) for path in ("", "/status")),
        ],
        exception_handlers={
            AtiendeError: _refuse,
            **dict.fromkeys((OperationalError, InterfaceError, TimeoutError), _call_again),
        },
    )
    webhooks.router.redirect_slashes = False
    webhooks.state = app.state
    app.add_middleware(Mounted, path="/webhooks", app_there=webhooks)


def post_webhook(http_request: Request, body: bytes) -> Response:
    channel = _channel(http_request.path_params["channel_name"], http_request.app.state.settings)
    webhook = webhook_of(http_request, body)
    channel.verify(webhook)
    receive_call(channel, webhook)
    media_type, answer = channel.acknowledge(webhook)
    return Response(answer, media_type=media_type)


def _refuse(http_request: Request, error: Exception) -> Response:
    # In plain words: nobody reads these pages, and a provider only looks at the number.
    assert isinstance(error, AtiendeError)
    log.info("webhook.refused", path=http_request.url.path, status=error.status, why=error.text)
    return PlainTextResponse(f"{error.public_text('en')}\n", status_code=error.status)


def _call_again(http_request: Request, error: Exception) -> Response:
    log.error("webhook.database", error=type(error).__name__)
    return PlainTextResponse("database\n", status_code=503)


def _channel(channel_name: str, settings: Settings) -> Channel:
    if channel_name not in registry.CHANNELS:
        raise NotFound("No hay tal canal.")
    found = registry.connected().get(channel_name) or registry.CHANNELS[channel_name](settings)
    if found is None:
        raise Unavailable("El canal {name} no está conectado en esta instalación.", name=channel_name)
    return found
