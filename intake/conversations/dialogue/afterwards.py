"""What belongs to a request that is made already: a picture that comes later, a correction, a report begun elsewhere. Pure."""

from dataclasses import replace
from datetime import timedelta

from intake.catalog.definitions import text_in
from intake.conversations.dialogue import words
from intake.conversations.dialogue.questions import named, numbered
from intake.conversations.dialogue.state import DialogueState
from intake.conversations.dialogue.steps import AddToTold, AddWords, DialogueContext, Resume, Step, Text
from intake.conversations.dialogue.told import attached, label
from intake.conversations.dialogue.words import option_number, yes_or_no
from intake.conversations.wording import folio_in_words

# A picture within this time is surely of the one report just made; later it is asked.
_AT_ONCE_H = 2.0
# Stands among the folios for the report that is being told in another thread.
_HALF_TOLD = "told"
_CORRECTED_WITHIN = timedelta(hours=24)


def answer(state: DialogueState, said: str, context: DialogueContext) -> Step | None:
    """The answer where no report is being told and this message is about one that was made; else None."""
    if state.draft is not None:
        return None
    if state.step == "photo" and (step := _whose(state, said, context)):
        return step
    if state.step == "amend" and said:
        told = Text("disputed", {"folio": folio_in_words(state.folio)})
        return Step(state.idle(), (told,), AddWords(state.folio, needs_agent=True))
    if not said and context.media_count:
        return picture(state, context)
    if said in words.CONTINUE:
        return Step(state, (), Resume())
    if said in words.FIX and state.submitted_at and context.now - state.submitted_at < _CORRECTED_WITHIN:
        return Step(replace(state.idle(), step="amend"), (Text("amend", {"folio": folio_in_words(state.folio)}),))
    return None


def picture(state: DialogueState, context: DialogueContext) -> Step | None:
    """What becomes of a picture that says nothing; None when there is nothing that it could belong to."""
    recent, half_told = context.recent, context.half_told
    if about := (context.told.folio if context.told else state.about):
        return _added(state, about)
    is_of_now = [one for one in recent if one.hours <= _AT_ONCE_H]
    if half_told and half_told.hours <= _AT_ONCE_H and not is_of_now:
        return _added_to_told(state, context)
    if half_told is None and len(recent) == 1 and is_of_now:
        return _added(state, recent[0].folio)
    if not recent and half_told is None:
        return None
    found = {one.folio: f"{text_in(one.service, state.language)} {folio_in_words(one.folio)}" for one in recent}
    if half_told:
        found = {_HALF_TOLD: label(state, "half_told"), **found}
    state = replace(state.idle(), step="photo", recent=tuple(found))
    names = list(found.values())
    options = (*names, label(state, "none_of_them"))
    params = {"choices": numbered(names), "other": len(options), **attached(state, context)}
    return Step(state, (Text("photo_whose", params, options),))


def _whose(state: DialogueState, said: str, context: DialogueContext) -> Step | None:
    number = option_number(said)
    digits = said.replace(" ", "")
    if number is None:
        number = named([_name(state, folio) for folio in state.recent], said)
    if digits in state.recent:
        number = state.recent.index(digits) + 1
    if number is None and len(state.recent) == 1 and yes_or_no(said):
        number = 1
    if number is not None and 1 <= number <= len(state.recent):
        folio = state.recent[number - 1]
        return _added_to_told(state, context) if folio == _HALF_TOLD else _added(state, folio)
    if number == len(state.recent) + 1 or yes_or_no(said) is False:
        return Step(state.idle(), (Text("what"),))
    return None


def _name(state: DialogueState, folio: str) -> str:
    return label(state, "half_told") if folio == _HALF_TOLD else folio_in_words(folio)


def _added_to_told(state: DialogueState, context: DialogueContext) -> Step:
    media = str(attached(state, context)["media"])
    return Step(replace(state.idle(), recent=()), (), AddToTold(state.loose, media))


def with_folio(state: DialogueState, folio: str) -> Step:
    """A picture whose words name the folio that it is of. What is being told besides goes on."""
    state = state.idle() if state.draft is None else state
    told = Text("photo_added", {"folio": folio_in_words(folio)})
    effect = AddWords(folio, needs_agent=False, messages=state.loose)
    return Step(replace(state, loose=(), about=folio), (told,), effect)


def _added(state: DialogueState, folio: str) -> Step:
    told = Text("photo_added", {"folio": folio_in_words(folio)})
    return Step(
        replace(state.idle(), loose=(), recent=()), (told,), AddWords(folio, needs_agent=False, messages=state.loose)
    )
