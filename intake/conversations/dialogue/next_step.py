"""The dialogue: from what is remembered and what was just said to what is answered. The rules in words: docs/dialogue.md."""

from dataclasses import replace
from datetime import timedelta

from intake.conversations.dialogue import (
    afterwards,
    answers,
    correcting,
    danger,
    emoji,
    folios,
    incident,
    other_address,
    report,
    words,
)
from intake.conversations.dialogue.state import LAST_WORDS, DialogueState
from intake.conversations.dialogue.steps import (
    AddToTold,
    AddWords,
    ChooseNotices,
    DialogueContext,
    HandToAgent,
    ShowStatus,
    StaySilent,
    Step,
    Submit,
    Text,
    Told,
)
from intake.conversations.dialogue.told import attached
from intake.conversations.dialogue.understanding import Understanding, understand
from intake.conversations.dialogue.words import plain
from intake.conversations.wording import folio_in_words

_WINDOW = timedelta(minutes=10)
MOST_IN_WINDOW, _MOST_REPEATS = 30, 3
# A program that answers mail does it in whole sentences, and always in the same ones.
_SENTENCE = 20
# Pictures that are sent together come as messages of their own, all but one without words.
_ALBUM = timedelta(seconds=10)
_SAME_REPORT_FOR = timedelta(hours=24)
# A folio has a check digit, but somebody with patience could still go fishing.
_MOST_BAD_FOLIOS = 5
_ANSWERS = {
    "what": answers.answer_what,
    "which": answers.answer_which,
    "where": answers.answer_where,
    "place": answers.answer_place,
    "question": answers.answer_question,
    "same": answers.answer_same,
    "side": answers.answer_side,
    "incident": incident.answer_incident,
    "review": correcting.answer_review,
    "fix": correcting.answer_fix,
}


def press(state: DialogueState, choice: str, context: DialogueContext) -> Step | str:
    """What was meant by pressing a button: words that `next_step` reads, or already the answer when its question has passed."""
    turn, _, number = choice.partition(".")
    if turn == report.PICKED and choice != state.pressed and number in context.services:
        return report.begin_picked(state, number, context)
    if choice == state.pressed:
        return Step(state, (), StaySilent("repeat"))  # a double tap
    if turn == str(state.turn) and number.isdecimal() and state.step != "idle":
        return number
    if state.draft is None:
        return Step(state, (Text("passed_idle"),))
    asked = report.ask_again(state, context)
    return replace(asked, texts=(Text("passed"), *asked.texts))


