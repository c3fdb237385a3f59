"""The dialogue of the text channels, said aloud: what was heard goes in as words, what it answers comes out as a page."""

from dataclasses import replace

from channels.voice.ivr import consenting, keys_read, unwanted
from channels.voice.ivr.reading import by_digit
from channels.voice.ivr.turn import Turn
from channels.voice.ivr.twiml import hints
from channels.voice.ivr.values import Ask, Heard, Page, Said
from intake.calls.turns import Answer
from intake.catalog import queries as catalog
from intake.conversations import wording
from intake.conversations.dialogue import questions, spoken_numbers, words
from intake.conversations.dialogue.next_step import MOST_IN_WINDOW
from intake.conversations.dialogue.words import EmergencyKind, plain
from intake.conversations.models import Message
from kernel.folio import LENGTH

# Answers in a row that lead nowhere.
MOST_MISSES = 3
FOLIO_ASK = Ask(digits=LENGTH, timeout_s=8)
_MOST_WORDS = 1000
_MOST_OF_ONE_KEY = 9
# The recogniser doubts everything below this; said once more, it is taken as it is.
DOUBTED = 0.25


def heard_words(turn: Turn, said: str, choice: str | None = None) -> Page:
    """The dialogue's answer to words; where they tell of danger, whom to call before anything else."""
    said = said[:_MOST_WORDS] if choice else spoken_numbers.with_digits(said[:_MOST_WORDS])
    danger = None if choice else words.emergency(plain(said))
    answer = turn.tell(said, choice)
    page = answered(turn, answer)
    if danger is not None and danger.kind not in turn.script.warned:
        return warn(turn, danger, page)
    return page


def warn(turn: Turn, danger: EmergencyKind, after: Page) -> Page:
    """Leaves the script at once: whom to call. What would have been said waits until they say that they are safe."""
    script = turn.script
    script.warned.append(danger.kind)
    key = danger.text if danger.kind != "violence" or turn.women_phone else "emergency_crime"
    warning = turn.aloud(turn.dialogue_text(key))
    rest = tuple(said for said in after.says if said.text != warning.text)
    script.held = {"page": Page(rest, after.ask).to_json(), "stage": script.stage, "expects": script.expects}
    return turn.ask((warning, turn.say("after_danger")), stage="danger")


def safe_again(turn: Turn, heard: Heard) -> Page | None:
    """Goes on where the warning came in between."""
    if heard.text != "1" or not turn.script.held:
        return None
    held, turn.script.held = turn.script.held, {}
    if held["stage"] in ("waiting", "over"):
        return turn.go("line" if held["stage"] == "waiting" else "tell")
    page = Page.from_json(held["page"])
    says = unwanted.unpromised(turn, page.says) if turn.script.no_messages else page.says
    if not says:
        return turn.go("tell")
    return turn.ask(says, stage=held["stage"], ask=page.ask, expects=held["expects"])


def answered(turn: Turn, answer: Answer) -> Page:
    """What the dialogue answered, as a page."""
    replies, script = answer.replies, turn.script
    says = [_aloud(turn, reply) for reply in replies]
    says = unwanted.unpromised(turn, says) if script.no_messages else says
    script.is_promised = script.is_promised or answer.state.is_promised
    if answer.conversation.state == "with_agent":
        return turn.go("line", *says, is_promise=answer.state.is_promised)
    if answer.state.window_count > MOST_IN_WINDOW:
        return turn.go("person")  # the dialogue says no more for a while
    if not replies:
        return missed(turn, "not_understood")
    if answer.state.step == "idle" and answer.state.misses >= MOST_MISSES:
        return turn.go("person")
    script.misses = 0
    last = replies[-1]
    made = answer.state.folio
    if last.service_request_id is not None and made and made not in script.reported:
        script.reported.append(made)
        return after_report(turn, says, made, is_told=made in _digits(last.body))
    if last.service_request_id is not None and not last.choices:
        return turn.ask((*says, turn.say("after_status")), stage="told")
    if answer.state.unknown and last.service_request_id is None and _names(last, answer.state.unknown):
        return turn.go("prove", *says, folio=answer.state.unknown)
    if answer.state.step == "idle" and _asks_for_folio(turn, last):
        return turn.ask(says, stage="folio", ask=FOLIO_ASK)
    return _question(turn, answer, says, last)


def after_report(turn: Turn, says: list[Said], folio: str, *, is_told: bool) -> Page:
    """The folio digit by digit, once more where it was told already, and what becomes of it."""
    # Also of a service that promises none: by it alone a caller hears how it goes.
    says.append(turn.say("folio_repeated" if is_told else "folio_told", digits=by_digit(folio, turn.language)))
    if consenting.offered(turn):
        says.append(turn.say("after_report_private"))
    elif turn.can_write and not turn.script.no_messages:
        says.append(turn.say("after_report_sms"))
    return turn.ask((*says, turn.say("after_report")), stage="reported")


def after(turn: Turn, heard: Heard) -> Page | None:
    """What the keys do once a report is made, or its state was told."""
    if heard.text == "1":
        return turn.go("tell")
    if heard.text == "2" and turn.script.stage == "reported":
        return unwanted.confirmed(turn)
    if heard.text == "3" and turn.script.stage == "reported":
        return consenting.asked_for(turn)
    if heard.text == "2":
        return turn.go("folio")
    return None


