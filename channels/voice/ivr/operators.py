"""The way to a person: the waiting line, a call back that keeps the place, a message after the tone; and the end of a call."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal

from channels.voice import notice
from channels.voice.ivr import reading, telling
from channels.voice.ivr.turn import Turn
from channels.voice.ivr.values import Ask, Heard, Page, Said
from intake.calls import calling_back, limits
from intake.calls import voicemail as after_tone
from intake.calls import waiting as line
from intake.calls.states import is_over
from intake.conversations import actions as conversations
from intake.people import actions as people
from intake.people.addresses import REGION, read_phone_of
from intake.people.models import ContactPoint
from kernel.errors import InvalidInput

# Twenty seconds of music each: forty minutes, then they are called back.
MOST_WAITS = 120
_TOLD_EVERY = 3
CALLBACK = ("callback", "callback_number", "callback_check")
_WAIT = Ask(digits=1, listens=False, timeout_s=1)
_ONE_KEY = Ask(digits=1, listens=False, timeout_s=8)
_PHONE = Ask(digits=10, listens=False, timeout_s=10)


def asked(turn: Turn, words: str = "") -> Page:
    """They want a person. words: as they said it, for whoever answers; a key says no more than the word for it."""
    if is_over(turn.call.state):
        turn.note(words)
        return turn.end()
    if not turn.hours.is_open:
        turn.note(words)
        return closed(turn)
    if not limits.may_wait(turn.session, turn.call, now=turn.now):
        turn.note(words)
        return _crowded(turn)
    says: list[Said] = []
    if not turn.has_told:
        answer = turn.tell(words or ("operador" if turn.language == "es" else "operator"))
        says = [turn.aloud(reply.body) for reply in answer.replies]
        if answer.conversation.state != "with_agent":
            says = []  # whatever it made of the word
    return begin(turn, *says)


def give_up(turn: Turn) -> Page:
    """Nothing is understood any more: a person where there is one, else the end."""
    turn.script.misses = 0
    if turn.script.stage in CALLBACK and line.item_of(turn.session, turn.call) is not None:
        return _back(turn)
    if turn.script.stage in ("closed", "danger", *CALLBACK) or turn.script.is_called_back:
        return goodbye(turn)
    # Nobody asked for one: nothing of the kind is put into their mouth.
    return begin(turn) if turn.hours.is_open else goodbye(turn)


def goodbye(turn: Turn) -> Page:
    """The end of the call; who was warned of a danger hears once more whom to call."""
    return turn.end(turn.say("goodbye_danger" if turn.script.warned else "goodbye"))


def begin(turn: Turn, *before: Said, is_promise: bool = False) -> Page:
    """The thread is handed to people: into the line, or, where nobody answers now, what else there is.

    before: what the dialogue says to it; is_promise: it is true also where they are not connected with anybody now.
    """
    if is_over(turn.call.state):
        return turn.end()
    if not turn.hours.is_open:
        return closed(turn, *(before if is_promise else ()))
    if not limits.may_wait(turn.session, turn.call, now=turn.now):
        return _crowded(turn, *(before if is_promise else ()))
    line.join(turn.session, turn.call, now=turn.now)
    turn.script.stage, turn.script.misses = "waiting", 0
    told = () if before else (turn.say("wait_begin"),)
    said = notice.told(turn.session, turn.call, turn.language, now=turn.now)
    page = _music(turn, *before, *told, *_place_in_line(turn))
    return replace(page, told=(turn.aloud(said),)) if said else page


def waiting(turn: Turn, heard: Heard) -> Page:
    """One more piece of music, or what they chose instead of waiting."""
    script = turn.script
    script.waits += 1
    item = line.item_of(turn.session, turn.call)
    if item is None or item.kind != "voice":
        return goodbye(turn)
    if item.state != "queued":
        return _music(turn, turn.say("wait_answered")) if script.waits < MOST_WAITS * 2 else goodbye(turn)
    if not limits.may_wait(turn.session, turn.call, now=turn.now):
        return _crowded(turn)
    if heard.how == "keys" and heard.text == "1":
        return callback(turn)
    if script.waits >= MOST_WAITS or not turn.hours.is_open:
        return _waited_enough(turn)
    return _music(turn, *(_place_in_line(turn) if script.waits % _TOLD_EVERY == 0 else ()))


def back_in_line(turn: Turn) -> Page:
    """They had somebody, and wait anew: where in the line they are, and what else there is. Whom we called is called again."""
    turn.script.waits = turn.script.misses = 0
    item = line.item_of(turn.session, turn.call)
    if item is None:
        return goodbye(turn)
    if item.kind != "voice":
        calling_back.drop(turn.session, turn.call, now=turn.now)
        return turn.end(turn.say("wait_over"), turn.say("goodbye"))
    if item.state != "queued":
        return _music(turn, turn.say("wait_answered"))
    return _music(turn, *_place_in_line(turn)) if turn.hours.is_open else _waited_enough(turn)


def callback(turn: Turn) -> Page:
    """At which number? The one that shows, unless they say another; whoever shows none that we call keys theirs."""
    turn.script.misses, turn.script.number = 0, ""
    if not turn.can_be_called:
        return _ask_number(turn)
    digits = reading.by_digit(turn.contact.last_digits, turn.language)
    other = "callback_stay" if line.item_of(turn.session, turn.call) else "callback_return"
    return turn.ask((turn.say("callback_number", digits=digits), turn.say(other)), stage="callback", ask=_ONE_KEY)


def callback_chosen(turn: Turn, heard: Heard) -> Page | None:
    if heard.text == "1":
        return _called_back(turn)
    if heard.text == "2":
        return _ask_number(turn)
    if heard.text == "3":
        return _back(turn)
    return None


def number_given(turn: Turn, heard: Heard) -> Page:
    """Only numbers of the country: who profits from calls to dear ones may be who keyed it."""
    regions = turn.city.settings.get("phone_regions") or [REGION]
    try:
        address = read_phone_of(heard.text, regions)
    except InvalidInput:
        return telling.missed(turn, "callback_wrong")
    turn.script.number, turn.script.misses = address.key or "", 0
    said = reading.by_digit((address.key or "")[-10:], turn.language)
    return turn.ask((turn.say("callback_check", digits=said),), stage="callback_check", ask=_ONE_KEY)


def number_checked(turn: Turn, heard: Heard) -> Page | None:
    if heard.text == "1":
        return _called_back(turn)
    return _ask_number(turn) if heard.text == "2" else None


def closed(turn: Turn, *before: Said) -> Page:
    """Nobody answers now: the report can be made here, they can be called back, or leave a message."""
    hours = turn.hours.in_words(turn.city, turn.language, turn.now)
    return _without_line(turn, *before, turn.say("closed", hours=hours))


def closed_chosen(turn: Turn, heard: Heard) -> Page | None:
    if heard.text == "1":
        if turn.conversation().state == "with_agent":
            line.leave(turn.session, turn.call, why="machine", now=turn.now)
            conversations.hand_back(turn.session, turn.call.conversation_id, now=turn.now)
        return turn.go("tell")
    if heard.text == "2":
        return callback(turn)
    return voicemail(turn) if heard.text == "3" else None


def voicemail(turn: Turn, *before: Said) -> Page:
    """Asked to speak after the tone; what comes of it is found, whether or not anybody tells of it."""
    turn.script.stage = "voicemail"
    said = turn.say("voicemail")
    after_tone.expect(turn.session, turn.call, said.text, now=turn.now)
    return Page((*before, said), record=True)


def voicemail_over(turn: Turn, *, is_kept: bool) -> Page:
    """is_kept: something was said, and is one of the thread's messages by now."""
    if not is_kept:
        return turn.end(turn.say("voicemail_empty"), turn.say("goodbye"))
    turn.script.is_called_back = True
    return turn.end(turn.say("voicemail_done"), turn.say("goodbye"))


