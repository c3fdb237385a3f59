"""Keys of the API: what they may do, when they stop, how they rotate, and that nobody remembers an ended one."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlmodel import Session

from intake.catalog import clients, keys
from intake.catalog.models import ApiKey
from kernel.errors import Conflict, InvalidInput, NotFound
from tests.factories import CITY, NOW, make_city

OTHER = "otra.gob.example"
DAY = timedelta(days=1)


def known(session: Session, secret: str, city: str = CITY, now: datetime = NOW) -> clients.ApiClient | None:
    return clients.find(session, city, secret, now=now)


def record(session: Session, secret: str, now: datetime = NOW) -> ApiKey:
    found = known(session, secret, now=now)
    assert found is not None
    return keys.get(session, CITY, found.id)


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    return session


@pytest.mark.parametrize(
    ("grant", "field"),
    [
        ({"label": "  "}, "label"),
        ({"label": "x" * 101}, "label"),
        ({"label": "x", "scopes": ()}, "scopes"),
        ({"label": "x", "scopes": ("submit", "everything")}, "scopes"),
        ({"label": "x", "scopes": ("update",)}, "agency_code"),
        ({"label": "x", "scopes": ("submit", "read_private")}, "agency_code"),
        ({"label": "x", "writes_per_minute": -1}, "writes_per_minute"),
        ({"label": "x", "writes_per_minute": 1_000_001}, "writes_per_minute"),
    ],
)
def test_a_grant_that_does_not_hold_together_is_refused(grant: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        keys.Grant(**grant)  # type: ignore[arg-type]  # whatever a form may hold
    assert refused.value.field == field


@pytest.mark.parametrize("day", ["", "mañana", "2027-02-30", "2027-13-01", "9999-12-31", "1/2/2027"])
def test_a_day_that_is_none_is_refused(day: str) -> None:
    with pytest.raises(InvalidInput):
        keys.end_of(day, "America/Mexico_City")


def test_a_day_ends_at_the_citys_midnight() -> None:
    assert keys.end_of("2027-03-31", "America/Mexico_City") == datetime(2027, 4, 1, 6, tzinfo=UTC)


@pytest.mark.database
def test_a_secret_is_kept_as_its_digest_and_told_by_its_first_letters(city: Session) -> None:
    secret = keys.create(city, CITY, "App", now=NOW)
    found = record(city, secret)
    stored = city.connection().execute(text("SELECT row_to_json(api_key)::text FROM api_key")).scalars().all()
    assert secret.startswith("atk_")
    assert len(secret) > 40
    assert secret not in "".join(stored)
    assert keys.told_by(found) == f"{secret[:9]}…"
    assert keys.told_by(record(city, keys.create(city, CITY, "own", now=NOW, key="short-secret"))).startswith("#")


@pytest.mark.database
def test_scopes_of_an_agency_mean_nothing_without_one(city: Session) -> None:
    """Also for a row that an older release wrote: it gets the default of the column."""
    city.connection().execute(
        text(
            "INSERT INTO api_key (id, jurisdiction_id, label, key_hash, created_at) VALUES (:id, :city, 'old', :h, :at)"
        ),
        {"id": uuid4(), "city": CITY, "h": keys.hash_of("an old key"), "at": NOW},
    )
    old = known(city, "an old key")
    assert old is not None
    assert old.scopes == {"submit"}
    agency = known(city, keys.create(city, CITY, "Aguas", now=NOW, agency_code="AGUAS"))
    assert agency is not None
    assert agency.scopes == {"submit", "update"}


@pytest.mark.database
def test_a_key_of_one_city_is_nothing_in_another(city: Session) -> None:
    make_city(city, OTHER, sms_number=None)
    secret = keys.create(city, CITY, "App", now=NOW)
    found = record(city, secret)
    assert known(city, secret, OTHER) is None
    assert known(city, secret, "nowhere") is None
    for call in (
        lambda: keys.get(city, OTHER, found.id),
        lambda: keys.disable(city, found.id, jurisdiction_id=OTHER, now=NOW),
        lambda: keys.rotate(city, OTHER, found.id, keys.new_secret(), overlap=DAY, now=NOW),
    ):
        with pytest.raises(NotFound):
            call()
    assert known(city, secret) is not None
    assert found.id not in {key.id for key in keys.listed(city, jurisdiction_id=OTHER)}


@pytest.mark.database
def test_the_same_secret_in_two_cities_is_two_keys(city: Session) -> None:
    make_city(city, OTHER, sms_number=None)
    secret = keys.create(city, CITY, "App", now=NOW)
    keys.create(city, OTHER, "App", now=NOW, key=secret)
    here, there = known(city, secret), known(city, secret, OTHER)
    assert here is not None
    assert there is not None
    assert here.id != there.id
    keys.disable(city, here.id, now=NOW)
    assert known(city, secret) is None
    assert known(city, secret, OTHER) == there


@pytest.mark.database
def test_a_disabled_key_stops_with_the_next_look(city: Session) -> None:
    secret = keys.create(city, CITY, "App", now=NOW)
    found = record(city, secret)  # remembered by now
    keys.disable(city, found.id, now=NOW)
    assert known(city, secret) is None
    assert keys.state_of(found, NOW) == "disabled"
    with pytest.raises(Conflict):
        keys.rotate(city, CITY, found.id, keys.new_secret(), overlap=DAY, now=NOW)


@pytest.mark.database
def test_what_was_changed_past_the_program_is_noticed_in_time(city: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = keys.create(city, CITY, "App", now=NOW)
    assert known(city, secret)
    city.connection().execute(text("UPDATE api_key SET disabled_at = now()"))
    assert known(city, secret)
    later = clients.time.monotonic() + clients.REMEMBERED_S + 1
    monkeypatch.setattr(clients.time, "monotonic", lambda: later)
    assert known(city, secret) is None


@pytest.mark.database
def test_a_look_costs_no_query_while_no_key_has_changed(city: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = keys.create(city, CITY, "App", now=NOW)
    assert known(city, secret)
    monkeypatch.setattr(clients, "_load", lambda *given: pytest.fail("looked up again"))
    assert known(city, secret)
    assert known(city, "unknown") is None
    assert clients.remembered(CITY, secret) == clients.remembered(None, secret) == known(city, secret)


@pytest.mark.database
def test_a_key_ends_by_itself(city: Session) -> None:
    secret = keys.create(city, CITY, "App", now=NOW, expires_at=NOW + DAY)
    assert known(city, secret, now=NOW + DAY - timedelta(seconds=1))
    assert known(city, secret, now=NOW + DAY) is None
    (found,) = keys.listed(city, named="App")
    assert keys.state_of(found, NOW + DAY) == "expired"


@pytest.mark.database
def test_two_secrets_work_while_a_key_rotates_and_no_third(city: Session) -> None:
    first = keys.create(city, CITY, "App", now=NOW)
    key_id = record(city, first).id
    second, third = keys.new_secret(), keys.new_secret()
    for _ in range(2):  # the form sent twice
        keys.rotate(city, CITY, key_id, second, overlap=7 * DAY, now=NOW)
        for secret in (first, second):
            found = known(city, secret)
            assert found is not None
            assert found.id == key_id
    assert known(city, first, now=NOW + 7 * DAY) is None
    assert known(city, second, now=NOW + 7 * DAY)
    keys.rotate(city, CITY, key_id, third, overlap=DAY, now=NOW + DAY)
    assert [bool(known(city, secret, now=NOW + DAY)) for secret in (first, second, third)] == [False, True, True]
    keys.rotate(city, CITY, key_id, first, overlap=timedelta(), now=NOW + DAY)
    assert [bool(known(city, secret, now=NOW + DAY)) for secret in (first, second, third)] == [True, False, False]
    keys.disable(city, key_id, now=NOW + DAY)
    assert not any(known(city, secret, now=NOW + DAY) for secret in (first, second, third))


@pytest.mark.database
@pytest.mark.parametrize("days", [-1, 91])
def test_a_rotation_neither_ends_before_it_begins_nor_lasts_for_ever(city: Session, days: int) -> None:
    found = record(city, keys.create(city, CITY, "App", now=NOW))
    with pytest.raises(InvalidInput):
        keys.rotate(city, CITY, found.id, keys.new_secret(), overlap=days * DAY, now=NOW)


@pytest.mark.database
def test_the_same_form_twice_is_one_key(city: Session) -> None:
    secret, grant = keys.new_secret(), keys.Grant("App")
    assert keys.add(city, CITY, grant, secret, now=NOW).id == keys.add(city, CITY, grant, secret, now=NOW).id
    with pytest.raises(Conflict):
        keys.add(city, CITY, grant, keys.new_secret(), now=NOW)
    keys.disable(city, record(city, secret).id, now=NOW)
    keys.add(city, CITY, grant, keys.new_secret(), now=NOW)


@pytest.mark.database
@pytest.mark.parametrize(
    ("grant", "field"),
    [
        (keys.Grant("x", ("update",), "NOBODY"), "agency_code"),
        (keys.Grant("x", expires_at=NOW), "expires_at"),
    ],
)
def test_what_the_city_does_not_have_is_refused(city: Session, grant: keys.Grant, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        keys.add(city, CITY, grant, keys.new_secret(), now=NOW)
    assert refused.value.field == field


@pytest.mark.database
def test_the_last_use_only_moves_forward(city: Session) -> None:
    secret = keys.create(city, CITY, "App", now=NOW)
    key_id = record(city, secret).id
    for at in (NOW, NOW + DAY, NOW):
        keys.note_use(city, key_id, now=at)
    assert record(city, secret).last_used_at == NOW + DAY
