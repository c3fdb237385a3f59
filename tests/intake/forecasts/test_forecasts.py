"""The numbers of a city: made by a job, read at once, told with where they come from."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from georef.points import LonLat
from intake.catalog.models import Jurisdiction
from intake.forecasts import jobs, queries
from intake.forecasts.actions import refresh
from intake.forecasts.models import ForecastRow
from intake.forecasts.words import Told, span_in_words
from intake.service_requests import actions
from intake.service_requests.values import Actor, Submission
from routing.forecasts import DAY_S, Forecast
from tests.factories import CITY, IN_NORTE, IN_SUR, NOW, make_city

CREW = Actor("agency", "Cuadrilla")
NORTE = {"district": [{"code": "N", "name": "Norte"}]}
SUR = {"district": [{"code": "S", "name": "Sur"}]}


@pytest.fixture
def city(session: Session) -> Jurisdiction:
    """40 potholes in the north that took two days, 5 in the south, and 3 leaks."""
    made = make_city(session)
    for service, place, count in (("BACHE", IN_NORTE, 40), ("BACHE", IN_SUR, 5), ("FUGA", IN_NORTE, 3)):
        for n in range(count):
            at = NOW - timedelta(days=4, hours=n)
            request = actions.submit(session, Submission(CITY, service, "sms", point=LonLat(*place)), now=at)
            actions.change_status(
                session, request.id, life="closed", outcome_code="resolved", actor=CREW, now=at + timedelta(days=2)
            )
    session.flush()
    return made


@pytest.mark.database
def test_numbers_with_their_level(session: Session, city: Jurisdiction) -> None:
    assert queries.told(session, city, "BACHE", NORTE) is None  # the job has not run
    refresh(session, city, now=NOW)
    north = queries.told(session, city, "BACHE", NORTE)
    south = queries.told(session, city, "BACHE", SUR)
    leak = queries.told(session, city, "FUGA", NORTE)
    nowhere = queries.told(session, city, "BACHE", {})
    assert north is not None
    assert north.sentence("es") == "8 de cada 10 terminan en 2 días (40 casos en Norte)."
    assert north.sentence("en") == "8 in 10 are finished within 2 days (40 cases in Norte)."
    assert south is not None
    assert south == nowhere
    assert south.sentence("es") == "8 de cada 10 terminan en 2 días (45 casos en toda la ciudad)."
    assert leak is not None
    assert leak.sentence("es") == "Todavía no decimos cuánto tarda: hay muy pocos casos (3)."
    assert leak.short("es") == ""
    assert queries.told(session, city, "NUNCA", NORTE) is None
    assert queries.all_of(session, CITY)["BACHE", "N"] == north.forecast


@pytest.mark.database
def test_the_job_works_when_the_numbers_are_old(session: Session, city: Jurisdiction) -> None:
    refresh(session, city, now=NOW - timedelta(days=365 * 20))
    session.add(ForecastRow(jurisdiction_id=CITY, service_code="VIEJO", area_code="", level="service", reason="few",
                            sample=1, window_days=1, made_at=NOW - timedelta(days=400)))  # fmt: skip
    session.flush()
    jobs.refresh_forecasts()
    session.expire_all()
    first = session.exec(select(ForecastRow.service_code, ForecastRow.made_at)).all()
    assert "VIEJO" not in [code for code, _ in first]
    assert len(first) > 2
    jobs.refresh_forecasts()  # fresh: left alone
    session.expire_all()
    assert session.exec(select(ForecastRow.service_code, ForecastRow.made_at)).all() == first


@pytest.mark.database
def test_a_city_may_keep_it_to_itself_or_ask_another_layer(session: Session, city: Jurisdiction) -> None:
    refresh(session, city, now=NOW)
    city.settings = {**city.settings, "forecast": {"show": False}}
    assert queries.told(session, city, "BACHE", NORTE) is None
    city.settings = {**city.settings, "forecast": {"area_layer": "colonia"}}
    refresh(session, city, now=NOW)
    found = queries.told(session, city, "BACHE", NORTE | {"colonia": [{"code": "N-01", "name": "El Carmen"}]})
    assert found is not None
    assert found.area == "El Carmen"


def test_words() -> None:
    told = Told(Forecast("group", 3600.0, 5 * 3600.0, 3 * DAY_S, 1214, 84))
    assert told.sentence("es") == "8 de cada 10 terminan en 5 horas (1,214 casos del mismo tema)."
    assert told.spread("en") == [("50 %", "1 hour"), ("80 %", "5 hours"), ("90 %", "3 days")]
    assert told.window("es") == "Casos de las últimas 12 semanas; lo reciente pesa más."
    slow = Told(Forecast("service", DAY_S, None, None, 60, 84, "slow"))
    assert "menos de 8 de cada 10" in slow.sentence("es")
    assert (slow.is_known, slow.spread("es")) == (False, [("50 %", "24 horas")])
    assert span_in_words(9 * DAY_S, "es") == "9 días"
