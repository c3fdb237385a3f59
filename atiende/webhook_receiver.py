"""A receiver of webhooks that people can run: verifies each message as an agency's system should, and prints a line about it."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from standardwebhooks import Webhook, WebhookVerificationError

_MAX_BODY = 1 << 20


def verdict(body: bytes, headers: dict[str, str], secrets: list[str]) -> bool:
    """Whether any of these secrets signed exactly this body, within five minutes."""
    for secret in secrets:
        try:
            Webhook(secret).verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError):  # a signature that is no base64 is a ValueError
            continue
        return True
    return False


class _Handler(BaseHTTPRequestHandler):
    server: "Receiver"

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > _MAX_BODY:
            self.send_error(413)
            return
        body = self.rfile.read(int(length))
        is_genuine = verdict(body, dict(self.headers.items()), self.server.secrets)
        self.send_response(204 if is_genuine else 401)
        self.end_headers()
        self.server.tell(self.headers.get("webhook-id", "-"), is_genuine, body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Receiver(ThreadingHTTPServer):
    """Answers 204 to what is genuine, 401 to the rest."""

    def __init__(self, port: int, secrets: list[str]) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.secrets = secrets

    def tell(self, message_id: str, is_genuine: bool, body: bytes) -> None:
        """A line: verdict, webhook-id, type, sequence, folio."""
        try:
            said = orjson.loads(body)
            data = said.get("data", {})
            facts = [str(said.get("type")), str(data.get("sequence", "-")), str(data.get("service_request_id", "-"))]
        except (orjson.JSONDecodeError, AttributeError):
            facts = ["?", "-", "-"]
        sys.stdout.write("\t".join(["genuine" if is_genuine else "FORGED", message_id, *facts]) + "\n")
        sys.stdout.flush()


def serve(port: int, secrets: list[str]) -> None:
    """Until Ctrl-C."""
    with Receiver(port, secrets) as receiver:
        sys.stderr.write(f"http://127.0.0.1:{receiver.server_port}\n")
        sys.stderr.flush()
        try:
            receiver.serve_forever()
        except KeyboardInterrupt:
            return
