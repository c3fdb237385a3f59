"""Every rule: kept by a good server of another hand, and broken by a server with exactly its defect."""

import pytest

from atiende.open311_check import reports
from atiende.open311_check.exchanges import Call, Exchange
from atiende.open311_check.grading import grade, judge
from atiende.open311_check.register import RULES, SECTIONS
from atiende.open311_check.verdicts import Result
from atiende.open311_check.visit import Options, Visit
from tests.atiende.open311_check.defects import DEFECTS
from tests.atiende.open311_check.fake_city import KEY, ROOT, FakeCity

BY_ID = {rule.id: rule for rule in RULES}
# Tried over a real socket in test_asking.py: without one there is nothing to follow.
OVER_HTTP = {"web.no-redirect"}
FULL = Options(jurisdiction="falsa.example", api_key=KEY, may_write=True)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "WAIT_S", 0)


def test_there_are_rules_enough_and_each_has_its_own_name() -> None:
    assert len(RULES) >= 250
    assert len(BY_ID) == len(RULES)
    assert len(SECTIONS) >= 12
    assert all(rule.sentence.endswith(".") and rule.source for rule in RULES)


@pytest.mark.parametrize(
    "options", [FULL, Options(api_key=KEY, may_write=True, service_code="BACHE", lat=19.4, long=-99.1)]
)
def test_a_good_server_gets_full_marks(options: Options) -> None:
    report = grade(Visit(ROOT, FakeCity(), options), RULES)
    assert [(g.rule.id, g.verdict.detail_in("en")) for g in report.grades if g.verdict.result is Result.FAILED] == []
    assert report.has_full_marks
    assert report.exit_code == 0


@pytest.mark.parametrize(("rule_id", "defect"), DEFECTS, ids=[f"{rule}-{n}" for n, (rule, _) in enumerate(DEFECTS)])
def test_a_defect_is_caught_by_its_rule(rule_id: str, defect: object) -> None:
    visit = Visit(ROOT, FakeCity(defect), FULL)  # type: ignore[arg-type]  # a Defect
    section = [rule for rule in RULES if rule.section == BY_ID[rule_id].section]
    report = grade(visit, section)
    assert [g.verdict for g in report.grades if g.verdict.result is Result.CRASHED] == []
    found = {g.rule.id: g.verdict for g in report.grades}[rule_id]
    assert found.result is Result.FAILED, found.detail_in("en")
    assert found.detail_in("en")
    if BY_ID[rule_id].level == "must":
        assert report.exit_code == 1


def test_every_rule_has_been_seen_to_fail() -> None:
    assert set(BY_ID) - {rule for rule, _ in DEFECTS} == OVER_HTTP


def test_nothing_is_written_without_leave_and_what_was_not_tried_is_no_pass() -> None:
    class Listening(FakeCity):
        def ask(self, call: Call) -> Exchange:
            assert call.method in ("GET", "HEAD", "OPTIONS")
            return super().ask(call)

    for options in (Options(), Options(api_key=KEY), Options(may_write=True)):
        report = grade(Visit(ROOT, Listening(), options), RULES)
        assert not report.has_full_marks
        assert report.exit_code == 0
        untried = {g.rule.id for g in report.grades if g.verdict.result is Result.NOT_TRIED}
        assert {"post.accepted", "post.missing-key-403", "privacy.email", "token.json", "error.method"} <= untried
        assert [g for g in report.grades if g.verdict.result is Result.FAILED] == []


def test_few_test_reports_are_made() -> None:
    city = FakeCity()
    before = len(city.requests)
    grade(Visit(ROOT, city, FULL), RULES)
    assert len(city.requests) - before <= 15
    made = [request["description"] for request in city.requests[before:]]
    assert all("TEST" in description for description in made)


def test_a_should_is_a_warning_and_no_failure() -> None:
    defect = next(defect for rule, defect in DEFECTS if rule == "list.newest-first")
    report = grade(Visit(ROOT, FakeCity(defect), FULL), [BY_ID["list.newest-first"]])
    assert report.grades[0].verdict.result is Result.FAILED
    assert report.exit_code == 0
    assert not report.has_full_marks


def test_a_defect_of_the_checker_is_told_and_never_passes() -> None:
    def broken(visit: Visit) -> None:
        raise KeyError("nada")

    from dataclasses import replace

    rule = replace(RULES[0], check=broken)
    assert judge(rule, Visit(ROOT, FakeCity())).result is Result.CRASHED
    report = grade(Visit(ROOT, FakeCity(), FULL), [rule, RULES[1]])
    assert report.exit_code == 2
    assert report.grades[1].verdict.result is Result.PASSED


def test_a_dead_address_is_given_up_soon() -> None:
    class Dead:
        questions = 0

        def ask(self, call: Call) -> Exchange:
            self.questions += 1
            return Exchange(call, failure="timeout")

    dead = Dead()
    report = grade(Visit(ROOT, dead, FULL), RULES)
    assert (report.exit_code, report.is_reachable) == (2, False)
    assert dead.questions < 10
