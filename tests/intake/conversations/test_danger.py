"""Danger told in the middle of something else: whom to call comes first, whatever was asked."""

from dataclasses import replace
from datetime import timedelta

import pytest

from intake.conversations.dialogue.next_step import next_step, while_with_agent
from intake.conversations.dialogue.state import Alike, Announced, Border, DialogueState, Place, Side
from intake.conversations.dialogue.steps import StaySilent, Submit, Told
from tests.intake.conversations.talk import NOW, Talk, context

STANDING = {
    "which": ["se cayó algo de un árbol en mi casa, está por caer"],
    "where": ["bache"],
    "place": ["bache en la joya"],
    "question": ["se fundió el foco en niebla y sabinos"],
    "fix": ["se fundió el foco en niebla y sabinos", "CORREGIR"],
    "drop": ["bache", "CANCELAR"],
}


@pytest.mark.parametrize("step", STANDING)
@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("mi esposo me está pegando", "emergency_violence"),
        ("huele mucho a gas", "emergency_gas"),
        ("help, my husband is hitting me", "emergency_violence"),
    ],
)
def test_whatever_was_asked_waits(step: str, said: str, key: str) -> None:
    talk = Talk()
    for words in STANDING[step]:
        talk.say(words)
    assert talk.state.step == step
    draft = talk.state.draft
    talk.say(said)
    assert talk.keys == [key]
    # It is nobody else's business, and no miss either.
    assert (talk.state.draft, talk.state.step) == (draft, step)


@pytest.mark.parametrize("step", ["same", "side", "review", "incident"])
def test_one_last_word_is_waited_for_as_well(step: str) -> None:
    draft = Talk().say("bache").state.draft
    assert draft is not None
    draft = replace(draft, place_words="niebla 20", is_placed=True)
    names = ({"es": "Norte", "en": "North"}, {"es": "Sur", "en": "South"})
    state = DialogueState(
        step=step,
        draft=draft,
        alike=Alike("1", 20, 2.0, "un bache", is_closed=False, shown={}),
        border=Border({"es": "¿Dónde?", "en": "Where?"}, tuple(Side(name, {}) for name in names)),
        incident=Announced("1", {"es": "Llueve", "en": "Rain"}),
        misses=1,
    )
    heard = next_step(state, "mi esposo me pega", context())
    assert ([text.key for text in heard.texts], heard.effect) == (["emergency_violence"], None)
    assert heard.state.draft == draft


def test_an_answer_that_tells_of_danger_is_an_answer_too() -> None:
    step = Talk().say("bache").say("niebla 20, el carmen, ya hay un herido").step
    assert [text.key for text in step.texts] == ["emergency_injured"]
    assert isinstance(step.effect, Submit)
    assert "herido" in step.effect.description


def test_another_danger_is_another_number_and_the_same_one_is_told_once_in_a_report() -> None:
    talk = Talk().say("cable caído sacando chispas")
    assert talk.keys == ["emergency_electrocution", "where"]
    assert talk.say("hay un herido").keys == ["emergency_injured"]
    report = talk.say("niebla 20, el carmen, saca chispas").step
    assert not [text.key for text in report.texts if text.key.startswith("emergency")]


def test_after_a_warning_another_danger_is_heard() -> None:
    talk = Talk().say("huele a gas en niebla 20, el carmen").say("niebla 20, el carmen")
    assert talk.keys == ["emergency_place"]
    assert talk.say("hay una fuga de gas").keys == ["emergency_gas"]
    assert talk.say("mi esposo me pega").keys == ["emergency_violence"]


def test_in_the_middle_of_a_correction_or_an_answer_to_news() -> None:
    talk = Talk(DialogueState(step="amend", folio="2617584474", submitted_at=NOW))
    assert talk.say("me están golpeando").keys[0] == "emergency_violence"
    assert Talk().say("me están golpeando", told=Told("2617584474", "open")).keys[0] == "emergency_violence"


def test_who_waits_for_a_person_is_told_once_for_each_danger() -> None:
    first = while_with_agent(DialogueState(), "mi esposo me pega", context())
    assert [text.key for text in first.texts] == ["emergency_violence"]
    again = while_with_agent(first.state, "me sigue pegando mi esposo", context(NOW + timedelta(minutes=5)))
    assert again.effect == StaySilent("agent")
    other = while_with_agent(again.state, "y huele a gas", context(NOW + timedelta(minutes=6)))
    assert [text.key for text in other.texts] == ["emergency_gas"]
    later = while_with_agent(other.state, "huele a gas", context(NOW + timedelta(minutes=40)))
    assert [text.key for text in later.texts] == ["emergency_gas"]


class TestAfterAWarning:
    """Somebody was told whom to call, and nothing was asked."""

    def test_a_bare_place_is_kept_and_nothing_is_asked(self) -> None:
        talk = Talk().say("hay un herido").say("Juárez 50")
        assert talk.keys == ["emergency_place"]
        assert "911" in talk.bodies[0]
        assert talk.state.draft is not None
        assert talk.state.draft.place_words == "Juárez 50"

    def test_what_is_to_be_repaired_there_is_a_report(self) -> None:
        step = Talk().say("hay un herido").say("niebla 20, el carmen").say("se cayó un poste").step
        assert isinstance(step.effect, Submit)
        assert step.effect.place is not None
        assert "Niebla 20" in step.effect.place.label

    @pytest.mark.parametrize("said", ["gracias", "no"])
    def test_nothing_is(self, said: str) -> None:
        talk = Talk().say("hay un herido").say("niebla 20, el carmen").say(said)
        assert (talk.keys, talk.state.draft) == (["courtesy"], None)

    def test_something_is(self) -> None:
        assert Talk().say("hay un herido").say("niebla 20, el carmen").say("sí").keys == ["what_short"]

    def test_a_shared_place_is_one_too(self) -> None:
        talk = Talk().say("hay un herido").say("", shared=Place("Niebla 20", -101.41, 21.87, 100.0, 20))
        assert talk.keys == ["emergency_place"]
        assert isinstance(talk.say("hay un bache").step.effect, Submit)

    def test_what_tells_nothing_is_sent_to_the_right_number_again(self) -> None:
        assert Talk().say("hay un herido").say("ya llamé y no contestan").keys == ["emergency_more"]

    def test_a_report_is_one(self) -> None:
        assert isinstance(Talk().say("hay un herido").say("bache en niebla 20, el carmen").step.effect, Submit)

    def test_after_half_an_hour_it_is_over(self) -> None:
        talk = Talk().say("hay un herido").say("niebla 20, el carmen", after=timedelta(minutes=31))
        assert talk.keys == ["what_short"]
