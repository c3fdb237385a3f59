"""Scripted callers of the stand-in: one reports a leak at a corner, hears the folio, calls again and hears its state."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from channels.standin.voice.config import VoiceNumber
from intake.calls.line_models import CallRecording
from intake.catalog.models import Jurisdiction
from intake.conversations.dialogue.spoken_numbers import digits_in
from intake.service_requests.models import ServiceRequest
from kernel import db
from kernel.settings import Web
from routing.models import GazetteerPlace, WorkingCalendarRow
from tests.channels.conftest import ANA, make_settings
from tests.channels.servers import Network, center_app, free_socket, serving, standin, standin_config, url_of
from tests.channels.voice.ivr.conftest import CORNER, LEAK
from tests.channels.voice.ivr.test_ways import close
from tests.factories import CITY, SMS_NUMBER

pytestmark = [pytest.mark.database, pytest.mark.journey]


@contextmanager
def city_and_network(tmp_path: Path) -> Iterator[Network]:
    bound = free_socket()
    settings = make_settings().model_copy(update={"web": Web(public_base_url=url_of(bound))})
    with serving(center_app(settings), bound) as url:
        number = VoiceNumber(
            SMS_NUMBER, f"{url}/webhooks/voice", f"{url}/webhooks/voice/fallback", f"{url}/webhooks/voice/status"
        )
        with standin(standin_config(tmp_path / "calls.sqlite", f"{url}/webhooks/sms", voice=number)) as phone:
            yield phone


def heard(phone: Network, *script: dict[str, Any]) -> str:
    """All that was said to the caller."""
    body = {"from": ANA, "to": SMS_NUMBER, "script": list(script), "speed": 20.0}
    answer = phone.client.post("/calls", json=body, timeout=90)
    assert answer.status_code == 201, answer.text
    return " ".join(line["text"] for line in answer.json()["transcript"] if line["who"] != "caller")


def test_a_leak_is_reported_and_asked_after(city_engine: Engine, tmp_path: Path) -> None:
    with db.transaction() as session:
        before = set(session.exec(select(ServiceRequest.id)))
        session.add(
            GazetteerPlace(
                jurisdiction_id=CITY, kind="crossing", name="Avenida Sabinos y Niebla", lon=CORNER[0], lat=CORNER[1],
                precision_m=40,
            )
        )  # fmt: skip
    with city_and_network(tmp_path) as phone:
        told = heard(phone, {"say": LEAK}, {"say": "sí"}, {"wait": 1}, {"hangup": True})
        with Session(city_engine) as session:
            made = session.exec(select(ServiceRequest).where(col(ServiceRequest.id).not_in(before))).one()
        assert made.service_code == "FUGA"
        assert made.folio in digits_in(told)
        told = heard(phone, {"press": "2"}, {"press": made.folio}, {"wait": 1}, {"hangup": True})
        assert made.folio in digits_in(told)
        assert re.search("Aguas de Prueba", told)


@pytest.fixture
def closed_today(city_engine: Engine) -> Iterator[None]:
    """Nobody answers, whatever day it is."""
    with db.transaction() as session:
        close(session, day=f"{datetime.now(UTC) + timedelta(days=3):%a}".lower())
    yield
    with db.transaction() as session:
        session.delete(session.exec(select(WorkingCalendarRow).where(WorkingCalendarRow.code == "contacto")).one())
        city = session.get_one(Jurisdiction, CITY)
        city.settings = {name: value for name, value in city.settings.items() if name != "voice"}
        session.add(city)


@pytest.mark.usefixtures("closed_today")
def test_a_message_is_kept_though_the_network_tells_of_the_end_first(city_engine: Engine, tmp_path: Path) -> None:
    with city_and_network(tmp_path) as phone:
        phone.client.post("/voice/settings", json={"end_first": True})
        told = heard(phone, {"press": "0"}, {"press": "3"}, {"say": "Se cayó un árbol en Niebla"}, {"hangup": True})
        assert "se graba" in told
        [call] = phone.client.get("/calls").json()
        notices = [one["form"] for one in phone.client.get(f"/calls/{call['sid']}/told").json()]
        assert [form["CallStatus"] for form in notices if "CallStatus" in form] == ["completed"]
        with Session(city_engine) as session:
            [made] = session.exec(select(CallRecording))
    assert (made.kind, made.message_id is not None) == ("voicemail", True)
