"""The page of the city that the stand-in shows: another site than the centre, with the chat's one line in it."""

from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from channels.standin.app import create_app
from channels.standin.config import StandinConfig, from_environ
from kernel.i18n import translate
from tests.channels.servers import standin_config


@pytest.fixture
def config(tmp_path: Path) -> StandinConfig:
    made = standin_config(tmp_path / "state.sqlite3", "http://127.0.0.1:1/webhooks/sms")
    return replace(made, chat_url="https://311.prueba.example/chat", city_id="prueba.gob.example", city_name="Prueba")


@pytest.mark.parametrize("language", ["es", "en"])
def test_it_embeds_the_chat_by_one_line_and_links_to_it(config: StandinConfig, language: str) -> None:
    page = TestClient(create_app(config)).get(f"/chat/ejemplo?lang={language}").text
    line = '<script src="https://311.prueba.example/chat/widget.js" data-city="prueba.gob.example" async></script>'
    assert line in page
    assert '<a href="https://311.prueba.example/chat" data-atiende-chat>' in page
    assert translate(language, "Sabinos estrena banquetas este otoño") in page


def test_without_a_centre_there_is_no_such_page(config: StandinConfig) -> None:
    assert TestClient(create_app(replace(config, chat_url=""))).get("/chat/ejemplo").status_code == 404


def test_it_finds_the_chat_of_its_installation(tmp_path: Path) -> None:
    given = {
        "ATIENDE_DATA": str(tmp_path),
        "ATIENDE_WEB_PUBLIC_BASE_URL": "https://311.prueba.example/",
        "ATIENDE_SMS_AUTH_TOKEN": "t",
        "ATIENDE_SMS_ACCOUNT_SID": "AC0",
        "ATIENDE_SMS_NUMBER": "+525500000311",
    }
    assert from_environ(given).chat_url == "https://311.prueba.example/chat"
