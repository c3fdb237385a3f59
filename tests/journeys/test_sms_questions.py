"""The journeys of the two questions that a text message may be answered with: which side of a border, and is it the same."""

import re
from collections.abc import Iterator

import pytest

from intake.catalog.matching import fold
from tests.journeys.test_sms_to_agency import FOLIO, open311
from tests.running import RunningDemo, running_demo, wait_for

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey")]

ANA, LUIS = "+525511223344", "+525511223355"
CORNER = "Av. Sabinos y Morelos"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("questions"), asks=True) as demo:
        yield demo


def say(demo: RunningDemo, phone: str, body: str) -> str:
    """What comes back, through the provider's webhook, a worker, and the provider again."""
    known = len(demo.texts(phone, "outbound"))
    demo.write(phone, body)
    return str(wait_for(lambda: demo.texts(phone, "outbound")[known:], 40, f"an answer to {body!r}")[0]["body"])


def say_other(demo: RunningDemo, phone: str, body: str) -> str:
    """The same, and whatever the history of the demo holds close by is another one."""
    answer = say(demo, phone, body)
    return say(demo, phone, "2") if "Es el mismo" in answer else answer


def folio_in(text: str) -> str:
    found = FOLIO.search(text)
    assert found, text
    return "".join(found.groups())


def test_a_report_near_a_border_the_side_and_then_the_same_from_another_phone(demo: RunningDemo) -> None:
    asked = say_other(demo, ANA, f"Hay un bache en {CORNER}")
    assert "calle lateral" in asked
    assert re.search(r"\b2 ", asked), asked
    made = say(demo, ANA, "2")
    folio = folio_in(made)
    listed = open311(demo, folio)
    assert fold(listed["agency_responsible"]) in fold(made)
    assert "Obras" not in listed["agency_responsible"], "the side street is the district's"

    asked = say(demo, LUIS, f"Hay un bache en {CORNER}")
    assert "Es el mismo" in asked
    joined = say(demo, LUIS, "1")
    assert folio_in(joined) == folio
    wait_for(
        lambda: all(text["status"] == "delivered" for text in demo.texts(LUIS, "outbound")), 40, "everything delivered"
    )