def _without_line(turn: Turn, *says: Said) -> Page:
    """What there is besides the line."""
    return turn.ask((*says, turn.say("closed_choices")), stage="closed", ask=_ONE_KEY)


def _crowded(turn: Turn, *before: Said) -> Page:
    """Calls of the same number hold the places that it may have."""
    line.leave(turn.session, turn.call, why="crowded", now=turn.now)
    return _without_line(turn, *before, turn.say("line_crowded"))


def _ask_number(turn: Turn) -> Page:
    turn.script.misses = 0
    return turn.ask((turn.say("callback_which"),), stage="callback_number", ask=_PHONE)


def _called_back(turn: Turn) -> Page:
    other = None
    if turn.script.number:
        address = read_phone_of(turn.script.number, turn.city.settings.get("phone_regions") or [REGION])
        other = people.find_or_create_address(turn.session, turn.city.id, address, now=turn.now)
    refusal = _take_down(turn, other)
    if refusal == "answered":
        return _back(turn)
    if refusal:
        return _refused(turn, refusal)
    if turn.hours.is_open:
        return turn.end(turn.say("callback_done"))
    hours = turn.hours.in_words(turn.city, turn.language, turn.now)
    return turn.end(turn.say("callback_closed_done", hours=hours))


def _take_down(turn: Turn, other: ContactPoint | None) -> limits.Refusal | Literal["answered"] | None:
    """That they are to be called, at another number than the one that shows; why not, if not. `answered`: by somebody, now."""
    session, call = turn.session, turn.call
    refusal = limits.refuse_callback(session, call, other or turn.contact, now=turn.now)
    # Who is to be called already hears what everybody hears: the number that shows may not be theirs.
    is_kept = refusal == "known" and line.keep_call_back(session, call, now=turn.now)
    if refusal and not is_kept:
        return refusal
    due_at = None if turn.hours.is_open else turn.hours.opens_at
    if not is_kept and not line.call_back(session, call, other.id if other else None, due_at=due_at, now=turn.now):
        return "answered"
    turn.script.is_called_back = True
    return None


