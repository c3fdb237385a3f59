"""Going back, changing what was told, starting over, and reading a report back before it is made. Pure."""

from dataclasses import replace

from intake.conversations.dialogue import words
from intake.conversations.dialogue.matter import recognise
from intake.conversations.dialogue.questions import named, numbered
from intake.conversations.dialogue.report import MOST_MISSES, again, ask_again, heard, in_short, proceed, with_matter
from intake.conversations.dialogue.state import DialogueState
from intake.conversations.dialogue.steps import DialogueContext, Step, Text
from intake.conversations.dialogue.told import PLACE, SERVICE, in_words, items, label
from intake.conversations.dialogue.words import option_number, plain, yes_or_no


def command(state: DialogueState, said: str, context: DialogueContext) -> Step | None:
    """Whole messages about the report that is being told."""
    if state.draft is None:
        return None
    if said in words.RESTART:
        return Step(state.idle(), (Text("restarted"),))
    if said in words.BACK:
        return _back(state, context)
    if said in words.FIX:
        return ask_what_to_fix(state, context)
    if said in words.SUMMARY:
        asked = ask_again(state, context)
        if asked.state.step == "review":
            return asked
        told = Text("summary", {"summary": in_words(items(state, context))})
        return replace(asked, texts=(told, *asked.texts)) if items(state, context) else asked
    if said in words.CONTINUE:
        return ask_again(state, context)
    return _instead(state, said, context)


def _instead(state: DialogueState, said: str, context: DialogueContext) -> Step | None:
    """ "No era bache, era coladera": another service takes the place of the one that was told; the rest stays."""
    told = words.corrected(said)
    matter = recognise(told, None, context) if told else None
    if matter is None or (state.draft and matter.codes[0] == state.draft.service_code):
        return None
    forgotten = forget(state, SERVICE, context).state
    assert forgotten.draft is not None
    return proceed(with_matter(replace(forgotten, draft=heard(forgotten.draft, said)), matter), context)


def _back(state: DialogueState, context: DialogueContext) -> Step:
    if state.step == "drop":
        return ask_again(state, context)
    known = items(state, context)
    return forget(state, known[-1].what, context) if known else ask_again(state, context)


def ask_what_to_fix(state: DialogueState, context: DialogueContext) -> Step:
    known = items(state, context)
    if not known:
        return ask_again(state, context)
    names = [in_short(item.name) for item in known]
    options = (*names, label(state, "nothing"))
    text = Text("fix", {"choices": numbered(names), "other": len(options)}, options)
    return Step(replace(state, step="fix", misses=0), (text,))


def answer_fix(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """The person picks what is wrong; the question for it is asked again."""
    known = items(state, context)
    said = plain(text)
    number = option_number(said) or named([item.name for item in known], said)
    if number is not None and 1 <= number <= len(known):
        return forget(state, known[number - 1].what, context)
    if number == len(known) + 1 or yes_or_no(said) is False:
        return proceed(replace(state, misses=0), context)
    return again(state, *ask_what_to_fix(state, context).texts)


def forget(state: DialogueState, what: str, context: DialogueContext) -> Step:
    """Asks again for one thing; what was told besides stays, but for what hung on it."""
    draft = state.draft
    assert draft is not None
    fresh = replace(draft, is_compared=False, is_side_asked=False, ruled_out=None, settled={}, is_reviewed=False)
    state = replace(state, alike=None, border=None, misses=0, services=(), places=())
    if what == SERVICE:
        fresh = replace(fresh, service_code=None, answers={})
        return Step(replace(state, step="what", draft=fresh), (Text("what_short"),))
    if what == PLACE:
        fresh = replace(fresh, place=None, place_words=None, is_placed=False, tries=0)
        return Step(replace(state, step="where", draft=fresh), (Text("where", asks_place=True),))
    service = context.services.get(fresh.service_code or "")
    kept = {code: given for code, given in fresh.answers.items() if code != what}
    # An answer goes with the one that its question hung on.
    asked = {attribute.code for attribute in service.asked(kept)} if service else set()
    answers = {code: given for code, given in kept.items() if code in asked}
    return proceed(replace(state, draft=replace(fresh, answers=answers)), context)


def answer_review(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """The person says that all is right, or that something is not. What else they say is added to the report."""
    draft = state.draft
    assert draft is not None
    said = plain(text)
    is_right = True if said in words.SEND else yes_or_no(said)
    if is_right is False:
        return ask_what_to_fix(state, context)
    if is_right is None and state.misses + 1 < MOST_MISSES:
        return ask_again(replace(state, draft=heard(draft, text), misses=state.misses + 1), context)
    return proceed(replace(state, draft=replace(draft if is_right else heard(draft, text), is_reviewed=True)), context)
