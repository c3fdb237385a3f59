"""The webhooks of rooms: each is checked, and answered with what `conference.py` says."""

from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.twilio_api import reading
from channels.voice.account import account_of
from channels.voice.conference import DOCUMENTS, Told
from channels.voice.webhooks import webhook_of
from kernel.bodies import with_body
from kernel.settings import Settings


def _endpoint(document: Callable[[Told], str]) -> Callable[[Request, bytes], Response]:
    def handle(http_request: Request, body: bytes) -> Response:
        settings: Settings = http_request.app.state.settings
        webhook = webhook_of(http_request, body)
        account_of(settings).verify(webhook)
        told = Told(
            reading.parameters_of(webhook),
            dict(parse_qsl(webhook.query)),
            settings.web.public_base_url,
            webhook.received_at,
        )
        return Response(document(told), media_type="text/xml")

    return handle


ROUTES = [
    Route(f"/voice/{name}", with_body(_endpoint(document)), methods=["POST"]) for name, document in DOCUMENTS.items()
]
