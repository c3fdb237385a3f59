"""An answer that comes when the call is over: which of the network's reports is first is not for us to choose."""

from collections.abc import Callable
from dataclasses import replace

from channels.voice.ivr.turn import Turn
from channels.voice.ivr.values import Heard, Page
from intake.calls import late
from intake.calls.turns import state_of
from intake.conversations.dialogue import words
from intake.conversations.dialogue.state import LAST_WORDS, DialogueState
from intake.conversations.dialogue.told import label
from intake.conversations.dialogue.words import plain

# Nothing is answered there that stands without the caller: who hung up in the line waits no more.
_NOTHING_TO_KEEP = ("waiting", "closed", "voicemail", "over")
# Where keys are an answer to the dialogue, or become one.
_TELLS = ("dialogue", "services", "street", "streets", "cross", "crosses")


def is_answer(turn: Turn, heard: Heard) -> bool:
    """Whether it answers the newest document with something to keep."""
    if heard.how not in ("keys", "speech") or not heard.text:
        return False
    return 0 < turn.number == turn.call.turn and turn.script.stage not in _NOTHING_TO_KEEP


def hear(turn: Turn, heard: Heard, go_on: Callable[[Turn, Heard], Page]) -> Page:
    """Does what they wanted, as if they were there; of a call whose end has settled all of it, people read what they said.

    go_on: what an answer in time is heard by.
    """
    script, is_consent_told = turn.script, turn.script.is_consent_told
    is_told = heard.how == "speech" or script.stage in _TELLS
    if is_told and late.is_settled(turn.session, turn.call):
        said, is_for_people = _read(turn, heard)
        late.keep(turn.session, turn.call, said, number=turn.number, is_for_people=is_for_people, now=turn.now)
    else:
        if is_told:
            late.reopen(turn.session, turn.call, now=turn.now)
        before = state_of(turn.conversation())
        # Doubted or not: it cannot be asked for again.
        go_on(turn, replace(heard, confidence=None))
        if is_told and _is_for_people(turn, heard, before):
            script.is_promised = True
        if script.is_called_back:
            late.leave_to_callback(turn.session, turn.call, now=turn.now)
    # Nothing of what was answered was heard.
    script.stage, script.is_consent_told = "over", is_consent_told
    return Page(())


def _is_for_people(turn: Turn, heard: Heard, before: DialogueState) -> bool:
    """They do not hear whom to call, that they were not understood, or whom they would be put through to: somebody reads it."""
    if heard.how == "speech" and words.emergency(plain(heard.text)) is not None:
        return True
    thread = turn.conversation()
    return thread.state == "with_agent" or (_is_as_before(before, state_of(thread)) and _read(turn, heard)[1])


def _is_as_before(before: DialogueState, after: DialogueState) -> bool:
    """Whether a report that would be made without a last word waits for it still, and is what it was."""
    if before.step not in LAST_WORDS or after.step not in LAST_WORDS or not (before.draft and after.draft):
        return False
    was, now = (
        (draft.service_code, draft.place, draft.place_words, draft.answers) for draft in (before.draft, after.draft)
    )
    return before.step == after.step and was == now


def _read(turn: Turn, heard: Heard) -> tuple[str, bool]:
    """What they said, as people read it, and whether one has to: that they want no messages is heeded without."""
    question = late.last_question(turn.session, turn.call)
    labels = [choice["label"] for choice in question.choices] if question else []
    said = rest = heard.text
    if heard.how == "speech":
        rest = _without_wish(turn, said)
    elif said in ("0", "*"):
        rest = ""
    elif turn.script.stage == "dialogue" and said.isdigit() and 0 < int(said) <= len(labels):
        said = rest = labels[int(said) - 1]
    # The report was made as if they had said so; who asks for somebody and hangs up is not called back for it.
    send = label(state_of(turn.conversation()), "send")
    is_agreed = labels[:1] == [send] and (rest == send or plain(rest) in words.YES | words.SEND)
    is_empty = not rest or words.commands(plain(rest)) in ("thanks", "greeting", "person")
    return said, not is_agreed and not is_empty


def _without_wish(turn: Turn, said: str) -> str:
    """What was said besides that they want no messages, which is heeded."""
    rest = words.without_messages(said)
    if rest is None:
        rest = "" if words.commands(plain(said)) == "opt_out" else said
    turn.script.no_messages |= rest != said
    return rest
