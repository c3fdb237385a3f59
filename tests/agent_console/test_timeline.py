from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from agent_console.message_entries import DELIVERY
from agent_console.timeline import Day, story
from intake.conversations.delivery_states import _RANKS
from intake.conversations.models import Message
from intake.service_requests.models import Report, ServiceRequestEvent

NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)  # Thursday 13:00 in Mexico City
ZONE = "America/Mexico_City"
REQUEST, THREAD = uuid4(), uuid4()


def _event(name: str, at: datetime = NOW, **values: Any) -> ServiceRequestEvent:
    defaults: dict[str, Any] = {"audience": "public", "actor_kind": "system"}
    return ServiceRequestEvent(service_request_id=REQUEST, name=name, at=at, **(defaults | values))


def _message(status: str, direction: str = "outbound", at: datetime = NOW, **values: Any) -> Message:
    return Message(
        conversation_id=THREAD,
        channel="sms",
        direction=direction,
        status=status,
        at=at,
        changed_at=at,
        body="Hola",
        **values,
    )


def _report(**values: Any) -> Report:
    return Report(service_request_id=REQUEST, **({"channel": "phone", "words": "Hay un bache", "at": NOW} | values))


def _tell(*things: Any, language: str = "es", now: datetime = NOW) -> list[Day]:
    return story(
        [t for t in things if isinstance(t, ServiceRequestEvent)],
        [t for t in things if isinstance(t, Message)],
        [t for t in things if isinstance(t, Report)],
        people={THREAD: "55 •••• 5678"},
        timezone=ZONE,
        language=language,
        now=now,
    )


def test_days_are_those_of_the_city() -> None:
    late = datetime(2026, 11, 19, 5, 30, tzinfo=UTC)  # still Wednesday in the city
    days = _tell(_event("submitted", late, data={"channel": "web"}), _message("delivered", author_kind="notice"))
    assert [day.name for day in days] == ["miércoles 18 de noviembre", "hoy, jueves 19 de noviembre"]
    assert [time for day in days for time, _ in day.entries] == ["23:30", "13:00"]


def test_what_was_said_comes_before_what_was_done_at_the_same_instant() -> None:
    [day] = _tell(_event("submitted", data={"channel": "phone"}), _report())
    assert [entry.text for _, entry in day.entries] == ["Hay un bache", ""]
    assert day.entries[0][1].how == "Reporte por llamada"
    assert day.entries[1][1].how == "Folio creado, llegó por llamada"


def test_words_that_came_as_messages_are_told_once() -> None:
    [day] = _tell(_report(conversation_id=THREAD), _message("handled", "inbound"))
    assert len(day.entries) == 1
    assert day.entries[0][1].who == "55 •••• 5678"


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("status", sorted(_RANKS))
def test_every_state_of_delivery_is_said_in_words(status: str, language: str) -> None:
    [day] = _tell(_message(status, author_kind="agent", author_name="Amir"), language=language)
    [(_, entry)] = day.entries
    assert entry.how.startswith("SMS, ")
    assert status not in entry.how.split() or language == "en"
    assert bool(entry.message_id) is (status == "uncertain")
    assert entry.is_bad is (status in ("uncertain", "undelivered", "failed", "suppressed"))
    assert set(DELIVERY) == set(_RANKS)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"life": "in_progress", "before": "new"}, "Pasó a «En proceso»"),
        ({"life": "closed", "outcome_code": "private_property"}, "Cerrado: Es propiedad privada"),
    ],
)
def test_a_change_of_status_is_told_with_its_note(data: dict[str, str], words: str) -> None:
    event = _event("status_changed", actor_kind="agency", actor_name="Aguas", note="Fuimos.", data=data)
    [(_, entry)] = _tell(event)[0].entries
    assert (entry.who, entry.how, entry.text, entry.css) == ("Aguas", words, "Fuimos.", "b")
    assert entry.audience == ("Público", "web")


def test_routing_and_placing_are_told() -> None:
    due = (NOW + timedelta(days=8)).isoformat()
    [day] = _tell(
        _event("placed", audience="internal", data={"placed": True, "label": "El Carmen", "precision_m": 800}),
        _event("routed", data={"agency_code": "A", "agency_name": "Aguas", "expected_at": due}),
        _event("routed", data={"agency_code": "A", "agency_name": "Aguas", "expected_at": None}),
        _event("something_new_from_another_release"),
    )
    assert [entry.how for _, entry in day.entries] == [
        "Ubicado por sus palabras en El Carmen (±800 m)",
        "Le toca a Aguas, a más tardar el viernes 27 de noviembre",
        "Le toca a Aguas",
    ]
