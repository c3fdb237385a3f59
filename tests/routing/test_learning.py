"""Rules proposed from past cases: what is certain becomes a rule, what is not is listed, and the order of cases says nothing."""

import tomllib
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.learning import PastCase, is_certain, learn
from routing.proposals import agreement, as_toml

START = date(2026, 1, 1)


def case(service: str, agency: str, *, day: int = 0, area: str = "", **answers: str) -> PastCase:
    return PastCase(service, agency, START + timedelta(days=day), {"district": area} if area else {}, answers)


def sketch(cases: list[PastCase]) -> list[tuple[str, str, int, int]]:
    return [(one.rule.code, one.rule.agency_code, one.cases, one.agreeing) for one in learn(cases).rules]


@pytest.mark.parametrize(
    ("agreeing", "cases", "expected"),
    [
        (0, 0, False),
        (3, 3, False),
        (4, 4, True),
        (5, 7, False),
        (60, 100, True),
        (59, 100, False),
        (5_100, 10_000, True),
    ],
)
def test_more_than_half_must_be_certain(agreeing: int, cases: int, expected: bool) -> None:
    assert is_certain(agreeing, cases) is expected


def test_one_agency_for_a_service_is_one_rule() -> None:
    assert sketch([case("BACHE", "OBRAS")] * 5) == [("BACHE", "OBRAS", 5, 5)]


def test_too_few_cases_make_no_rule_and_are_listed() -> None:
    learned = learn([case("BACHE", "OBRAS")] * 3 + [case("RUIDO", "PAOT")] * 9)
    assert [one.rule.service_code for one in learned.rules] == ["RUIDO"]
    assert [(one.service_code, one.cases, one.agencies) for one in learned.undecided] == [("BACHE", 3, (("OBRAS", 3),))]
    assert learned.default_agency_code == "OBRAS"


def test_areas_with_another_agency_become_one_exception() -> None:
    cases = [case("PODA", "PARQUES", area=area) for area in "ABC" for _ in range(20)]
    cases += [case("PODA", "BOSQUE", area=area) for area in ("X", "Y") for _ in range(6)]
    learned = learn(cases)
    exception, general = learned.rules
    assert (exception.rule.layer_key, exception.rule.area_codes) == ("district", {"X", "Y"})
    assert (exception.rule.agency_code, exception.cases, exception.agreeing) == ("BOSQUE", 12, 12)
    assert (general.rule.layer_key, general.rule.agency_code, general.cases) == (None, "PARQUES", 60)


def test_an_answer_that_explains_more_than_the_area_wins() -> None:
    cases = [case("LUZ", "CFE", area="A", kind="poste") for _ in range(20)]
    cases += [case("LUZ", "ALUMBRADO", area=area, kind="lámpara") for area in "AB" for _ in range(10)]
    exception = learn(cases).rules[0]
    assert exception.rule.answers is not None
    assert {key: set(values) for key, values in exception.rule.answers.items()} in (
        {"kind": {"poste"}},
        {"kind": {"lámpara"}},
    )


def test_an_office_that_took_over_gets_its_day() -> None:
    cases = [case("QUEJA", "DCA", day=day) for day in range(30)]
    cases += [case("QUEJA", "DCWP", day=day) for day in range(30, 90)]
    old, new = learn(cases).rules
    assert (old.rule.agency_code, old.rule.valid_to) == ("DCA", START + timedelta(days=30))
    assert (new.rule.agency_code, new.rule.valid_from) == ("DCWP", START + timedelta(days=30))


def test_noise_makes_no_exception() -> None:
    cases = [case("BACHE", "OBRAS", area=area, day=day) for day, area in enumerate("ABCDEFGH" * 10)]
    cases += [case("BACHE", "INFO", area=area, day=day) for day, area in enumerate("ABCDEFGH")]
    assert sketch(cases) == [("BACHE", "OBRAS", 88, 80)]


def test_without_a_case_there_is_nothing_to_learn() -> None:
    with pytest.raises(ValueError, match="no cases"):
        learn([])


CASES = st.lists(
    st.builds(
        case,
        st.sampled_from(["BACHE", "PODA"]),
        st.sampled_from(["OBRAS", "PARQUES", "INFO"]),
        day=st.integers(0, 3),
        area=st.sampled_from(["", "A", "B"]),
        kind=st.sampled_from(["grande", "chico"]),
    ),
    min_size=1,
    max_size=60,
)


@given(CASES, st.randoms(use_true_random=False))
def test_the_order_of_cases_says_nothing(cases: list[PastCase], random: object) -> None:
    shuffled = list(cases)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert learn(shuffled) == learn(cases)


@given(CASES)
def test_no_rule_stands_on_what_is_not_certain_and_no_code_is_given_twice(cases: list[PastCase]) -> None:
    learned = learn(cases)
    codes = [(one.rule.code, one.rule.valid_from) for one in learned.rules]
    assert len(set(codes)) == len(codes)
    for one in learned.rules:
        assert is_certain(one.agreeing, one.cases)
    ruled = {one.rule.service_code for one in learned.rules}
    assert ruled | {one.service_code for one in learned.undecided} == {one.service_code for one in cases}


def test_the_router_itself_says_how_good_a_proposal_is() -> None:
    cases = [case("PODA", "PARQUES", area="A") for _ in range(20)] + [
        case("PODA", "BOSQUE", area="X") for _ in range(6)
    ]
    found = agreement(
        learn(cases),
        [
            case("PODA", "BOSQUE", area="X"),
            case("PODA", "PARQUES", area="new"),
            case("PODA", "OBRAS", area="A"),
            case("?", "PARQUES"),
        ],
    )
    assert (found.cases, found.right, found.ruled, found.ruled_right) == (4, 3, 3, 2)


WORDS = st.text(min_size=1, max_size=8)


@given(st.lists(st.builds(case, WORDS, WORDS, day=st.integers(0, 9), area=WORDS, kind=WORDS), min_size=1, max_size=30))
def test_a_proposal_can_be_read_back_whatever_the_names_are(cases: list[PastCase]) -> None:
    learned = learn(cases * 5)
    rows = tomllib.loads(as_toml(learned)).get("rule", [])
    assert [row["code"] for row in rows] == [one.rule.code for one in learned.rules]
    for row, one in zip(rows, learned.rules, strict=True):
        assert row["agency"] == one.rule.agency_code
        assert set(row.get("areas", ())) == set(one.rule.area_codes or ())
        assert {code: set(values) for code, values in row.get("answers", {}).items()} == {
            code: set(values) for code, values in (one.rule.answers or {}).items()
        }
