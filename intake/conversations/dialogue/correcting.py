"""Going back, changing what was told, starting over, and reading a report back before it is made. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from intake.catalog.definitions import ServiceDefinition
from intake.conversations.dialogue import places, questions, words
from intake.conversations.dialogue.answers import answer_where
from intake.conversations.dialogue.matter import recognise
from intake.conversations.dialogue.questions import named, numbered
from intake.conversations.dialogue.report import MOST_MISSES, again, ask_again, heard, in_short, proceed, with_matter
from intake.conversations.dialogue.state import DialogueState
from intake.conversations.dialogue.steps import DialogueContext, Step, Text
from intake.conversations.dialogue.told import PLACE, SERVICE, in_words, items, label
from intake.conversations.dialogue.words import option_number, plain, yes_or_no

_NAMED_SO = dict.fromkeys(words.WRONG_PLACE, PLACE) | dict.fromkeys(words.WRONG_SERVICE, SERVICE)
# Steps that come after a place was told, so that another one corrects it.
_PLACED = ("place", "question", "same", "side", "review", "fix")


def command(state: DialogueState, text: str, said: str, context: DialogueContext) -> Step | None:
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
    return _instead(state, said, context) or _elsewhere(state, text, context)


def _instead(state: DialogueState, said: str, context: DialogueContext) -> Step | None:
    """ "No era bache, era coladera": another service takes the place of the one that was told; the rest stays."""
    told = words.corrected(said)
    matter = recognise(told, None, context) if told else None
    if matter is None or (state.draft and matter.codes[0] == state.draft.service_code):
        return None
    forgotten = _without(state, SERVICE)
    assert forgotten.draft is not None
    return proceed(with_matter(replace(forgotten, draft=heard(forgotten.draft, said)), matter), context)


def _elsewhere(state: DialogueState, text: str, context: DialogueContext) -> Step | None:
    """ "La dirección es Juárez 50": it takes the place of the one that was told; "la dirección es otra": it is asked for."""
    told = words.corrected_place(text) if state.step in _PLACED else None
    if told is None:
        return None
    if yes_or_no(plain(told)) is False:
        return forget(state, PLACE, context)
    # "La calle es muy oscura" tells no place, but what to correct was just asked for.
    if state.step != "fix" and not places.find_in_answer(told, context.find_places).is_known:
        return None
    return answer_where(_without(state, PLACE), told, context)


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
    """The person picks what is wrong, and the question for it is asked again; or says at once how it is instead."""
    known = items(state, context)
    said = plain(text)
    number = option_number(said)
    if number == len(known) + 1 or (number is None and yes_or_no(said) is False):
        return proceed(replace(state, misses=0), context)
    named_so = _NAMED_SO.get(said)
    if named_so and any(item.what == named_so for item in known):
        return forget(state, named_so, context)
    if number is None:
        if step := _right_away(state, text, context):
            return step
        number = named([item.name for item in known], said)
    if number is not None and 1 <= number <= len(known):
        return forget(state, known[number - 1].what, context)
    return again(state, *ask_what_to_fix(state, context).texts)


def _right_away(state: DialogueState, text: str, context: DialogueContext) -> Step | None:
    """The report with the service, the place and the answers that these words tell anew; None when they tell none."""
    finding = places.find_in_report(text, context.find_places)
    finding = finding if finding and finding.is_known else None
    matter = recognise(text, finding, context)
    fixed = state
    if matter and matter.is_sure and state.draft and matter.codes[0] != state.draft.service_code:
        fixed = with_matter(_without(state, SERVICE), matter)
    else:
        fixed = _answered_anew(state, text, context)
    if finding:
        fixed = replace(_without(fixed, PLACE), places=finding.rivals)
    if fixed is state or fixed.draft is None:
        return None
    draft = replace(heard(fixed.draft, text), place_words=finding.words if finding else fixed.draft.place_words)
    return proceed(replace(fixed, draft=draft), context, finding)


def _answered_anew(state: DialogueState, text: str, context: DialogueContext) -> DialogueState:
    """With another of the options of a question; the same state when these words are none."""
    draft = state.draft
    service = context.services.get(draft.service_code or "") if draft else None
    if draft is None or service is None:
        return state
    for attribute in service.asked(draft.answers):
        if not attribute.options:  # any words would do
            continue
        given = questions.read(attribute, text, state.language, context.now, service.timezone)
        if given and list(given) != list(draft.answers.get(attribute.code, ())):
            fixed = _without(state, attribute.code)
            assert fixed.draft is not None
            answers = _still_asked(service, {**draft.answers, attribute.code: given})
            return replace(fixed, draft=replace(fixed.draft, answers=answers))
    return state


def forget(state: DialogueState, what: str, context: DialogueContext) -> Step:
    """Asks again for one thing; what was told besides stays, but for what hung on it."""
    state = _without(state, what)
    if what == SERVICE:
        return Step(replace(state, step="what"), (Text("what_short"),))
    if what == PLACE:
        return Step(replace(state, step="where"), (Text("where", asks_place=True),))
    draft = state.draft
    assert draft is not None
    service = context.services.get(draft.service_code or "")
    answers = _still_asked(service, draft.answers) if service else {}
    return proceed(replace(state, draft=replace(draft, answers=answers)), context)


def _without(state: DialogueState, what: str) -> DialogueState:
    """The memory without one thing that was told, and without what was asked of the whole."""
    draft = state.draft
    assert draft is not None
    fresh = replace(
        draft,
        is_compared=False,
        is_side_asked=False,
        ruled_out=None,
        settled={},
        is_reviewed=False,
        is_told=False,
        apart_from="",
        was_whole=state.is_nearly_told,
    )
    if what == SERVICE:
        fresh = replace(fresh, service_code=None, answers={})
    elif what == PLACE:
        fresh = replace(fresh, place=None, place_words=None, is_placed=False, tries=0)
    else:
        fresh = replace(fresh, answers={code: given for code, given in draft.answers.items() if code != what})
    return replace(state, draft=fresh, alike=None, border=None, incident=None, misses=0, services=(), places=())


def _still_asked(service: ServiceDefinition, answers: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Without the answers to questions that hung on one that is answered otherwise now."""
    asked = {attribute.code for attribute in service.asked(answers)}
    return {code: given for code, given in answers.items() if code in asked}


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
