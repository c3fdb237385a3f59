"""Whatever a server answers, the checker answers: no crash, no pass for rubbish."""

import json
from collections.abc import Callable
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atiende.open311_check import reports
from atiende.open311_check.exchanges import Call, Exchange, read_json, read_xml
from atiende.open311_check.grading import Report, grade
from atiende.open311_check.parity import difference
from atiende.open311_check.register import RULES
from atiende.open311_check.verdicts import Result
from atiende.open311_check.visit import Options, Visit, plain
from tests.atiende.open311_check.fake_city import KEY, ROOT, FakeCity, Sent, _element

FULL = Options(api_key=KEY, may_write=True, lat=19.4, long=-99.1)
BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
OUTSIDE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "WAIT_S", 0)


class Stubborn:
    """Gives these answers, one after another, whatever is asked."""

    def __init__(self, *answers: tuple[int, str, bytes]) -> None:
        self.answers = cycle(answers)

    def ask(self, call: Call) -> Exchange:
        status, kind, body = next(self.answers)
        return Exchange(call, status, (("content-type", kind),) if kind else (), body, "" if status else "timeout")


def graded(*answers: tuple[int, str, bytes]) -> Report:
    report = grade(Visit(ROOT, Stubborn(*answers), FULL), RULES)
    assert [(g.rule.id, g.verdict.detail_in("en")) for g in report.grades if g.verdict.result is Result.CRASHED] == []
    return report


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><p>Hola<br></html>",
        b"<html><body><p>Hola</p></body></html>",
        b"null",
        b"[]",
        b"{}",
        b"[[]]",
        b"[null]",
        b'"x"',
        b"17",
        b'[{"service_code": {"a": []}, "service_request_id": [1], "metadata": [], "lat": "x", "requested_datetime": {}}]',
        b'{"discovery": [], "endpoints": {"endpoint": 1}, "services": {"service": []}, "attributes": {"attribute": 3}}',
        b'{"endpoints": [{"url": "http://[", "formats": 7, "changeset": 1e308}], "changeset": 99999999999}',
        b"<services><service/></services>",
        b"<service_requests><request><lat>1e999</lat></request>text</service_requests>",
        b"<a>" * 3000,
        b"[" * 3000,
        b"[" * 500 + b"]" * 500,
        b'[{"lat": NaN}]',
        b"\xff\xfe\x00",
        BOMB,
        OUTSIDE,
        b'<?xml version="1.0" encoding="utf-16"?><a/>',
        b'<?xml version="1.0" encoding="klingon"?><a/>',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_rubbish_gets_no_marks(body: bytes) -> None:
    for status in (200, 500):
        for kind in ("text/html", "", "application/json; charset=utf-8", "text/xml; charset=utf-8"):
            report = graded((status, kind, body))
            assert report.exit_code == 1
            assert report.failures > 20


def test_answers_that_change_all_the_time() -> None:
    good = FakeCity()

    class Moody:
        count = 0

        def ask(self, call: Call) -> Exchange:
            self.count += 1
            if self.count % 7 == 0:
                return Exchange(call, failure="timeout")
            if self.count % 5 == 0:
                return Exchange(call, 503, (), b"<html>")
            return good.ask(call)

    report = grade(Visit(ROOT, Moody(), FULL), RULES)
    assert [g for g in report.grades if g.verdict.result is Result.CRASHED] == []
    assert report.exit_code == 1


_LEAVES: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(
        ["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "true", "open", "R-1"]
    )
)
_NAMES = st.sampled_from(
    (
        *("service_code", "service_name", "metadata", "type", "keywords", "group", "service_request_id", "token"),
        *("status", "lat", "long", "requested_datetime", "updated_datetime", "attributes", "attribute", "values"),
        *(
            "value",
            "code",
            "datatype",
            "order",
            "key",
            "name",
            "description",
            "endpoints",
            "endpoint",
            "url",
            "formats",
        ),
        *(
            "changeset",
            "specification",
            "update_id",
            "variable",
            "required",
            "error",
            "errors",
            "services",
            "media_url",
        ),
    )
)
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=6), max_leaves=25
)


@settings(max_examples=60)
@given(st.lists(_VALUES, min_size=1, max_size=4), st.sampled_from([200, 201, 400, 404]))
def test_any_value_at_all(values: list[Any], status: int) -> None:
    bodies = [json.dumps(value).encode("utf-8", "surrogatepass") for value in values]
    graded(*((status, "application/json; charset=utf-8", body) for body in bodies))
    graded(
        *(
            (status, "text/xml; charset=utf-8", _element("services", value).encode("utf-8", "replace"))
            for value in values
        )
    )


@settings(max_examples=40)
@given(_VALUES, st.sampled_from(["services", "requests", "requests/R-9", "services/LUZ", "servicerequestupdates"]))
def test_a_good_server_with_one_wild_resource(value: Any, name: str) -> None:
    from dataclasses import replace

    from tests.atiende.open311_check.fake_city import Defect

    city = FakeCity(Defect(tell=lambda q, a: replace(a, value=value) if q.name == name and q.method == "GET" else a))
    report = grade(Visit(ROOT, city, FULL), RULES)
    assert [(g.rule.id, g.verdict.detail_in("en")) for g in report.grades if g.verdict.result is Result.CRASHED] == []


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:-9], lambda raw: raw + b"\x00", lambda raw: raw.decode().encode("utf-16")]
)
def test_torn_bodies(damage: Callable[[bytes], bytes]) -> None:
    from dataclasses import replace

    from tests.atiende.open311_check.fake_city import Defect

    def send(_: object, sent: Sent) -> Sent:
        return replace(sent, body=damage(sent.body))

    report = grade(Visit(ROOT, FakeCity(Defect(send=send)), FULL), RULES)
    assert [g for g in report.grades if g.verdict.result is Result.CRASHED] == []
    assert report.failures > 10


@pytest.mark.parametrize("body", [BOMB, OUTSIDE, b"<!DOCTYPE x><x/>"])
def test_document_types_and_entities_are_refused(body: bytes) -> None:
    assert "document type" in read_xml(body).problem


def test_depth_and_size_are_bounded() -> None:
    assert "deep" in read_xml(b"<a>" * 100 + b"</a>" * 100).problem
    assert "deep" in read_json(b"[" * 100 + b"]" * 100).problem
    assert read_json(b"[" * 50 + b"]" * 50).problem == ""
    assert read_xml(b"<a>" + b"<b/>" * 100_001 + b"</a>").problem


def test_parity_is_by_what_the_formats_can_say() -> None:
    def compared(value: Any, xml: str) -> str | None:
        return difference(value, plain(read_xml(xml.encode()).value))

    services = "<services><service><a>1.50</a><b>true</b><c/><d> x </d></service></services>"
    assert compared([{"a": 1.5, "b": True, "c": None, "d": "x"}], services) is None
    assert compared([{"a": 1.5, "b": True, "d": "x", "e": ""}], services) is None
    assert compared([{"a": 1.5, "b": False, "d": "x"}], services) == "[0]/b: False / 'true'"
    assert compared([{"a": 1.4, "b": True, "d": "x"}], services) == "[0]/a: 1.4 / '1.50'"
    assert compared([], services) == "/: 0 / 1"
    assert compared([], "<services/>") is None
    assert compared({"values": [{"key": "a"}]}, "<x><values><value><key>a</key></value></values></x>") is None
