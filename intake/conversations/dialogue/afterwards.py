"""What belongs to a request that is made already: a picture that comes later, a correction, a report begun elsewhere. Pure."""

from dataclasses import replace
from datetime import timedelta

from intake.catalog.definitions import text_in
from intake.conversations.dialogue import words
from intake.conversations.dialogue.questions import named, numbered
from intake.conversations.dialogue.state import DialogueState
from intake.conversations.dialogue.steps import AddWords, DialogueContext, Resume, Step, Text
from intake.conversations.dialogue.told import attached, label
from intake.conversations.dialogue.words import option_number, yes_or_no
from intake.conversations.wording import folio_in_words

# A picture within this time is surely of the one report just made; later it is asked.
_AT_ONCE_H = 2.0
_CORRECTED_WITHIN = timedelta(hours=24)


def answer(state: DialogueState, said: str, context: DialogueContext) -> Step | None:
    """The answer where no report is being told and this message is about one that was made; else None."""
    if state.draft is not None:
        return None
    if state.step == "photo" and (step := _whose(state, said)):
        return step
    if state.step == "amend" and said:
        told = Text("disputed", {"folio": folio_in_words(state.folio)})
        return Step(state.idle(), (told,), AddWords(state.folio, needs_agent=True))
    if not said and context.media_count:
        return _picture(state, context)
    if said in words.CONTINUE:
        return Step(state, (), Resume())
    if said in words.FIX and state.submitted_at and context.now - state.submitted_at < _CORRECTED_WITHIN:
        return Step(replace(state.idle(), step="amend"), (Text("amend", {"folio": folio_in_words(state.folio)}),))
    return None


def _picture(state: DialogueState, context: DialogueContext) -> Step | None:
    recent = context.recent
    if about := (context.told.folio if context.told else state.about):
        return _added(state, about)
    if len(recent) == 1 and recent[0].hours <= _AT_ONCE_H:
        return _added(state, recent[0].folio)
    if not recent:
        return None
    state = replace(state.idle(), step="photo", recent=tuple(one.folio for one in recent))
    names = [f"{text_in(one.service, state.language)} {folio_in_words(one.folio)}" for one in recent]
    options = (*names, label(state, "none_of_them"))
    params = {"choices": numbered(names), "other": len(options), **attached(state, context)}
    return Step(state, (Text("photo_whose", params, options),))


def _whose(state: DialogueState, said: str) -> Step | None:
    number = option_number(said)
    digits = said.replace(" ", "")
    if number is None:
        number = named([folio_in_words(folio) for folio in state.recent], said)
    if digits in state.recent:
        number = state.recent.index(digits) + 1
    if number is None and len(state.recent) == 1 and yes_or_no(said):
        number = 1
    if number is not None and 1 <= number <= len(state.recent):
        return _added(state, state.recent[number - 1])
    if number == len(state.recent) + 1 or yes_or_no(said) is False:
        return Step(state.idle(), (Text("what"),))
    return None


def _added(state: DialogueState, folio: str) -> Step:
    told = Text("photo_added", {"folio": folio_in_words(folio)})
    return Step(
        replace(state.idle(), loose=(), recent=()), (told,), AddWords(folio, needs_agent=False, messages=state.loose)
    )
