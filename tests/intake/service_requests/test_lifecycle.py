import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from intake.service_requests import lifecycle
from intake.service_requests.lifecycle import (
    LIFE_TEXTS,
    OUTCOMES,
    PILL_TEXTS,
    TRANSITIONS,
    check_change,
    open311_status,
    pill,
)
from kernel.errors import AtiendeError, Conflict, InvalidInput
from kernel.i18n import translate

HANDOVERS = ["none", "pending", "sent", "accepted", "returned", "transferred"]
lives = st.sampled_from(sorted(TRANSITIONS))
outcomes = st.none() | st.sampled_from(sorted(OUTCOMES))


def test_every_state_can_be_reached_from_new_and_none_is_a_dead_end() -> None:
    reached = {lifecycle.NEW}
    while more := {target for life in reached for target in TRANSITIONS[life]} - reached:
        reached |= more
    assert reached == set(TRANSITIONS)
    assert all(TRANSITIONS.values())


def test_nothing_becomes_new_again_and_only_closed_is_reopened() -> None:
    assert not any(lifecycle.NEW in targets for targets in TRANSITIONS.values())
    assert [life for life, targets in TRANSITIONS.items() if lifecycle.REOPENED in targets] == [lifecycle.CLOSED]


@given(lives, lives, outcomes)
def test_a_step_passes_exactly_when_the_table_has_it(life: str, target: str, outcome: str | None) -> None:
    allowed = target in TRANSITIONS[life] and (target == lifecycle.CLOSED) == (outcome is not None)
    try:
        check_change(life, target, outcome)
        passed = True
    except (Conflict, InvalidInput):
        passed = False
    assert passed == allowed


@given(lives, st.text(max_size=12), st.text(max_size=12))
def test_unknown_words_are_refused_and_never_break_anything(life: str, target: str, outcome: str) -> None:
    if target in TRANSITIONS:
        return
    with pytest.raises(InvalidInput):
        check_change(life, target, outcome)


@given(lives, outcomes, st.sampled_from(HANDOVERS))
def test_every_combination_has_one_pill_with_a_text(life: str, outcome: str | None, handover: str) -> None:
    code, css, icon = pill(life, outcome, handover)
    assert code in PILL_TEXTS
    assert css in {"info", "work", "wait", "danger", "ok", "quiet"}
    assert icon
    assert (open311_status(life) == "closed") == (code in {"resolved", "duplicate", "cancelled", "closed_unrepaired"})


def test_only_what_was_resolved_looks_resolved() -> None:
    shown = {outcome: pill("closed", outcome, "accepted").code for outcome in OUTCOMES}
    assert [outcome for outcome, code in shown.items() if code == "resolved"] == ["resolved"]
    assert (shown["duplicate"], shown["cancelled_by_resident"], shown["not_found"]) == (
        "duplicate", "cancelled", "closed_unrepaired",
    )  # fmt: skip


def test_every_text_exists_in_english() -> None:
    for text in [*OUTCOMES.values(), *LIFE_TEXTS.values(), *PILL_TEXTS.values()]:
        assert translate("en", text) != text


def test_a_refusal_names_the_states_in_the_reader_s_language() -> None:
    with pytest.raises(AtiendeError) as caught:
        check_change("new", "reopened", None)
    assert caught.value.public_text("es") == "Un reporte en «Nuevo» no puede pasar a «Reabierto»."
    assert caught.value.public_text("en") == "A report in “New” cannot become “Reopened”."


class Life(RuleBasedStateMachine):
    """Whatever is asked in whatever order, a request is in a known state and closed exactly when it has an outcome."""

    def __init__(self) -> None:
        super().__init__()
        self.life: str = lifecycle.NEW
        self.outcome: str | None = None

    @rule(wanted=lives, outcome=outcomes)
    def ask(self, wanted: str, outcome: str | None) -> None:
        before = self.life
        try:
            check_change(self.life, wanted, outcome)
        except (Conflict, InvalidInput):
            assert (self.life, self.outcome) == (before, self.outcome)
            return
        self.life, self.outcome = wanted, outcome

    @invariant()
    def closed_has_an_outcome(self) -> None:
        assert self.life in TRANSITIONS
        assert (self.life == lifecycle.CLOSED) == (self.outcome is not None)


TestLife = Life.TestCase
