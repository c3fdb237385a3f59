from datetime import timedelta

import pytest
from sqlmodel import Session

from georef.points import LonLat
from intake.forecasts.past import cases_of
from intake.service_requests import actions
from intake.service_requests.values import Actor, Submission
from tests.factories import CITY, IN_NORTE, NOW, make_city

pytestmark = pytest.mark.database


def test_past_requests_are_read_with_area_group_and_end(session: Session) -> None:
    city = make_city(session)
    crew = Actor("agency", "Cuadrilla")
    for service, channel, outcome in (
        ("BACHE", "sms", "resolved"),
        ("FUGA", "web", "duplicate"),
        ("BACHE", "console", "resolved"),
        ("BACHE", "sms", None),
    ):
        point = LonLat(*IN_NORTE) if service == "BACHE" else None
        made = actions.submit(session, Submission(CITY, service, channel, point=point), now=NOW)
        if outcome:
            actions.change_status(
                session, made.id, life="closed", outcome_code=outcome, actor=crew, now=NOW + timedelta(hours=5)
            )
    session.flush()
    found = cases_of(session, city, since=NOW - timedelta(days=1))
    seen = sorted(
        (
            found.services[found.service[n]],
            found.areas[found.area[n]] if found.area[n] >= 0 else None,
            found.groups[found.group[n]],
            float(found.ended[n] - found.opened[n]) if found.ended[n] == found.ended[n] else -1.0,
            bool(found.is_answer[n]),
        )
        for n in range(len(found))
    )
    # What an operator registers for nobody in the console is not counted.
    assert seen == [
        ("BACHE", "N", "calles", -1.0, True),
        ("BACHE", "N", "calles", 18_000.0, True),
        ("FUGA", None, "agua", 18_000.0, False),
    ]
    assert len(cases_of(session, city, since=NOW + timedelta(days=1))) == 0
