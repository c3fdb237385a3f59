"""An installation with an SMS account, and the provider's signature made by its own recipe."""

import base64
import hmac
import json
from collections.abc import Iterator, Sequence
from hashlib import sha1
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import Engine, text
from sqlmodel import Session

import atiende.schema  # noqa: F401  as a composition root does
from channels import registry
from channels.webhooks import install
from kernel import db
from kernel.crypto import Vault
from kernel.settings import Email, Secrets, Settings, Sms, Telegram, Web, Whatsapp
from tests.conftest import make_database
from tests.factories import SMS_NUMBER, make_city

BASE_URL = "https://311.prueba.gob.example"
ACCOUNT = "AC" + "0" * 32
TOKEN = "12345"
NEXT_TOKEN = "67890"
ANA = "+525512345678"
WHATSAPP_NUMBER = "+525500000312"


# Nothing listens on port 1.
EMAIL = Email(
    address="311@prueba.gob.example",
    imap_host="127.0.0.1",
    imap_port=1,
    imap_user="centro",
    imap_password=SecretStr("secreto"),
    imap_security="none",
    smtp_host="127.0.0.1",
    smtp_port=1,
    smtp_security="none",
)


BOT_TOKEN = "7300000311:AAtestTESTtestTESTtestTESTtestTEST01"
BOT_SECRET = "secreto-de-prueba_1"
NEXT_BOT_SECRET = "secreto-de-prueba_2"
BOT = "prueba311_bot"


def make_settings(**sms: Any) -> Settings:
    """With one Twilio account for all that goes over it, changed as given."""
    values: dict[str, Any] = {"account_sid": ACCOUNT, "auth_token": SecretStr(TOKEN), "number": SMS_NUMBER}
    # Where messages go, definitions of buttons go too.
    content = {"content_base_url": sms["api_base_url"]} if "api_base_url" in sms else {}
    return Settings(
        secrets=Secrets.model_construct(data_key=b"d" * 32, lookup_key=b"l" * 32, session_key=b"s" * 32),
        web=Web(public_base_url=BASE_URL),
        sms=Sms(**(values | sms)),
        email=EMAIL,
        whatsapp=Whatsapp(**(values | {"number": WHATSAPP_NUMBER} | content | sms)),
        channels=settings_of_samples(),
        telegram=make_bot(**({"api_base_url": sms["api_base_url"]} if "api_base_url" in sms else {})),
    )


def settings_of_samples() -> dict[str, dict[str, SecretStr]]:
    """Of channels without a group of settings of their own: `samples/settings.json` is what their samples are signed for."""
    found = (Path(__file__).resolve().parents[2] / "channels").glob("*/samples/settings.json")
    return {
        path.parents[1].name: {key: SecretStr(value) for key, value in json.loads(path.read_text()).items()}
        for path in found
    }


def make_bot(**more: Any) -> Telegram:
    values: dict[str, Any] = {
        "bot_token": SecretStr(BOT_TOKEN),
        "secret_token": SecretStr(BOT_SECRET),
        "next_secret_token": SecretStr(NEXT_BOT_SECRET),
        "bot_username": BOT,
    }
    return Telegram(**(values | more))


def sign(url: str, pairs: Sequence[tuple[str, str]], token: str = TOKEN) -> str:
    """Twilio's recipe, written from its description and not from its helper."""
    text = url + "".join(name + value for name, value in sorted(set(pairs)))
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), sha1)).decode()


def inbound(sid: str = "SM1", body: str = "hay un bache", **more: str) -> list[tuple[str, str]]:
    values = {
        "MessageSid": sid,
        "SmsSid": sid,
        "AccountSid": ACCOUNT,
        "From": ANA,
        "To": SMS_NUMBER,
        "Body": body,
        "NumMedia": "0",
        "NumSegments": "1",
    }
    return list((values | more).items())


def receipt(sid: str, status: str, **more: str) -> list[tuple[str, str]]:
    values = {"MessageSid": sid, "AccountSid": ACCOUNT, "From": SMS_NUMBER, "To": ANA, "MessageStatus": status}
    return list((values | more).items())


class Provider:
    """Calls our webhooks the way Twilio does."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def post(
        self,
        pairs: Sequence[tuple[str, str]],
        path: str = "/webhooks/sms",
        *,
        token: str = TOKEN,
        signed_url: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        signature = sign(signed_url or BASE_URL + path, pairs, token)
        return self.client.post(
            path,
            content=urlencode(pairs),
            headers={
                "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
                "X-Twilio-Signature": signature,
                **(headers or {}),
            },
        )


@pytest.fixture(scope="session")
def city_database(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database of its own with the tiny city committed."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    engine = db.make_engine(make_database(f"channels_{worker}"))
    with Session(engine) as session:
        make_city(session)
        session.commit()
    yield engine
    engine.dispose()


@pytest.fixture
def city_engine(city_database: Engine, vault: Vault) -> Iterator[Engine]:
    """The process's database for tests with many connections: the tiny city, and nobody has written yet."""
    with city_database.begin() as connection:
        connection.execute(text("TRUNCATE person, outbox_event, inbound_payload CASCADE"))
    db.configure(city_database)
    yield city_database
    db.configure(None)


@pytest.fixture
def settings() -> Settings:
    return make_settings()


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    app = FastAPI()
    app.state.settings = settings
    install(app)
    registry.connect(settings)
    with TestClient(app) as client:
        yield Provider(client)
    registry.disconnect()
