"""POST servicerequestupdates: sent twice or out of order, said in any of FixMyStreet's words, with everything its forms carry."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from fastapi import FastAPI
from sqlalchemy import Engine, text
from sqlmodel import Session, select
from starlette.testclient import TestClient

from intake.catalog import keys
from intake.open311.update_words import MEANING, said, step
from intake.service_requests import actions, lifecycle
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.rule_models import ReturnedRequest
from intake.service_requests.values import Actor
from kernel import db
from kernel.crypto import Vault
from tests.conftest import make_database
from tests.factories import CITY, NOW, make_city
from tests.intake.open311.asking import errors_of, form, posted, read
from tests.intake.open311.conftest import make_app
from tests.intake.open311.test_updates import state, update

LIVES = tuple(lifecycle.TRANSITIONS)


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def agency_key(client: TestClient, session: Session) -> str:
    return keys.create(session, CITY, "Sistema de la Alcaldía Norte", agency_code="ALC-N", now=NOW)


@pytest.mark.parametrize("word", MEANING)
@pytest.mark.parametrize("life", LIVES)
def test_no_word_asks_for_a_step_that_the_life_of_a_request_does_not_have(word: str, life: str) -> None:
    target, _ = step(life, "resolved" if life == lifecycle.CLOSED else None, word)
    if target is not None:
        lifecycle.check_change(life, *target)


@pytest.mark.parametrize("word", MEANING)
def test_a_word_that_moved_the_request_comes_out_as_it_went_in(word: str) -> None:
    target, _ = step(lifecycle.CLOSED if word in ("OPEN", "REOPEN") else lifecycle.NEW, "resolved", word)
    life, outcome = target or (lifecycle.NEW, None)
    shown = said({"external_status": word, "life": life, "outcome_code": outcome}, life, outcome)
    assert shown == {"OPEN": "open", "REOPEN": "open", "UNCHANGED": "open"}.get(word, word.lower())


@pytest.mark.parametrize("outcome", lifecycle.OUTCOMES)
def test_each_outcome_has_a_word_that_means_closed(outcome: str) -> None:
    shown = said({}, lifecycle.CLOSED, outcome)
    assert shown.upper() in MEANING
    assert shown not in ("open", "in_progress")


@pytest.mark.database
def test_everything_that_fixmystreet_sends_is_taken_and_nothing_private_is_kept(
    client: TestClient, session: Session, agency_key: str, clock: Any, fmt: str
) -> None:
    folio = posted(client)
    private = {
        "email": "rosa@correo.mx",
        "phone": "55 1234 5678",
        "first_name": "Rosa",
        "last_name": "-",
        "title": "MS",
        "account_id": "A-77",
        "service_code": "BACHE",
        "email_alerts_requested": "TRUE",
        "public_anonymity_required": "FALSE",
        "attribute[fixmystreet_id]": "901",
    }
    pictures = ["https://fotos.example/1.jpg", "https://fotos.example/2.jpg"]
    sent = update(agency_key, folio, media_url=pictures) | private
    answer = client.post(f"servicerequestupdates.{fmt}", data=sent)
    assert [list(item) for item in read(answer, fmt)] == [["update_id"]]
    feed = client.get(f"servicerequestupdates.{fmt}")
    stored = session.connection().execute(text("SELECT e::text FROM service_request_event e")).scalars().all()
    for value in ("rosa@correo.mx", "1234 5678", "Rosa", "A-77"):
        assert value not in feed.text
        assert not [row for row in stored if value in row]
    if fmt == "json":
        assert feed.json()[0]["media_url"] == pictures
    else:
        assert "".join(f"<media_url>{url}</media_url>" for url in pictures) in feed.text


@pytest.mark.database
def test_one_picture_is_one_address_and_what_is_no_address_is_refused(
    client: TestClient, agency_key: str, fmt: str
) -> None:
    folio = posted(client)
    bad = update(agency_key, folio, media_url="javascript:alert(1)")
    (problem,) = errors_of(client.post(f"servicerequestupdates.{fmt}", data=bad), fmt, 400)
    assert "media_url" in problem
    client.post(f"servicerequestupdates.{fmt}", data=update(agency_key, folio, media_url="https://fotos.example/1.jpg"))
    (item,) = read(client.get(f"servicerequestupdates.{fmt}"), fmt)
    assert item["media_url"] == "https://fotos.example/1.jpg"


@pytest.mark.database
def test_an_update_that_comes_late_moves_nothing_and_is_kept(
    client: TestClient, session: Session, agency_key: str, fmt: str
) -> None:
    folio = posted(client)
    closed = update(agency_key, folio, update_id="2", status="FIXED", updated_datetime="2026-11-19T12:30:00-06:00")
    client.post(f"servicerequestupdates.{fmt}", data=closed)
    late = update(agency_key, folio, update_id="1", updated_datetime="2026-11-19T12:00:00-06:00")
    (answer,) = read(client.post(f"servicerequestupdates.{fmt}", data=late), fmt)
    assert "nota" in answer["service_notice"]
    assert state(session, folio) == ("closed", "resolved")
    notes = session.exec(select(ServiceRequestEvent.note).where(ServiceRequestEvent.name == "noted")).all()
    assert list(notes) == ["Va la cuadrilla"]
    (again,) = read(client.post(f"servicerequestupdates.{fmt}", data=late), fmt)
    assert again == answer
    newer = update(agency_key, folio, update_id="3", updated_datetime="2026-11-19T12:40:00-06:00")
    (answer,) = read(client.post(f"servicerequestupdates.{fmt}", data=newer), fmt)
    assert list(answer) == ["update_id"]
    assert state(session, folio) == ("reopened", None)


@pytest.mark.database
def test_what_a_person_closed_is_not_opened_by_what_was_said_before(
    client: TestClient, session: Session, agency_key: str, clock: Any
) -> None:
    folio = posted(client)
    row = session.exec(select(ServiceRequest)).one()
    actions.change_status(
        session, row.id, life="closed", outcome_code="not_found", note="Fuimos", actor=Actor("agent", "Amir"), now=NOW
    )
    before = update(agency_key, folio, updated_datetime=(NOW - timedelta(hours=1)).isoformat())
    (answer,) = client.post("servicerequestupdates.json", data=before).json()
    assert "service_notice" in answer
    assert state(session, folio) == ("closed", "not_found")


@pytest.mark.database
def test_a_clock_that_runs_ahead_does_not_silence_its_system(
    client: TestClient, session: Session, agency_key: str, clock: Any
) -> None:
    folio = posted(client)
    client.post("servicerequestupdates.json", data=update(agency_key, folio, updated_datetime="2099-01-01T00:00:00Z"))
    clock.shift(timedelta(minutes=5))
    right = update(agency_key, folio, update_id="78", status="FIXED", updated_datetime="2026-11-19T19:04:00Z")
    client.post("servicerequestupdates.json", data=right)
    assert state(session, folio) == ("closed", "resolved")
    (_, last) = client.get("servicerequestupdates.json").json()
    assert last["updated_datetime"] < "2026-11-20", "the caller's clock is never the feed's"


@pytest.mark.database
def test_another_outcome_of_a_closed_request_is_kept_and_told(
    client: TestClient, session: Session, agency_key: str
) -> None:
    folio = posted(client)
    client.post("servicerequestupdates.json", data=update(agency_key, folio, status="FIXED"))
    other = update(agency_key, folio, update_id="78", status="DUPLICATE", description="Ya estaba")
    (answer,) = client.post("servicerequestupdates.json", data=other).json()
    assert "cerrado" in answer["service_notice"]
    assert state(session, folio) == ("closed", "resolved")
    assert client.get("servicerequestupdates.json").json()[-1]["status"] == "fixed"


@pytest.mark.database
def test_what_is_not_theirs_goes_back_to_the_desk(client: TestClient, session: Session, agency_key: str) -> None:
    folio = posted(client)
    client.post("servicerequestupdates.json", data=update(agency_key, folio, status="NOT_COUNCILS_RESPONSIBILITY"))
    row = session.exec(select(ServiceRequest)).one()
    assert (row.life, row.handover) == ("new", "returned")
    assert client.get("servicerequestupdates.json").json()[0]["status"] == "not_councils_responsibility"


@pytest.mark.database
def test_a_retry_after_the_request_went_elsewhere_is_still_the_first_id(
    client: TestClient, session: Session, agency_key: str
) -> None:
    folio = posted(client)
    first = client.post("servicerequestupdates.json", data=update(agency_key, folio)).json()
    row = session.exec(select(ServiceRequest)).one()
    row.agency_code = "ALC-S"
    session.flush()
    assert client.post("servicerequestupdates.json", data=update(agency_key, folio)).json() == first
    new = client.post("servicerequestupdates.json", data=update(agency_key, folio, update_id="78"))
    assert new.status_code == 404


@pytest.mark.database
def test_the_clients_own_key_is_one_update_for_good(
    client: TestClient, session: Session, agency_key: str, clock: Any, fmt: str
) -> None:
    folio, other = posted(client), posted(client, description="Otro hoyo")
    headers = {"Idempotency-Key": "k-1"}
    first = client.post(f"servicerequestupdates.{fmt}", data=update(agency_key, folio), headers=headers)
    clock.shift(timedelta(days=3 * 365))
    again = client.post(f"servicerequestupdates.{fmt}", data=update(agency_key, other, update_id="99"), headers=headers)
    assert (again.status_code, again.content) == (200, first.content)
    second = keys.create(session, CITY, "Otro sistema", agency_code="ALC-N", now=NOW)
    theirs = client.post(f"servicerequestupdates.{fmt}", data=update(second, other), headers=headers)
    assert theirs.content != first.content, "the key is the client's own"
    long = client.post(
        f"servicerequestupdates.{fmt}", data=update(agency_key, folio), headers={"Idempotency-Key": "k" * 256}
    )
    assert long.status_code == 400


@pytest.fixture
def own_city(request: pytest.FixtureRequest, vault: Vault) -> Iterator[tuple[Engine, FastAPI]]:
    """A committed city and an application that several threads may call at once."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    engine = db.make_engine(make_database(f"test_updating_{worker}"))
    db.configure(engine)
    with Session(engine) as session, session.begin():
        make_city(session)
    yield engine, make_app()
    db.configure(None)
    engine.dispose()


