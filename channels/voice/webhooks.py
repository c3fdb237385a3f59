"""Reading what the provider sends about calls."""

from starlette.requests import Request

from channels.values import Webhook
from kernel import clock


def webhook_of(http_request: Request, body: bytes) -> Webhook:
    """The call as it came: path and query untouched, since they are signed."""
    scope = http_request.scope
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    return Webhook(
        path=raw_path.split(b"?")[0].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers={name.lower(): value for name, value in http_request.headers.items()},
        body=body,
        received_at=clock.now(),
    )
