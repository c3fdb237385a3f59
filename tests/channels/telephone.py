"""A centre that answers calls with the documents a test gives it, and the stand-in's telephone in front of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
import httpx
from fastapi import FastAPI, Request, Response
from twilio.request_validator import RequestValidator

from channels.standin.voice.config import VoiceNumber
from tests.channels.conftest import ACCOUNT, ANA, TOKEN
from tests.channels.servers import Network, eventually, free_socket, serving, standin, standin_config

VOICE_NUMBER = "+525500000313"
Answer = str | int | bytes | Callable[[dict[str, str]], "str | int"]


class Exchange:
    """`documents`: the inside of <Response> for each path, or a status, or what makes it of the form."""

    def __init__(self) -> None:
        self.documents: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.told: list[tuple[str, dict[str, str]]] = []
        self.forged: list[str] = []
        self.url = ""
        self.phone: Network
        self.closing = ExitStack()
        self.app = FastAPI()

        @self.app.api_route("/{path:path}", methods=["GET", "POST"])
        async def answer(http_request: Request) -> Response:
            form = {name: str(value) for name, value in (await http_request.form()).items()}
            form_or_query = form or dict(http_request.query_params)
            path = http_request.url.path
            url = self.url + path + (f"?{http_request.url.query}" if http_request.url.query else "")
            signature = http_request.headers.get("x-twilio-signature", "")
            if path.endswith(".mp3"):
                return Response(status_code=404)
            if not RequestValidator(TOKEN).validate(url, form, signature):
                self.forged.append(url)
            if path.startswith("/told"):
                self.told.append((path, form))
                return Response(status_code=204)
            self.asked.append((path, form_or_query))
            document = self.documents.get(path, 404)
            made = await anyio.to_thread.run_sync(document, form_or_query) if callable(document) else document
            if isinstance(made, int):
                return Response(status_code=made)
            if isinstance(made, bytes):
                return Response(made, media_type="text/xml")
            return Response(f"<Response>{made}</Response>", media_type="text/xml")

    def call(self, *script: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The finished call; or the one that goes on with `async=True`."""
        body = {"from": ANA, "to": VOICE_NUMBER, "script": list(script), "speed": 20.0} | more
        answer = self.phone.client.post("/calls", json=body, timeout=60)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def look(self, sid: str) -> dict[str, Any]:
        found: dict[str, Any] = self.phone.client.get(f"/calls/{sid}").json()
        return found

    def until(self, sid: str, claim: Callable[[dict[str, Any]], Any], within_s: float = 10) -> dict[str, Any]:
        """The call as soon as the claim holds."""
        eventually(lambda: claim(self.look(sid)), within_s)
        return self.look(sid)

    def forms(self, path: str) -> list[dict[str, str]]:
        return [form for asked, form in self.asked if asked == path]

    def rest(self, method: str, path: str, **form: Any) -> httpx.Response:
        return self.phone.client.request(method, f"/2010-04-01/Accounts/{ACCOUNT}{path}", data=form or None)

    def twilio(self) -> Any:
        """python-twilio's own client, led to the stand-in as an installation leads it."""
        from twilio.http.http_client import TwilioHttpClient
        from twilio.rest import Client

        base = self.phone.url

        class Led(TwilioHttpClient):
            def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
                parts = urlsplit(url)
                query = f"?{parts.query}" if parts.query else ""
                return super().request(method, base + parts.path + query, *args, **kwargs)

        carrier = Led()
        self.closing.callback(carrier.session.close)
        return Client(ACCOUNT, TOKEN, http_client=carrier)


@contextmanager
def telephone(state: Path, **config: Any) -> Iterator[Exchange]:
    center = Exchange()
    with serving(center.app, free_socket()) as url, center.closing:
        center.url = url
        number = VoiceNumber(VOICE_NUMBER, f"{url}/voice", f"{url}/fallback", f"{url}/told/number")
        with standin(standin_config(state, f"{url}/sms", voice=number, **config)) as phone:
            center.phone = phone
            yield center
