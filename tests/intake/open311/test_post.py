"""POST requests, in both formats."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import text
from sqlmodel import Session, select
from starlette.testclient import TestClient

from intake.catalog import keys
from intake.catalog.models import ApiKey, Jurisdiction
from intake.people.models import ContactPoint, Person
from intake.service_requests import actions
from intake.service_requests.models import Report, ServiceRequest
from intake.service_requests.publishing import publish_texts
from intake.service_requests.values import Actor
from kernel.folio import is_valid
from kernel.outbox import OutboxEvent
from tests.factories import API_KEY, IN_NORTE, NOW, OUTSIDE, make_city
from tests.intake.open311.asking import errors_of, form, posted, read

pytestmark = pytest.mark.database


def made(session: Session) -> list[ServiceRequest]:
    return list(session.exec(select(ServiceRequest)))


def test_a_report_gets_an_id_a_notice_and_nothing_else(client: TestClient, session: Session, fmt: str) -> None:
    response = client.post(f"requests.{fmt}", data=form())
    assert response.status_code == 200
    (answer,) = read(response, fmt)
    assert list(answer) == ["service_request_id", "service_notice", "account_id"]
    assert is_valid(answer["service_request_id"])
    assert "Alcaldía Norte" in answer["service_notice"]
    assert answer["account_id"] is None
    (kept,) = made(session)
    assert (kept.folio, kept.channel, kept.agency_code) == (answer["service_request_id"], "open311", "ALC-N")
    assert (kept.lon, kept.lat) == IN_NORTE


def test_a_batch_service_answers_a_token_that_becomes_an_id(client: TestClient, fmt: str) -> None:
    data = form(service_code="LUMINARIA") | {"attribute[TIPO_FALLA]": "apagada"}
    (answer,) = read(client.post(f"requests.{fmt}", data=data), fmt)
    assert list(answer) == ["token", "service_notice", "account_id"]
    (resolved,) = read(client.get(f"tokens/{answer['token']}.{fmt}"), fmt)
    assert resolved["token"] == answer["token"]
    assert is_valid(resolved["service_request_id"])
    (shown,) = read(client.get(f"requests/{resolved['service_request_id']}.{fmt}"), fmt)
    assert shown["service_code"] == "LUMINARIA"


@pytest.mark.parametrize("token", ["t-nothing", "%00", "2648173056"])
def test_an_unknown_token_is_not_found(client: TestClient, fmt: str, token: str) -> None:
    errors_of(client.get(f"tokens/{token}.{fmt}"), fmt, 404)


def test_a_blackbox_service_answers_neither_and_is_never_listed(client: TestClient, session: Session, fmt: str) -> None:
    (answer,) = read(client.post(f"requests.{fmt}", data=form(service_code="RUIDO")), fmt)
    assert list(answer) == ["service_notice", "account_id"]
    (kept,) = made(session)
    assert read(client.get(f"requests.{fmt}"), fmt) == []
    errors_of(client.get(f"requests/{kept.folio}.{fmt}"), fmt, 404)


@pytest.mark.parametrize("key", [None, "", "wrong", "test-key2", "ñandú", "\x00"])
def test_a_bad_key_is_403_and_is_not_echoed(client: TestClient, session: Session, fmt: str, key: str | None) -> None:
    (text,) = errors_of(client.post(f"requests.{fmt}", data=form(api_key=key)), fmt, 403)
    assert not key or key not in text
    assert made(session) == []


def test_a_disabled_key_and_another_city_s_key_are_403(client: TestClient, session: Session, fmt: str) -> None:
    theirs = make_city(session, "vecina.gob.example", sms_number=None)
    foreign = keys.create(session, theirs.id, "otra", now=NOW)
    data = form(jurisdiction_id="prueba.gob.example")
    errors_of(client.post(f"requests.{fmt}", data=data | {"api_key": foreign}), fmt, 403)
    key = session.exec(select(ApiKey).where(ApiKey.jurisdiction_id == "prueba.gob.example")).one()
    keys.disable(session, key.id, now=NOW)
    errors_of(client.post(f"requests.{fmt}", data=data), fmt, 403)


@pytest.mark.parametrize("how", ["query", "bearer", "BEARER", "form"])
def test_the_key_travels_in_form_query_or_header(client: TestClient, how: str) -> None:
    query = f"?api_key={API_KEY}" if how == "query" else ""
    headers = {"Authorization": f"{how.title()} {API_KEY}"} if how.lower() == "bearer" else {}
    data = form() if how == "form" else form(api_key=None)
    assert client.post(f"requests.json{query}", data=data, headers=headers).status_code == 200


def test_several_cities_need_a_jurisdiction_in_form_or_query(client: TestClient, session: Session, fmt: str) -> None:
    make_city(session, "vecina.gob.example", sms_number=None)
    (text,) = errors_of(client.post(f"requests.{fmt}", data=form(api_key="wrong")), fmt, 400)
    assert "jurisdiction_id" in text, "the jurisdiction is looked at before the key"
    errors_of(client.post(f"requests.{fmt}", data=form(jurisdiction_id="nadie.example")), fmt, 404)
    in_form = client.post(f"requests.{fmt}", data=form(jurisdiction_id="vecina.gob.example"))
    in_query = client.post(f"requests.{fmt}?jurisdiction_id=prueba.gob.example", data=form())
    assert (in_form.status_code, in_query.status_code) == (200, 200)
    assert sorted(one.jurisdiction_id for one in made(session)) == ["prueba.gob.example", "vecina.gob.example"]


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"service_code": None}, 400, ["service_code"]),
        ({"service_code": " "}, 400, ["service_code"]),
        ({"service_code": "NADA"}, 404, ["NADA"]),
        ({"service_code": "bache"}, 404, ["bache"]),
        ({"lat": None, "long": None}, 400, ["lat"]),
        ({"lat": "", "long": ""}, 400, ["lat"]),
        ({"lat": None}, 400, ["lat"]),
        ({"long": ""}, 400, ["long"]),
        ({"lat": "NaN"}, 400, ["lat"]),
        ({"long": "inf"}, 400, ["long"]),
        ({"lat": "-Infinity", "long": "nan"}, 400, ["lat", "long"]),
        ({"lat": "19,42"}, 400, ["lat"]),
        ({"lat": "١٩"}, 400, ["lat"]),
        ({"lat": "1_9"}, 400, ["lat"]),
        ({"lat": "0x13"}, 400, ["lat"]),
        ({"lat": "norte"}, 400, ["lat"]),
        ({"lat": "91"}, 400, ["latitud"]),
        ({"lat": "-99.15", "long": "19.42"}, 400, ["latitud"]),
        ({"long": "-180.0001"}, 400, ["longitud"]),
        ({"lat": "1e99"}, 400, ["latitud"]),
        ({"description": "a" * 4001}, 400, ["4000"]),
        ({"address_string": "a" * 501}, 400, ["address_string"]),
        ({"media_url": "javascript:alert(1)"}, 400, ["media_url"]),
        ({"media_url": "ftp://example.org/a.jpg"}, 400, ["media_url"]),
        ({"media_url": "https://"}, 400, ["media_url"]),
        ({"media_url": "https://[::1/a.jpg"}, 400, ["media_url"]),
        ({"media_url": "/tmp/a.jpg"}, 400, ["media_url"]),
    ],
)
def test_what_is_wrong_is_said(
    client: TestClient, session: Session, fmt: str, changes: dict[str, Any], status: int, words: list[str]
) -> None:
    texts = errors_of(client.post(f"requests.{fmt}", data=form(**changes)), fmt, status)
    assert all(any(word in text for text in texts) for word in words), texts
    assert made(session) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"description": None},
        {"description": ""},
        {"description": "a" * 4000},
        {"lat": "0", "long": "0"},
        {"lat": "-0.0", "long": "+180"},
        {"lat": " 19.42 "},
        {"lat": "19.", "long": "-99.15"},
        {"lat": "1.942e1"},
        {"lat": None, "long": None, "address_string": "El Carmen"},
        {"lat": None, "long": None, "address_id": "42"},
        {"address_string": "Eje Central 120, Obrera", "address_id": "42"},
        {"media_url": "https://example.org/a.jpg"},
        {"media_url": ["http://example.org/a.jpg", "https://example.org/b.jpg"]},
        {"email": "", "phone": "", "first_name": "", "last_name": "", "device_id": "", "account_id": ""},
        {"attribute[easting]": "529000", "attribute[fixmystreet_id]": "7", "unknown": "x"},
        {"jurisdiction_id": ""},
        {"jurisdiction_id": "prueba.gob.example"},
    ],
)
def test_what_is_allowed_is_accepted(client: TestClient, session: Session, changes: dict[str, Any]) -> None:
    response = client.post("requests.json", data=form(**changes))
    assert response.status_code == 200, response.text
    assert len(made(session)) == 1


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({}, ["TIPO_FALLA required"]),
        ({"attribute[TIPO_FALLA]": ""}, ["TIPO_FALLA required"]),
        ({"attribute[TIPO_FALLA]": "No enciende"}, ["TIPO_FALLA"]),
        ({"attribute[TIPO_FALLA]": ["apagada", "parpadea"]}, ["TIPO_FALLA"]),
        ({"attribute[TIPO_FALLA]": "apagada", "attribute[NUM_POSTE]": "doce"}, ["NUM_POSTE"]),
        ({"attribute[NUM_POSTE]": "NaN"}, ["TIPO_FALLA required", "NUM_POSTE"]),
    ],
)
def test_wrong_answers_are_named_by_their_code(
    client: TestClient, fmt: str, attributes: dict[str, Any], words: list[str]
) -> None:
    texts = errors_of(client.post(f"requests.{fmt}", data=form(service_code="LUMINARIA") | attributes), fmt, 400)
    assert len(texts) == len(words)
    assert all(word in text for word, text in zip(words, texts, strict=True))


@pytest.mark.parametrize(
    "attributes",
    [
        {"attribute[TIPO_FALLA]": "apagada"},
        {"attribute[TIPO_FALLA][]": "apagada"},
        {"attribute[TIPO_FALLA][0]": "apagada"},
        {"attribute[TIPO_FALLA]": ["apagada", "apagada"]},
        {"attribute[TIPO_FALLA]": "apagada", "attribute[NUM_POSTE]": ""},
        {"attribute[TIPO_FALLA]": "apagada", "attribute[NUM_POSTE]": "-4412.50", "attribute[AVISO]": "da igual"},
    ],
)
def test_answers_are_read_in_every_spelling(client: TestClient, session: Session, attributes: dict[str, Any]) -> None:
    response = client.post("requests.json", data=form(service_code="LUMINARIA") | attributes)
    assert response.status_code == 200, response.text
    (kept,) = made(session)
    assert kept.attributes["TIPO_FALLA"] == "apagada"
    assert set(kept.attributes) <= {"TIPO_FALLA", "NUM_POSTE"}


def test_all_faults_of_a_form_are_told_at_once(client: TestClient, fmt: str) -> None:
    data = form(service_code="LUMINARIA", lat="norte", description="a" * 4001, media_url="x")
    texts = errors_of(client.post(f"requests.{fmt}", data=data), fmt, 400)
    assert len(texts) == 4


def test_the_order_of_checks_is_jurisdiction_key_service_rest(client: TestClient) -> None:
    wrong = form(jurisdiction_id="nadie", api_key="wrong", service_code="NADA", lat="x")
    steps = [
        ("jurisdiction_id", "", 404),
        ("api_key", API_KEY, 403),
        ("service_code", "BACHE", 404),
        ("lat", "19", 400),
    ]
    for field, right, status in steps:
        assert client.post("requests.json", data=wrong).status_code == status
        wrong[field] = right
    assert client.post("requests.json", data=wrong).status_code == 200


def test_multipart_is_a_form_too_and_a_file_is_not_lost_in_silence(client: TestClient, session: Session) -> None:
    data = form(description="Ñandú — 😀")
    without = client.post("requests.json", data=data, files={"media": ("", b"")})
    with_file = client.post("requests.json", data=data, files={"media": ("a.jpg", b"\xff\xd8\xff", "image/jpeg")})
    assert (without.status_code, with_file.status_code) == (200, 200)
    assert "media_url" not in without.json()[0]["service_notice"]
    assert "media_url" in with_file.json()[0]["service_notice"]
    assert {one.description for one in made(session)} == {"Ñandú — 😀"}


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b'{"service_code": "BACHE"}', 415),
        ("text/plain", b"api_key=test-key", 415),
        ("", b"api_key=test-key", 415),
        ("multipart/form-data", b"--x--", 400),
        ("multipart/form-data; boundary=x", b"not a form", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nunfinished", 400),
        ("application/x-www-form-urlencoded", b"", 403),
        ("application/x-www-form-urlencoded", b"&&&===%%%", 403),
        ("application/x-www-form-urlencoded", b"description=%ff", 400),
        ("application/x-www-form-urlencoded", "description=ñ".encode("latin-1"), 400),
        ("application/x-www-form-urlencoded", b"a=1&" * 2000, 400),
        ("application/x-www-form-urlencoded", b"description=" + b"a" * 300_000, 413),
    ],
)
def test_bodies_that_are_no_form_are_refused_in_the_format_asked_for(
    client: TestClient, fmt: str, content_type: str, body: bytes, status: int
) -> None:
    response = client.post(f"requests.{fmt}", content=body, headers={"content-type": content_type})
    errors_of(response, fmt, status)


def test_a_body_is_counted_while_it_streams(client: TestClient) -> None:
    chunks = (b"description=" + b"a" * 10_000 for _ in range(100))
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("requests.json", content=chunks, headers=headers).status_code == 413


def test_raw_utf8_and_encoded_brackets_are_understood(client: TestClient, session: Session) -> None:
    body = "api_key=test-key&service_code=LUMINARIA&lat=19.42&long=-99.15&attribute%5BTIPO_FALLA%5D=apagada&description=sin+luz ñ"
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert client.post("requests.json", content=body.encode(), headers=headers).status_code == 200
    assert made(session)[0].description == "sin luz ñ"


def test_outside_the_city_is_kept_closed_and_told(client: TestClient, session: Session, fmt: str) -> None:
    lon, lat = OUTSIDE
    (answer,) = read(client.post(f"requests.{fmt}", data=form(lat=str(lat), long=str(lon))), fmt)
    assert "fuera de Ciudad Prueba" in answer["service_notice"]
    (shown,) = read(client.get(f"requests/{answer['service_request_id']}.{fmt}"), fmt)
    assert (shown["status"], shown["agency_responsible"]) == ("closed", None)
    assert shown["status_notes"] == answer["service_notice"]
    assert shown["expected_datetime"] is None


class TestRetries:
    def test_the_same_idempotency_key_is_the_same_request(self, client: TestClient, session: Session, fmt: str) -> None:
        first = client.post(f"requests.{fmt}", data=form(), headers={"Idempotency-Key": "a-1"})
        again = client.post(f"requests.{fmt}", data=form(), headers={"Idempotency-Key": "a-1"})
        other = client.post(f"requests.{fmt}", data=form(), headers={"Idempotency-Key": "a-2"})
        assert first.content == again.content != other.content
        assert len(made(session)) == 2
        assert len(session.exec(select(OutboxEvent).where(OutboxEvent.name == "service_request.submitted")).all()) == 2

    def test_another_form_under_the_same_idempotency_key_changes_nothing(
        self, client: TestClient, session: Session, fmt: str
    ) -> None:
        headers = {"Idempotency-Key": "a-1"}
        first = client.post(f"requests.{fmt}", data=form(), headers=headers)
        other = form(description="Otra cosa", address_string="Eje Central 120", email="ana@example.org")
        again = client.post(f"requests.{fmt}", data=other, headers=headers)
        assert (again.status_code, again.content) == (200, first.content)
        (kept,) = made(session)
        assert (kept.description, kept.address_string) == ("Un hoyo enorme", None)
        assert session.exec(select(ContactPoint)).all() == [], "a form that makes no report leaves no contact"
        errors_of(client.post(f"requests.{fmt}", data=form(lat="norte"), headers=headers), fmt, 400)

    def test_another_service_under_the_same_idempotency_key_is_answered_as_the_first(
        self, client: TestClient, session: Session
    ) -> None:
        headers = {"Idempotency-Key": "a-1"}
        first = client.post("requests.json", data=form(), headers=headers)
        by_token = form(service_code="LUMINARIA") | {"attribute[TIPO_FALLA]": "apagada"}
        again = client.post("requests.json", data=by_token, headers=headers)
        assert again.content == first.content
        assert made(session)[0].service_code == "BACHE"

    def test_two_clients_may_choose_the_same_idempotency_key(self, client: TestClient, session: Session) -> None:
        second = keys.create(session, "prueba.gob.example", "otra", now=NOW)
        for key in (API_KEY, second):
            client.post("requests.json", data=form(api_key=key), headers={"Idempotency-Key": "a-1"})
        assert len(made(session)) == 2

    def test_an_endless_idempotency_key_is_refused(self, client: TestClient) -> None:
        response = client.post("requests.json", data=form(), headers={"Idempotency-Key": "a" * 256})
        errors_of(response, "json", 400)

    def test_an_identical_form_within_a_minute_is_a_retry(self, client: TestClient, session: Session) -> None:
        with time_machine.travel(NOW.replace(second=50), tick=False) as traveller:
            first = client.post("requests.json", data=form())
            traveller.shift(timedelta(seconds=59))
            again = client.post("requests.json", data=form())
            traveller.shift(timedelta(seconds=2))
            later = client.post("requests.json", data=form())
        assert first.json()[0]["service_request_id"] == again.json()[0]["service_request_id"]
        assert later.json()[0]["service_request_id"] != first.json()[0]["service_request_id"]
        assert len(made(session)) == 2

    def test_a_retry_may_order_its_fields_anew(self, client: TestClient, session: Session) -> None:
        fields = form(email="ana@example.org", first_name="Ana")
        first = client.post("requests.json", data=fields)
        again = client.post("requests.json", data=dict(reversed(fields.items())))
        assert first.content == again.content
        assert len(made(session)) == 1

    def test_a_retry_may_order_its_files_anew(self, client: TestClient, session: Session) -> None:
        files = [("photo1", ("a.txt", b"uno")), ("photo2", ("b.txt", b"dos"))]
        for sent in (files, files[::-1]):
            assert client.post("requests.json", data=form(), files=sent).status_code == 200
        assert len(made(session)) == 1

    def test_one_different_word_is_another_report(self, client: TestClient) -> None:
        assert posted(client) != posted(client, description="Un hoyo enorme.")

    def test_a_retry_hears_of_its_contacts_again(self, client: TestClient, session: Session) -> None:
        first, again = (client.post("requests.json", data=form(phone="no tengo")) for _ in range(2))
        assert "phone" in first.json()[0]["service_notice"]
        assert first.content == again.content
        assert len(made(session)) == 1

    def test_a_multipart_retry_has_another_boundary(self, client: TestClient, session: Session) -> None:
        for _ in range(2):
            client.post("requests.json", data=form(), files={"media": ("", b"")})
        assert len(made(session)) == 1


class TestContacts:
    def test_contacts_are_sealed_and_never_come_out(self, client: TestClient, session: Session, fmt: str) -> None:
        private = {"email": "ana@example.org", "phone": "5512345678", "first_name": "Ana", "last_name": "Lazcano"}
        more = {"device_id": "device-77", "account_id": "account-88"}
        answer = client.post(f"requests.{fmt}", data=form(**private, **more))
        service_request_id = made(session)[0].folio
        answers = [
            answer.text,
            client.get(f"requests.{fmt}").text,
            client.get(f"requests/{service_request_id}.{fmt}").text,
            client.get(f"servicerequestupdates.{fmt}").text,
            client.get(f"requests.{fmt}?q=ana@example.org&phone=5512345678&extensions=true").text,
        ]
        for answer in answers:
            assert not any(value in answer for value in (*private.values(), *more.values()))
        kinds = sorted(point.kind for point in session.exec(select(ContactPoint)))
        assert kinds == ["email", "phone"]
        assert any(person.name_sealed for person in session.exec(select(Person)))
        report = session.exec(select(Report)).one()
        assert report.contact_point_id is not None
        assert report.wants_notices is False, "the app that posted tells its own user"

    def test_the_name_that_came_along_is_hidden_in_every_text(
        self, client: TestClient, session: Session, fmt: str
    ) -> None:
        said = {"phone": "5512345678", "first_name": "Zenobia", "last_name": "Quetzalli"}
        posted(client, **said, description="El portón de zenobia quetzalli", address_string="con Zenobia Quetzalli")
        (row,) = made(session)
        words = "Quetzalli Zenobia no estaba"
        actions.add_note(session, row.id, text=words, audience="public", actor=Actor("agency", "Cuadrilla 7"), now=NOW)
        publish_texts(session, everything=True, now=NOW)
        (shown,) = read(client.get(f"requests/{row.folio}.{fmt}?notes=true"), fmt)
        told = [shown[name] for name in ("description", "address", "status_notes")]
        assert told == ["El portón de […]", "con […]", "[…] no estaba"]
        assert shown["notes"][-1]["description"] == "[…] no estaba"
        assert row.description == "El portón de zenobia quetzalli"

    def test_a_contact_that_cannot_be_read_does_not_lose_the_report(self, client: TestClient, session: Session) -> None:
        response = client.post("requests.json", data=form(phone="no tengo", email="nadie"))
        assert response.status_code == 200
        notice = response.json()[0]["service_notice"]
        assert "phone" in notice
        assert "no tengo" not in notice
        assert session.exec(select(ContactPoint)).all() == []

    def test_a_name_alone_makes_no_person(self, client: TestClient, session: Session) -> None:
        posted(client, first_name="Ana", last_name="")
        assert session.exec(select(Person)).all() == []

    def test_contacts_in_the_description_are_not_published(self, client: TestClient, fmt: str) -> None:
        posted(client, description="Llamen al 55 1234 5678 o ana@example.org, folio 2648173056")
        (shown,) = read(client.get(f"requests.{fmt}"), fmt)
        assert "1234" not in shown["description"]
        assert "ana@" not in shown["description"]

    def test_contacts_in_the_place_words_are_not_published(
        self, client: TestClient, session: Session, fmt: str
    ) -> None:
        words = "Calle 602 y 613, C.P. 06800, soy Rosa 55 1234 5678 rosa@correo.mx"
        folio = posted(client, address_string=words, zipcode="06800 5512345678")
        for path in (f"requests.{fmt}", f"requests/{folio}.{fmt}"):
            (shown,) = read(client.get(path), fmt)
            assert shown["address"] == "Calle 602 y 613, C.P. 06800, soy […] […] […]"
            assert shown["zipcode"] is None  # whatever else this is, it is no code
        assert made(session)[0].address_string == words, "those who work on it read all of it"


def test_a_place_named_in_words_is_placed(client: TestClient, session: Session, city: Jurisdiction) -> None:
    posted(client, lat=None, long=None, address_string="colonia El Carmen")
    (kept,) = made(session)
    assert (kept.lon, kept.lat) == (-99.15, 19.42)
    assert kept.agency_code == "ALC-N"
    assert kept.precision_m is not None
    assert kept.precision_m > 100


def test_no_statement_is_planned_anew_for_each_report(client: TestClient, session: Session) -> None:
    before = _plans(session)  # the connection may have served other tests
    for turn in range(12):
        posted(client, description=f"Hoyo número {turn}")
    made = {sql: plans - before.get(sql, Counter()) for sql, plans in _plans(session).items()}
    asked = {sql: plans for sql, plans in made.items() if plans.total() >= 12}
    assert len(asked) == 1, "the city, its rules, twins and the request itself are one question"
    # PostgreSQL tries five times what the values would change.
    assert [sql for sql, plans in asked.items() if plans["custom"] > 5] == []


def _plans(session: Session) -> dict[str, Counter[str]]:
    kept = session.connection().execute(
        text("SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements")
    )
    return {row.statement: Counter(generic=row.generic_plans, custom=row.custom_plans) for row in kept}
