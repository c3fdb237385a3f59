"""Training from a city's requests, and using it or not."""

import sys
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlmodel import Session
from structlog.testing import capture_logs

from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.catalog.matching import match_services
from intake.classifier import actions, queries
from intake.classifier.models import ClassifierRun
from intake.classifier.training import Example, train
from intake.service_requests.actions import submit
from intake.service_requests.values import Submission
from kernel.errors import InvalidInput, NotFound
from tests.factories import CITY, IN_NORTE, NOW, make_city

_THINGS = ("carro", "moto", "señora", "vecino", "perico", "taxi", "ruta", "combi", "mercado", "banco")
_BACHE = "la rueda de mi {thing} quedó atorada y torcida {n}"
_FUGA = "parece un arroyo limpio junto al {thing} {n}"


def examples() -> list[Example]:
    letters = "abcdefghij"
    return [
        Example(sentence.format(thing=thing, n=f"{letters[n]}{letters[n]}z"), code)
        for sentence, code in ((_BACHE, "BACHE"), (_FUGA, "FUGA"))
        for thing in _THINGS
        for n in range(5)
    ]


def test_what_is_used_says_the_same_as_what_was_trained() -> None:
    model = train(examples())
    assert model.codes == ("BACHE", "FUGA")
    assert model.predict("una rueda atorada")[0][0] == "BACHE"
    code, share = model.predict("es un arroyo limpio")[0]
    assert code == "FUGA"
    assert share > 0.8


def test_too_little_to_learn_from_is_said() -> None:
    with pytest.raises(InvalidInput):
        train(examples()[:30])
    with pytest.raises(InvalidInput):
        train([Example("5512345678", code) for code in ("A", "B") for _ in range(30)])


def test_without_the_library_training_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    with pytest.raises(InvalidInput, match="scikit-learn"):
        train(examples())


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    for number, example in enumerate(examples()):
        at = NOW - timedelta(hours=number)
        submit(
            session, Submission(CITY, example.code, "web", point=LonLat(*IN_NORTE), description=example.text), now=at
        )
    session.flush()
    return session


def asked(session: Session, text: str) -> list[str]:
    services = catalog.services(session, CITY)
    return [match.definition.code for match in queries.matcher(session, CITY, services, 4)(text)]


@pytest.mark.database
def test_a_run_is_kept_with_its_figures_and_used_only_when_chosen(city: Session) -> None:
    run = actions.learn(city, CITY, rows=1000, threshold=0.7, now=NOW)
    assert run.services == 2
    assert run.figures["classifier"]["first"] == 1.0
    assert run.figures["matcher"]["rows"] == run.figures["both"]["rows"] > 0
    assert run.figures["both"]["first"] >= run.figures["matcher"]["first"]
    text = "es un arroyo limpio"
    assert asked(city, text) == []
    actions.use(city, CITY, run.id)
    assert asked(city, text)[0] == "FUGA"
    other = actions.learn(city, CITY, rows=1000, threshold=0.7, now=NOW + timedelta(hours=1))
    actions.use(city, CITY, other.id)
    assert [one.is_in_use for one in queries.runs(city, CITY)] == [True, False]
    actions.use(city, CITY, None)
    assert asked(city, text) == []


@pytest.mark.database
def test_a_model_that_cannot_be_read_leaves_the_matcher_alone_and_is_said_once(city: Session) -> None:
    run = ClassifierRun(
        jurisdiction_id=CITY, trained_at=NOW, rows=1, services=1, threshold=0.9, figures={}, model=b"x", is_in_use=True
    )
    city.add(run)
    city.flush()
    services = catalog.services(city, CITY)
    with capture_logs() as logs:
        for _ in range(3):
            found = queries.matcher(city, CITY, services, 4)("hay un bache")
    assert found == match_services(services, "hay un bache", 4)
    assert [entry["event"] for entry in logs] == ["classifier_unusable"]
    with pytest.raises(InvalidInput):
        actions.use(city, CITY, run.id)


@pytest.mark.database
def test_a_run_of_nobody_is_refused(city: Session) -> None:
    with pytest.raises(NotFound):
        actions.use(city, CITY, uuid4())


@pytest.mark.database
def test_a_city_without_a_history_has_nothing_to_learn_from(session: Session) -> None:
    make_city(session)
    with pytest.raises(InvalidInput):
        actions.learn(session, CITY, rows=1000, threshold=0.9, now=NOW)