def _refused(turn: Turn, refusal: limits.Refusal) -> Page:
    """No call back to that number now: they go on where they were."""
    said, item = turn.say(f"callback_{refusal}"), line.item_of(turn.session, turn.call)
    if item is None or not turn.hours.is_open:
        return _without_line(turn, said)
    return (
        _music(turn, said, *_place_in_line(turn)) if item.state == "queued" else _music(turn, turn.say("wait_answered"))
    )


def _waited_enough(turn: Turn) -> Page:
    """Called back where there is a number that we call; else a message."""
    if not turn.can_be_called:
        return voicemail(turn)
    refusal = _take_down(turn, None)
    if refusal == "answered":
        return _music(turn, turn.say("wait_answered"))
    if refusal:
        return voicemail(turn, turn.say(f"callback_{refusal}"))
    return turn.end(turn.say("wait_over"), turn.say("goodbye"))


def _back(turn: Turn) -> Page:
    item = line.item_of(turn.session, turn.call)
    if item is None or not turn.hours.is_open:
        return begin(turn)
    return _music(turn, *_place_in_line(turn)) if item.state == "queued" else _music(turn, turn.say("wait_answered"))


def _music(turn: Turn, *says: Said) -> Page:
    turn.script.stage = "waiting"
    return Page(says, _WAIT, music=True)


def _place_in_line(turn: Turn) -> list[Said]:
    found = line.estimate(turn.session, turn.call, now=turn.now)
    says = [turn.say("wait_position", position=found.position)]
    if found.wait_s is None:
        says.append(turn.say("wait_unknown"))
    else:
        minutes = max(1, round(timedelta(seconds=found.wait_s) / timedelta(minutes=1)))
        says.append(turn.say("wait_minute") if minutes == 1 else turn.say("wait_minutes", minutes=minutes))
    return [*says, turn.say("wait_callback")]