def next_step(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """What to answer to `text`, what to do, and what to remember. Never raises, whatever the text."""
    text = emoji.spelled(text, state.language)
    said = plain(text)
    # A whole report that waits for one last word is never dropped.
    expired = state.draft is not None and state.step not in LAST_WORDS and state.is_expired(context.now)
    if expired:
        state = state.idle()
    if state.is_expired(context.now):
        state = replace(state, loose=(), recent=(), about="")
    state = _counted(state, said, context)
    state = replace(_in_language(state, said), at=context.now)
    if step := _opt_out(state, said) or _too_much(state, context) or _command(state, said):
        return step
    step = danger.heeded(state, said, context, lambda known: _answered(known, text, said, context, expired=expired))
    return _as_one_album(state, step, said, context) if context.media_count else step


def _answered(state: DialogueState, text: str, said: str, context: DialogueContext, *, expired: bool) -> Step:
    if step := other_address.answer(state, text, said, context):
        return step
    if step := correcting.command(state, text, said, context) or afterwards.answer(state, said, context):
        return step
    if step := report.at_shared(state, text, context):
        return step
    if step := _about_a_folio(state, text, context):
        return step
    if state.draft is None:
        return _idle(state, text, said, context, expired=expired)
    if words.asks_language(said):
        return report.ask_again(state, context)
    if words.gives_up(said):
        return Step(replace(state, step="drop"), (Text("drop", options=report.yes_no(state)),))
    if state.step == "drop":
        return _dropping(state, text, said, context)
    if not said:
        return _wordless(state, context)
    answer = _ANSWERS.get(state.step)
    return answer(state, text, context) if answer else report.ask_again(state, context)


def while_with_agent(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """While a person answers, the dialogue keeps quiet, but for notices, one-time codes, a folio's state, and danger."""
    said = plain(text)
    state = replace(_counted(state, said, context), at=context.now)
    command = words.commands(said)
    if command == "opt_out" and (step := _opt_out(state, said)):
        return step
    if _too_much(state, context):
        # The person who answers sees them all; there is nothing to add.
        return Step(state, (), StaySilent("flood"))
    if command == "opt_in" and (step := _command(state, said)):
        return step
    if step := other_address.answer(state, text, said, context):
        return step
    if step := danger.beside_an_agent(state, said, context):
        return step
    return _about_a_folio(state, text, context) or Step(state, (), StaySilent("agent"))


def is_opt_out(state: DialogueState, said: str) -> bool:
    """True when these plain words, and nothing else, withdraw from messages at this moment."""
    return words.commands(said) == "opt_out" or (said in words.CANCEL and state.draft is None and state.step != "link")


def _opt_out(state: DialogueState, said: str) -> Step | None:
    if is_opt_out(state, said):
        return Step(state, (Text("opted_out"),), ChooseNotices(is_granted=False))
    return None


def _command(state: DialogueState, said: str) -> Step | None:
    """What means the same at every moment."""
    command = words.commands(said)
    if command == "opt_in":
        return Step(state, (Text("opted_in"),), ChooseNotices(is_granted=True))
    if command == "help":
        return Step(state, (Text("help"),))
    if command == "person" or (words.asks(said, "person") and not words.is_emergency(said)):
        return Step(state, (Text("agent"),), HandToAgent("asked"))
    return None


def _about_a_folio(state: DialogueState, text: str, context: DialogueContext) -> Step | None:
    asked = folios.read(text, digits_alone=not answers.may_be_digits(state, context))
    if asked is None:
        return None
    if asked.folio is None and asked.fault is None:
        return Step(state, (), ShowStatus(None))
    if state.bad_folios >= _MOST_BAD_FOLIOS:
        return Step(state, (Text("folio_agent"),))
    if asked.folio is not None and context.media_count:
        return afterwards.with_folio(state, asked.folio)
    if asked.fault is None:
        return Step(state, (), ShowStatus(asked.folio))
    return Step(replace(state, bad_folios=state.bad_folios + 1), (Text(f"folio_{asked.fault}"),))


def _idle(state: DialogueState, text: str, said: str, context: DialogueContext, *, expired: bool) -> Step:
    misunderstood = state.misses
    state = state.idle()
    is_recent = bool(state.folio) and _is_recent(state, context)
    if said in words.THANKS or (said in words.YES and is_recent) or (not said and not context.media_count):
        if state.is_thanked:
            return Step(state, (), StaySilent("courtesy"))
        if not said and not is_recent:
            return Step(
                state, (Text("what"),)
            )  # a sticker thanks for a report; from whoever has none it may mean anything
        return Step(replace(state, is_thanked=True), (Text("courtesy"),))
    state = replace(state, is_thanked=False)
    if words.asks_language(said):
        return Step(state, (Text("language"),))
    if said in words.GREETINGS:
        return _greeted(state, context)
    if not said:
        return Step(state, (Text("photo", attached(state, context)),))
    if said == state.opening and is_recent:
        return Step(state, (Text("already", {"folio": folio_in_words(state.folio)}),))
    understood = understand(text, context.match_offered, context.find_places)
    begun = report.begin(state, text, context, understood)
    if context.told and not _is_whole(begun):
        return _answer_to_notice(state, said, context.told, context)
    if is_recent and not _is_whole(begun) and (step := _about_the_last(state, said)):
        return step
    if step := _asked(state, understood, context):
        return step
    if step := report.after_warning(state, text, context, understood):
        return step
    if begun is not None:
        return begun
    if context.media_count:  # "aquí está la foto" says no more than the picture
        return afterwards.picture(state, context) or Step(state, (Text("photo", attached(state, context)),))
    if expired:
        return Step(state, (Text("expired"),))
    key = "what" if misunderstood == 0 else "what_or_agent"
    return Step(replace(state, misses=misunderstood + 1), (Text(key),))


def _about_the_last(state: DialogueState, said: str) -> Step | None:
    """What is said of a report that was just made: wrong or unwanted, for a person; or seen to already."""
    params = {"folio": folio_in_words(state.folio)}
    if words.asks(said, "amend") or words.corrected(said):
        return Step(state, (Text("disputed", params),), AddWords(state.folio, needs_agent=True))
    if words.asks(said, "settled"):
        return Step(state, (Text("added", params),), AddWords(state.folio, needs_agent=False))
    return None


def _asked(state: DialogueState, understood: Understanding, context: DialogueContext) -> Step | None:
    """The answer to a message that asks something of us and reports nothing."""
    if understood.intent == "status":
        return Step(state, (), ShowStatus(None))
    if understood.intent == "greeting":
        return _greeted(state, context)
    if understood.intent == "thanks":
        return Step(replace(state, is_thanked=True), (Text("courtesy"),))
    if understood.intent in ("help", "language") or (understood.intent == "information" and understood.matter is None):
        return Step(state, (Text(understood.intent),))
    return None


def _greeted(state: DialogueState, context: DialogueContext) -> Step:
    told = report.announcements(context.find_incidents(None, None), state.language)
    return Step(state, (*told, Text("greeting", {"city": context.city})))


def _is_whole(begun: Step | None) -> bool:
    """True when the message tells a report of its own: what it is and where."""
    draft = begun.state.draft if begun else None
    return begun is not None and (
        isinstance(begun.effect, Submit) or bool(draft and draft.service_code and draft.place_words)
    )


def _answer_to_notice(state: DialogueState, said: str, told: Told, context: DialogueContext) -> Step:
    params = {"folio": folio_in_words(told.folio)}
    if told.life == "closed":
        if words.yes_or_no(said) is True:
            return Step(replace(state, is_thanked=True), (Text("courtesy"),))
        return Step(state, (Text("disputed", params),), AddWords(told.folio, needs_agent=True))
    return Step(state, (Text("added", params),), AddWords(told.folio, needs_agent=False))


def _is_recent(state: DialogueState, context: DialogueContext) -> bool:
    return state.submitted_at is not None and context.now - state.submitted_at < _SAME_REPORT_FOR


def _dropping(state: DialogueState, text: str, said: str, context: DialogueContext) -> Step:
    answer = words.yes_or_no(said)
    if answer is True:
        return Step(state.idle(), (Text("dropped"),))
    if answer is False or not said:
        return report.ask_again(state, context)
    # Whoever writes on has not dropped it.
    asked = report.ask_again(state, context).state
    handler = _ANSWERS.get(asked.step)
    return handler(asked, text, context) if handler else report.ask_again(state, context)


def _wordless(state: DialogueState, context: DialogueContext) -> Step:
    """An emoji or a photo in the middle of a report: the question stands."""
    step = report.ask_again(state, context)
    return (
        replace(step, texts=(Text("photo_kept", attached(state, context)), *step.texts))
        if context.media_count
        else step
    )


def _counted(state: DialogueState, said: str, context: DialogueContext) -> DialogueState:
    opens = state.window_from is None or context.now - state.window_from > _WINDOW
    # Two pictures are not the same because neither has words.
    same = said == state.last_words and not opens and bool(said or not context.media_count)
    return replace(
        state,
        window_from=context.now if opens else state.window_from,
        window_count=1 if opens else state.window_count + 1,
        bad_folios=0 if opens else state.bad_folios,
        last_words=said[:200],
        repeats=state.repeats + 1 if same else 0,
    )


def _as_one_album(before: DialogueState, step: Step, said: str, context: DialogueContext) -> Step:
    """What was answered to one picture of an album holds for the others."""
    step = replace(step, state=replace(step.state, media_at=context.now))
    is_more = not said and before.media_at is not None and context.now - before.media_at <= _ALBUM
    if not is_more:
        return step
    effect = replace(step.effect, media="") if isinstance(step.effect, AddToTold) else step.effect
    return replace(step, texts=(), effect=effect or StaySilent("album"))


def _too_much(state: DialogueState, context: DialogueContext) -> Step | None:
    """Machines answer machines: whoever repeats themselves or never stops gets silence, and is still recorded."""
    # A short answer may well be the same to several questions.
    if state.repeats >= _MOST_REPEATS and (len(state.last_words) > 2 or state.draft is None):
        return Step(state, (), StaySilent("repeat"))
    is_sentence = len(state.last_words) > _SENTENCE and state.last_words != state.opening[: len(state.last_words)]
    # People repeat an answer that was not understood, and no whole mail.
    is_whole = state.draft is None or plain(" ".join(state.draft.words[:1]))[:200] == state.last_words
    if context.hears_programs and state.repeats and is_sentence and is_whole:
        return Step(state, (), StaySilent("repeat"))
    if state.window_count > MOST_IN_WINDOW:
        if state.window_count == MOST_IN_WINDOW + 1:
            return Step(state, (Text("flood"),))
        return Step(state, (), StaySilent("flood"))
    return None


def _in_language(state: DialogueState, said: str) -> DialogueState:
    if asked := words.asks_language(said):
        return replace(state, language=asked, is_language_chosen=True)
    if state.is_language_chosen:
        return state
    lead = words.language_lead(said)
    # In the middle of a report one foreign word is no change of mind.
    needed = 1 if state.draft is None else 3
    if abs(lead) < needed:
        return state
    return replace(state, language="en" if lead > 0 else "es")