def at_once(app: FastAPI, path: str, forms: list[dict[str, Any]], **headers: str) -> list[tuple[int, Any]]:
    """The answers to these forms, posted in the same moment."""
    gate = threading.Barrier(len(forms))
    answers: list[tuple[int, Any]] = []

    def post(fields: dict[str, Any]) -> None:
        with TestClient(app, base_url="http://testserver/open311/v2/") as client:
            gate.wait()
            response = client.post(path, data=fields, headers=headers)
            answers.append((response.status_code, response.json()))

    threads = [threading.Thread(target=post, args=(fields,)) for fields in forms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


@pytest.mark.database
@pytest.mark.parametrize("with_key", [False, True], ids=["update_id", "idempotency_key"])
def test_the_same_update_eight_times_at_once_is_one_comment(own_city: tuple[Engine, FastAPI], with_key: bool) -> None:
    engine, app = own_city
    with Session(engine) as session, session.begin():
        key = keys.create(session, CITY, "Norte", agency_code="ALC-N", now=NOW)
    with TestClient(app, base_url="http://testserver/open311/v2/") as client:
        folio = posted(client)
    forms = [update(key, folio, update_id=str(number) if with_key else "77") for number in range(8)]
    headers = {"Idempotency-Key": "una"} if with_key else {}
    answers = at_once(app, "servicerequestupdates.json", forms, **headers)
    assert {status for status, _ in answers} == {200}
    assert len({str(body) for _, body in answers}) == 1
    with Session(engine) as session:
        events = session.exec(select(ServiceRequestEvent).where(ServiceRequestEvent.actor_kind == "agency")).all()
    assert len(events) == 1


@pytest.mark.database
@pytest.mark.parametrize("differ", [False, True], ids=["same_form", "different_forms"])
def test_one_idempotency_key_eight_times_at_once_is_one_request(own_city: tuple[Engine, FastAPI], differ: bool) -> None:
    engine, app = own_city
    forms = [form(description=f"Hoyo {number if differ else 0}") for number in range(8)]
    answers = at_once(app, "requests.json", forms, **{"Idempotency-Key": "una"})
    assert {status for status, _ in answers} == {200}
    assert len({body[0]["service_request_id"] for _, body in answers}) == 1
    with Session(engine) as session:
        assert len(session.exec(select(ServiceRequest)).all()) == 1


@pytest.mark.database
def test_an_idempotency_key_is_good_for_years_and_for_one_key_only(
    client: TestClient, session: Session, agency_key: str, clock: Any
) -> None:
    headers = {"Idempotency-Key": "una"}
    first = client.post("requests.json", data=form(), headers=headers).json()
    clock.shift(timedelta(days=5 * 365))
    again = client.post("requests.json", data=form(description="Otra cosa"), headers=headers).json()
    assert again[0]["service_request_id"] == first[0]["service_request_id"]
    theirs = client.post("requests.json", data=form(api_key=agency_key), headers=headers).json()
    assert theirs[0]["service_request_id"] != first[0]["service_request_id"]
    assert len(session.exec(select(ServiceRequest)).all()) == 2


@pytest.mark.database
def test_what_an_agency_gives_back_says_whose_it_may_be(client: TestClient, session: Session, agency_key: str) -> None:
    folio = posted(client)
    refused = update(agency_key, folio, status="NOT_COUNCILS_RESPONSIBILITY", suggested_agency="NADIE")
    answer = client.post("servicerequestupdates.json", data=refused)
    assert answer.status_code == 400
    assert "NADIE" in answer.json()[0]["description"]
    sent = refused | {"suggested_agency": "AGUAS"}
    ids = {client.post("servicerequestupdates.json", data=sent).json()[0]["update_id"] for _ in range(2)}
    kept = session.exec(select(ReturnedRequest)).one()
    assert {str(kept.event_id)} == ids
    assert (kept.agency_code, kept.suggested_agency_code, kept.rule_code) == ("ALC-N", "AGUAS", "NORTE-1")
    assert kept.state == "proposed"