def said_after_report(turn: Turn, heard: Heard) -> Page:
    """Words once a report is made: messages about it, or something else to tell."""
    page = consenting.asked_for(turn) if words.wants_messages(plain(heard.text)) else None
    return page or heard_words(turn, heard.text)


def is_goodbye(said: str) -> bool:
    """True for words that end a call: thanks, no, that is all."""
    told = plain(said)
    return told in words.THANKS or told in words.NO or told in _BYE


def folio(turn: Turn, heard: Heard) -> Page:
    """The number of a report, keyed or said."""
    if heard.how == "speech" and not _is_number(heard.text):
        return heard_words(turn, heard.text)  # something else is wanted
    digits = "".join(key for key in spoken_numbers.digits_in(heard.text) if key.isdigit())
    if len(digits) != LENGTH:
        turn.script.misses += 1
        if turn.script.misses >= MOST_MISSES:
            return turn.go("give_up")
        return turn.ask((turn.aloud(turn.dialogue_text("folio_length")),), stage="folio", ask=FOLIO_ASK)
    page = heard_words(turn, f"folio {digits}")
    # Whatever was wrong with it, the number is asked for again.
    return turn.ask(page.says, stage="folio", ask=FOLIO_ASK) if turn.script.stage == "dialogue" else page


def _is_number(said: str) -> bool:
    """Whether hardly anything but a number was said: a street's number stands among other words."""
    return bool(spoken_numbers.digits_in(said)) and set(spoken_numbers.others(said)) <= _AROUND_A_FOLIO


def keyed(turn: Turn, heard: Heard) -> Page:
    """Keys as an answer to the dialogue's question."""
    meaning = keys_read.meaning(turn.script.expects, heard.text)
    if meaning is None:
        return missed(turn, "not_understood")
    if meaning == keys_read.BY_KEYS:
        return turn.go("street" if turn.script.expects == "place" else "services")
    return heard_words(turn, keys_read.in_language(meaning, turn.language))


def missed(turn: Turn, key: str) -> Page:
    """Nothing came of it: once more, and the third time a person, or the end."""
    turn.script.misses += 1
    if turn.script.misses >= MOST_MISSES:
        return turn.go("give_up")
    return turn.again(turn.say(key))


def _question(turn: Turn, answer: Answer, says: list[Said], last: Message) -> Page:
    if last.choices:
        labels = [choice["label"] for choice in last.choices]
        is_yes_no = len(labels) == 2 and plain(labels[0]) in words.YES and plain(labels[1]) in words.NO
        says += [turn.say("yes_no")] if is_yes_no else turn.options(labels)
        ask = turn.open_ask(*labels)
        if len(labels) > _MOST_OF_ONE_KEY:
            says.append(turn.say("keys_many"))
            ask = replace(ask, digits=None, timeout_s=8)
        return turn.ask(says, stage="dialogue", ask=ask, expects="choice")
    if last.asks_place:
        return turn.ask((*says, turn.say("keys_place")), stage="dialogue", ask=_place_ask(turn), expects="place")
    expects = _expected(turn, answer)
    if expects in ("number", "several"):
        return turn.ask(says, stage="dialogue", ask=Ask(digits=None, timeout_s=8), expects=expects)
    if expects in ("moment", "words"):
        says.append(turn.say(f"keys_{expects}"))
    elif expects == "open":
        says.append(turn.say("keys_open"))
    return turn.ask(says, stage="dialogue", expects=expects)


def _place_ask(turn: Turn) -> Ask:
    # The widest names first: no recogniser takes a whole city.
    places = sorted(turn.gazetteer.places, key=lambda place: -place.precision_m)
    names = tuple(place.name for place in places if place.kind in ("street", "colonia", "landmark"))
    return Ask(timeout_s=8, hints=hints(names[:450]))


def _expected(turn: Turn, answer: Answer) -> str:
    """How keys answer the question that is asked now."""
    draft = answer.state.draft
    if answer.state.step != "question" or draft is None:
        return "open"
    known = catalog.catalog(turn.session, turn.call.jurisdiction_id)
    service = known.by_code.get(draft.service_code or "")
    attribute = questions.next_question(service, draft) if service else None
    kinds = {"number": "number", "datetime": "moment", "multivaluelist": "several", "singlevaluelist": "choice"}
    return kinds.get(attribute.datatype, "words") if attribute else "open"


def _asks_for_folio(turn: Turn, last: Message) -> bool:
    own = turn.own_texts(turn.language)
    keys = (("status", "none"), ("dialogue", "folio_length"), ("dialogue", "folio_digit"))
    return any(last.body == wording.say(turn.language, section, key, own) for section, key in keys)


def _names(message: Message, folio: str) -> bool:
    return wording.folio_in_words(folio) in message.body


def _aloud(turn: Turn, reply: Message) -> Said:
    return turn.aloud(reply.prompt or reply.body)


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


_AROUND_A_FOLIO = frozenset((
    "el", "es", "la", "mi", "folio", "reporte", "numero", "creo", "que", "a", "ver", "y", "guion", "espacio", "aqui", "tengo",
    "esta", "the", "is", "my", "report", "number", "it", "s", "i", "think", "dash", "here", "this", "and",
))  # fmt: skip
_BYE = frozenset(
    (
        "es todo", "eso es todo", "ya es todo", "seria todo", "nada mas", "no gracias", "adios", "hasta luego", "bye",
        "no es todo", "ya", "that is all", "that s all", "thats all", "nothing else", "goodbye", "no thanks", "no thank you",
    )
)  # fmt: skip
