"""Danger that is told while something else is talked about: whom to call, before anything else and whatever was asked. Pure."""

from collections.abc import Callable
from dataclasses import replace

from intake.conversations.dialogue import words
from intake.conversations.dialogue.report import is_just_warned, warning
from intake.conversations.dialogue.state import LAST_WORDS, DialogueState
from intake.conversations.dialogue.steps import DialogueContext, HandToAgent, Step, Submit, Text
from intake.conversations.dialogue.words import plain

_ASKED_ANEW = ("what", "where")


def heeded(
    state: DialogueState, said: str, context: DialogueContext, answered: Callable[[DialogueState], Step]
) -> Step:
    """What `answered` says, after whom to call where `said` tells of danger.

    Words that bring the report no further are none of it: then nothing is asked, and the report waits as it was.
    """
    danger, draft = words.emergency(said), state.draft
    if danger is None:
        return answered(state)
    if draft is None:
        step = answered(state)
        is_told = any(text.key.startswith("emergency") for text in step.texts)
        return step if is_told else _first(warning(danger, context), step)
    step = answered(replace(state, draft=replace(draft, is_warned=True)))
    # In a call the question is held until they say that they are safe.
    if not context.is_spoken and not _goes_on(state, step):
        return Step(state, (warning(danger, context),))
    if draft.is_warned and danger.kind in words.dangers(plain(" ".join(draft.words))):
        return step
    return _first(warning(danger, context), step)


def beside_an_agent(state: DialogueState, said: str, context: DialogueContext) -> Step | None:
    """Whom to call, once in half an hour for each kind: whoever waits for a person may wait too long."""
    danger = words.emergency(said)
    if danger is None or (is_just_warned(state, context) and state.warned_of == danger.kind):
        return None
    return Step(replace(state, warned_at=context.now, warned_of=danger.kind), (warning(danger, context),))


def _goes_on(before: DialogueState, step: Step) -> bool:
    """True when what was said answers something, or tells more of the report than danger."""
    draft, after = before.draft, step.state.draft
    assert draft is not None
    if isinstance(step.effect, HandToAgent):
        return False
    if isinstance(step.effect, Submit):
        # Made because nobody said yes or no twice: what they did say may be nobody else's business.
        return before.step not in LAST_WORDS or step.effect.description == "\n".join(draft.words)
    if step.effect is not None or after is None:
        return True
    told = (draft.service_code, draft.place, draft.is_placed, draft.answers, draft.settled)
    known = (after.service_code, after.place, after.is_placed, after.answers, after.settled)
    return told != known or (step.state.step != before.step and step.state.step not in _ASKED_ANEW)


def _first(warned: Text, step: Step) -> Step:
    return replace(step, texts=(warned, *step.texts))
