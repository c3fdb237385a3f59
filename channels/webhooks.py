"""Where providers call us: `/webhooks/<channel>` for messages, `/webhooks/<channel>/status` for what became of ours.

The answer is sent after everything was committed. A database that is away gives 503, so that the provider calls again.
"""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError

from channels import registry
from channels.receiving import receive_call
from channels.registry import Channel
from channels.values import Webhook
from kernel import clock
from kernel.bodies import BodyDep
from kernel.errors import AtiendeError, NotFound, Unavailable
from kernel.web import SettingsDep

log = structlog.get_logger(__name__)

router = APIRouter()


def install(app: FastAPI) -> None:
    """Called once by the composition root."""
    webhooks = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    webhooks.state = app.state
    webhooks.include_router(router)
    webhooks.add_exception_handler(AtiendeError, _refuse)
    for lost in (OperationalError, InterfaceError, TimeoutError):
        webhooks.add_exception_handler(lost, _call_again)
    app.mount("/webhooks", webhooks)


def _refuse(http_request: Request, error: Exception) -> Response:
    # In plain words: nobody reads these pages, and a provider only looks at the number.
    assert isinstance(error, AtiendeError)
    log.info("webhook.refused", path=http_request.url.path, status=error.status, why=error.text)
    return PlainTextResponse(f"{error.public_text('en')}\n", status_code=error.status)


def _call_again(http_request: Request, error: Exception) -> Response:
    log.error("webhook.database", error=type(error).__name__)
    return PlainTextResponse("database\n", status_code=503)


def _webhook(http_request: Request, body: BodyDep) -> Webhook:
    scope = http_request.scope
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    return Webhook(
        path=raw_path.split(b"?")[0].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers={name.lower(): value for name, value in http_request.headers.items()},
        body=body,
        received_at=clock.now(),
    )


def _channel(channel_name: str, settings: SettingsDep) -> Channel:
    if channel_name not in registry.CHANNELS:
        raise NotFound("No hay tal canal.")
    found = registry.connected().get(channel_name) or registry.CHANNELS[channel_name](settings)
    if found is None:
        raise Unavailable("El canal {name} no está conectado en esta instalación.", name=channel_name)
    return found


WebhookDep = Annotated[Webhook, Depends(_webhook)]
ChannelDep = Annotated[Channel, Depends(_channel)]


@router.post("/{channel_name}")
@router.post("/{channel_name}/status")
def post_webhook(webhook: WebhookDep, channel: ChannelDep) -> Response:
    channel.verify(webhook)
    receive_call(channel, webhook)
    media_type, body = channel.acknowledge(webhook)
    return Response(body, media_type=media_type)
