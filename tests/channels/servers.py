"""The stand-in and our webhooks as real servers on loopback, in threads of the test."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from channels.standin.app import create_app
from channels.standin.config import StandinConfig
from channels.webhooks import install
from kernel.settings import Settings
from tests.channels.conftest import ACCOUNT, TOKEN, WHATSAPP_NUMBER
from tests.factories import SMS_NUMBER


def free_socket() -> socket.socket:
    """Bound to a free port of loopback."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", 0))
    return made


def url_of(bound: socket.socket) -> str:
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def serving(app: FastAPI, bound: socket.socket) -> Iterator[str]:
    """Serves `app` until the block ends."""
    config = uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=2, http="h11")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    yield url_of(bound)
    server.should_exit = True
    thread.join(10)
    bound.close()


def eventually(claim: Callable[[], Any], within_s: float = 10.0) -> Any:
    """The first true value of `claim()`. Fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        value = claim()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def center_app(settings: Settings) -> FastAPI:
    """Only our webhooks."""
    app = FastAPI()
    app.state.settings = settings
    install(app)
    return app


def standin_config(state: Path, webhook_url: str, **more: Any) -> StandinConfig:
    values: dict[str, Any] = {"auth_token": TOKEN, "account_sid": ACCOUNT, "number": SMS_NUMBER, "timeout_s": 5.0}
    values |= {
        "whatsapp_number": WHATSAPP_NUMBER,
        "whatsapp_webhook_url": webhook_url.removesuffix("/sms") + "/whatsapp",
    }
    return StandinConfig(webhook_url=webhook_url, state=state, **(values | more))


class Network:
    """A running stand-in as a test sees it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, auth=(ACCOUNT, TOKEN), timeout=10, trust_env=False)
        self.messages_path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"

    def switch(self, **values: Any) -> None:
        assert self.client.post("/settings", json=values).status_code == 200

    def texts(self, direction: str = "outbound") -> list[dict[str, str]]:
        carried = self.client.get("/messages.json").json()
        return [text for text in carried if text["direction"] == direction]

    def write(self, phone: str, body: str) -> str:
        answer = self.client.post(f"/phones/{phone}/messages", json={"body": body})
        assert answer.status_code == 201
        sid: str = answer.json()["sid"]
        return sid

    def whatsapp(self, user: str, **fields: Any) -> str:
        """A WhatsApp user does something: words, a press, a place, files."""
        answer = self.client.post(f"/whatsapp/{user}/messages", json=fields)
        assert answer.status_code == 201, answer.text
        sid: str = answer.json()["sid"]
        return sid

    def send(self, **form: str) -> httpx.Response:
        return self.client.post(self.messages_path, data=form)


@contextmanager
def standin(config: StandinConfig, bound: socket.socket | None = None) -> Iterator[Network]:
    bound = bound or free_socket()
    with serving(create_app(replace(config, own_url=url_of(bound))), bound) as url:
        network = Network(url)
        yield network
        network.client.close()
