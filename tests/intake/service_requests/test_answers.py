"""The six datatypes of GeoReport."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.catalog.definitions import AttributeDefinition, Option, ServiceDefinition
from intake.service_requests.answers import answers_for, read_answers
from intake.service_requests.values import InvalidForm

OPTIONS = (
    Option("a", {"es": "Opción A", "en": "Option A"}),
    Option("b", {"es": "Opción B", "en": "Option B"}),
    Option("007", {"es": "Siete", "en": "Seven"}),
)
DATATYPES = ["string", "text", "number", "datetime", "singlevaluelist", "multivaluelist"]


def question(datatype: str, *, required: bool = False, variable: bool = True, code: str = "Q") -> AttributeDefinition:
    return AttributeDefinition(
        code=code,
        datatype=datatype,
        is_variable=variable,
        is_required=required,
        position=1,
        description={"es": "¿Cuál?", "en": "Which one?"},
        datatype_description={},
        options=OPTIONS if datatype.endswith("list") else (),
    )


def service(*attributes: AttributeDefinition) -> ServiceDefinition:
    return ServiceDefinition(
        id=UUID(int=1),
        jurisdiction_id="prueba",
        code="S",
        name={"es": "S"},
        description={"es": "S"},
        kind="realtime",
        group_code="g",
        group_name={"es": "G"},
        keywords=(),
        promise={"amount": 1, "unit": "days"},
        notice={},
        icon="note",
        is_emergency=False,
        is_sensitive=False,
        position=1,
        timezone=ZoneInfo("America/Mexico_City"),
        attributes=attributes,
    )


def problems(datatype: str, given: Sequence[str], **flags: bool) -> list[str]:
    found = read_answers(service(question(datatype, **flags)), {"Q": given})[1]
    return [problem.public_text("es") for problem in found]


def answer(datatype: str, *given: str) -> object:
    return answers_for(service(question(datatype)), {"Q": given})["Q"]


@pytest.mark.parametrize("value", ["0", "12", "-3", "+4.5", ".5", "5.", "0042", "1" * 40, " 7 "])
def test_numbers(value: str) -> None:
    assert answer("number", value) == value.strip()


@pytest.mark.parametrize(
    "value",
    [
        "doce",
        "NaN",
        "nan",
        "inf",
        "-Infinity",
        "1,5",
        "1 000",
        "1e5",
        "0x1F",
        "٤٢",
        "１２",
        "½",
        "--1",
        "1.2.3",
        ".",
        "-",
        "1\n2",
        "1_0",
    ],
)
def test_what_is_no_number(value: str) -> None:
    (text,) = problems("number", [value])
    assert text == "Q debe ser un número."


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("2026-11-21T18:00:00-06:00", "2026-11-21T18:00:00-06:00"),
        ("2026-11-21T18:00:00Z", "2026-11-21T18:00:00+00:00"),
        ("2026-11-21T18:00:00.5Z", "2026-11-21T18:00:00+00:00"),
        ("2026-11-21T18:00", "2026-11-21T18:00:00-06:00"),
        ("2026-11-21", "2026-11-21T00:00:00-06:00"),
        ("2026-11-21T18:00:00 01:00", "2026-11-21T18:00:00+01:00"),
    ],
)
def test_datetimes(value: str, kept: str) -> None:
    assert answer("datetime", value) == kept


@pytest.mark.parametrize("value", ["mañana", "21/11/2026", "2026-11-31", "2026-11-21T26:00", "18:00", "1763750000"])
def test_what_is_no_datetime(value: str) -> None:
    (text,) = problems("datetime", [value])
    assert text.startswith("Q debe ser una fecha ISO 8601")


def test_a_list_takes_keys_and_no_names() -> None:
    assert answer("singlevaluelist", "a") == "a"
    assert answer("singlevaluelist", " 007 ") == "007"
    for wrong in ("Opción A", "A", "7", "c", "a,b"):
        (text,) = problems("singlevaluelist", [wrong])
        assert text.startswith("Q no es una de las opciones: a, b, 007")


def test_a_single_list_takes_one_answer() -> None:
    assert problems("singlevaluelist", ["a", "b"]) == ["Q admite una sola respuesta."]
    assert answer("singlevaluelist", "a", "a") == "a"


def test_a_multiple_list_takes_several_once_each() -> None:
    assert answer("multivaluelist", "b", "a", "b", "") == ["b", "a"]
    assert answer("multivaluelist", "a") == ["a"]
    assert len(problems("multivaluelist", ["a", "c"])) == 1


def test_a_string_is_one_line_and_a_text_may_be_many() -> None:
    assert answer("string", "  una línea ") == "una línea"
    assert answer("text", "dos\nlíneas\n") == "dos\nlíneas"
    assert problems("string", ["dos\nlíneas"]) == ["Q debe caber en una línea."]
    assert problems("text", ["a" * 4001]) == ["Q es demasiado largo: caben 4000 letras."]


@pytest.mark.parametrize("datatype", DATATYPES)
@pytest.mark.parametrize("given", [[], [""], ["  "], ["", " \t"]])
def test_an_empty_answer_is_none_at_all(datatype: str, given: list[str]) -> None:
    assert problems(datatype, given) == []
    assert answers_for(service(question(datatype)), {"Q": given}) == {}
    (text,) = problems(datatype, given, required=True)
    assert text == "Q required: ¿Cuál?"


def test_a_required_question_is_asked_in_the_reader_s_language() -> None:
    with pytest.raises(InvalidForm) as caught:
        answers_for(service(question("text", required=True)), {})
    assert caught.value.errors[0].public_text("en") == "Q required: Which one?"
    assert caught.value.errors[0].field == "attribute[Q]"


@pytest.mark.parametrize("datatype", DATATYPES)
def test_what_is_only_shown_is_never_required_and_never_read(datatype: str) -> None:
    notice = question(datatype, required=True, variable=False)
    assert answers_for(service(notice), {"Q": ["anything\nat all"]}) == {}
    assert answers_for(service(notice), {}) == {}


def test_what_nobody_asked_is_ignored() -> None:
    assert answers_for(service(question("text")), {"easting": ["1"], "q": ["no"], "Q": ["sí"]}) == {"Q": "sí"}


def test_every_fault_is_told_in_the_order_of_the_questions() -> None:
    asked = [question(datatype, required=True, code=datatype.upper()) for datatype in DATATYPES]
    with pytest.raises(InvalidForm) as caught:
        answers_for(service(*asked), {"NUMBER": ["x"]})
    assert [error.params["code"] for error in caught.value.errors] == [datatype.upper() for datatype in DATATYPES]


raw = st.dictionaries(
    st.sampled_from([*DATATYPES, "unknown"]),
    st.lists(st.text(max_size=20) | st.sampled_from(["a", "b", "1", "2026-01-01"])),
)


@given(raw, st.booleans())
def test_any_input_gives_valid_answers_or_named_faults(given: Mapping[str, list[str]], required: bool) -> None:
    asked = service(*(question(datatype, required=required, code=datatype) for datatype in DATATYPES))
    answers, faults = read_answers(asked, given)
    named = {fault.params["code"] for fault in faults}
    assert not named & set(answers)
    assert set(answers) <= set(DATATYPES)
    if "number" in answers:
        float(str(answers["number"]))
    if "datetime" in answers:
        assert datetime.fromisoformat(str(answers["datetime"])).tzinfo is not None
    if required:
        assert named | set(answers) == set(DATATYPES)
    again = {code: [value] if isinstance(value, str) else value for code, value in answers.items()}
    if not required:
        assert answers_for(asked, again) == answers, "what was accepted is accepted again, unchanged"


def hanging(code: str, *accepted: str, on: str, required: bool = True) -> AttributeDefinition:
    return replace(question("singlevaluelist", required=required, code=code), only_if={on: frozenset(accepted)})


CHAIN = service(
    question("singlevaluelist", required=True, code="TYPE"),
    hanging("DEPTH", "a", "007", on="TYPE"),
    hanging("WATER", "b", on="DEPTH"),
)


@pytest.mark.parametrize(
    ("raw", "asked", "missing"),
    [
        ({}, ["TYPE"], ["TYPE"]),
        ({"TYPE": ["b"]}, ["TYPE"], []),
        ({"TYPE": ["a"]}, ["TYPE", "DEPTH"], ["DEPTH"]),
        ({"TYPE": ["007"], "DEPTH": ["b"]}, ["TYPE", "DEPTH", "WATER"], ["WATER"]),
        # What hangs on a question that does not apply does not apply, whatever a client sends for it.
        ({"TYPE": ["b"], "DEPTH": ["b"]}, ["TYPE"], []),
    ],
)
def test_a_question_is_asked_after_certain_answers_only(
    raw: dict[str, list[str]], asked: list[str], missing: list[str]
) -> None:
    assert [attribute.code for attribute in CHAIN.asked(raw)] == asked
    assert [problem.definition.code for problem in read_answers(CHAIN, raw)[1]] == missing


def test_an_answer_to_what_was_not_asked_is_kept_and_still_checked() -> None:
    answers, faults = read_answers(CHAIN, {"TYPE": ["b"], "DEPTH": ["b"]})
    assert (answers, faults) == ({"TYPE": "b", "DEPTH": "b"}, [])
    assert len(read_answers(CHAIN, {"TYPE": ["b"], "DEPTH": ["zzz"]})[1]) == 1


@given(st.dictionaries(st.sampled_from(["TYPE", "DEPTH", "WATER"]), st.lists(st.sampled_from(["a", "b", "007"]))))
def test_conditions_as_one_would_read_them(raw: dict[str, list[str]]) -> None:
    depth = bool({"a", "007"} & set(raw.get("TYPE", ())))
    water = depth and "b" in raw.get("DEPTH", ())
    expected = ["TYPE", *(["DEPTH"] if depth else []), *(["WATER"] if water else [])]
    assert [attribute.code for attribute in CHAIN.asked(raw)] == expected
