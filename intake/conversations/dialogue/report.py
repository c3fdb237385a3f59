"""Taking a report: what is it, where is it, what else must be known; then submit. Nothing here reads an answer (answers.py)."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from intake.catalog.definitions import ServiceDefinition, text_in
from intake.conversations.dialogue import questions
from intake.conversations.dialogue.matter import Matter, recognise
from intake.conversations.dialogue.places import Finding
from intake.conversations.dialogue.questions import numbered
from intake.conversations.dialogue.state import Announced, DialogueState, Draft, Place
from intake.conversations.dialogue.steps import DialogueContext, HandToAgent, Step, Submit, Text
from intake.conversations.dialogue.told import in_words, items, label
from intake.conversations.dialogue.understanding import Understanding
from intake.conversations.dialogue.words import LEADS, EmergencyKind, commands, emergency, plain
from intake.service_requests.duplicates.wording import span

MOST_CHOICES = 4
# Before the code of a service, the value of a choice that picks it from a list of all.
PICKED = "service"
MOST_MISSES = 2
MOST_ANNOUNCED = 2
_MOST_QUOTED, _SHORT = 42, 3
# Nobody knows where they stand any closer.
_NEAREST_M = 10
_LONGEST_NAME = 28
_PARTS = re.compile(r"(?<=[.:!,])\s+|\n+")
_DANGER_LASTS = timedelta(minutes=30)


def begin(state: DialogueState, text: str, context: DialogueContext, understood: Understanding) -> Step | None:
    """The first step of a report that this message tells, or None when it tells none."""
    matter, finding = understood.matter, understood.finding
    if understood.emergency and not (matter and matter.is_sure):
        # No script where somebody is in danger: whom to call, and nothing is asked.
        return Step(replace(state.idle(), warned_at=context.now), (warning(understood.emergency, context),))
    if matter is None and not (finding and finding.is_told):
        return None
    if matter and understood.intent == "information":
        # Whoever asks when the rubbish is collected may or may not have something to report.
        matter = replace(matter, is_sure=False)
    # What they sent before saying what it is belongs to what they say now.
    draft = Draft(words=(text.strip(),), messages=state.loose)
    if finding and (finding.places or matter):
        draft = replace(draft, place_words=finding.words)
    state = replace(state.idle(), draft=draft, places=finding.rivals if finding else ())
    state = with_matter(state, matter)
    return proceed(state, context, finding)


def after_warning(state: DialogueState, text: str, context: DialogueContext, understood: Understanding) -> Step | None:
    """The answer to whoever was just told whom to call and goes on without reporting anything; else None.

    A bare place is kept: should there be something to repair as well, it is there.
    """
    if not is_just_warned(state, context) or understood.matter or understood.emergency:
        return None
    finding = understood.finding
    if finding and finding.is_told:
        draft = Draft(words=(text.strip(),), place_words=finding.words, messages=state.loose)
        return _what_there(replace(state.idle(), draft=draft, places=finding.rivals))
    return Step(state, (Text("emergency_more"),)) if understood.intent in ("report", "unknown") else None


def is_just_warned(state: DialogueState, context: DialogueContext) -> bool:
    """True for a while after they were told whom to call and nothing was asked."""
    return state.warned_at is not None and context.now - state.warned_at < _DANGER_LASTS


def _what_there(state: DialogueState) -> Step:
    """The place is kept; who is in danger is asked for nothing."""
    assert state.draft is not None
    state = replace(state, step="what", draft=replace(state.draft, is_warned=True))
    return Step(state, (Text("emergency_place"),))


def begin_picked(state: DialogueState, code: str, context: DialogueContext) -> Step:
    """The first step of a report of a service that was picked from a list; one that is being told already is of that service."""
    draft = state.draft or Draft(messages=state.loose)
    if draft.service_code not in (None, code):
        draft = replace(draft, answers={}, is_compared=False, is_side_asked=False, settled={}, is_reviewed=False)
    said = text_in(context.services[code].name, state.language)
    return proceed(chosen(replace(state.idle(), draft=heard(draft, said), at=context.now), code), context)


def warning(danger: EmergencyKind | None, context: DialogueContext) -> Text:
    """Whom to call. None: the words tell of no danger, but the service is one where there may be some."""
    if danger is None:
        return Text("emergency")
    if danger.kind == "violence" and not context.women_phone:
        return Text("emergency_crime")
    return Text(danger.text, {"women": context.women_phone})


def proceed(state: DialogueState, context: DialogueContext, finding: Finding | None = None) -> Step:
    """Asks for what is missing, or submits. finding: what this message said about the place, when it did."""
    draft = state.draft
    assert draft is not None
    texts: tuple[Text, ...] = ()
    service = context.services.get(draft.service_code or "")
    danger = None if draft.is_warned else emergency(plain(" ".join(draft.words)))
    if not draft.is_warned and (danger or (service and service.is_emergency)):
        draft = replace(draft, is_warned=True)
        texts = (warning(danger, context),)
    state = replace(state, draft=draft)
    step = _next(state, context, service, finding)
    return replace(step, texts=texts + step.texts)


def _next(
    state: DialogueState, context: DialogueContext, service: ServiceDefinition | None, finding: Finding | None
) -> Step:
    draft = state.draft
    assert draft is not None
    if service is None:
        return _ask_another(state, context) if draft.service_code else _ask_service(state, context)
    # What concerns the whole city needs no place.
    if asked := _announced(state, service.code, context):
        return asked
    if not draft.is_placed:
        placed = _place(state, finding)
        if isinstance(placed, Step):
            # A colonia is where enough to know of an incident.
            area = placed.state.draft and placed.state.draft.place
            return (_announced(placed.state, service.code, context) if area else None) or placed
        state, draft = placed, placed.draft or draft
        if asked := _announced(state, service.code, context):
            return asked
    if attribute := questions.next_question(service, draft):
        state = replace(state, step="question", misses=0)
        return Step(state, (questions.ask(attribute, state.language),))
    submit = complete(draft, service.code)
    # Where somebody may be in danger nothing more is asked.
    if not draft.is_compared and not draft.is_warned and (alike := context.find_alike(submit)) is not None:
        return ask_same(replace(state, step="same", misses=0, alike=alike))
    if not draft.is_side_asked and not draft.is_warned and (border := context.find_border(submit)) is not None:
        return ask_side(replace(state, step="side", misses=0, border=border))
    # Told in one message, it stands there in their own words.
    is_news = state.step != "idle" or context.is_spoken
    if context.reads_back and not draft.is_reviewed and not draft.is_warned and is_news:
        return ask_review(replace(state, step="review", misses=0), context)
    return Step(replace(state.idle(), opening=_opening(draft), loose=()), (), submit)


def _announced(state: DialogueState, service_code: str, context: DialogueContext) -> Step | None:
    """What the city knows of already and this may be part of; asked once, and never where somebody may be in danger."""
    draft = state.draft
    assert draft is not None
    if draft.is_told or draft.is_warned:
        return None
    found = context.find_incidents(service_code, draft.place)
    if not found:
        return None
    return ask_incident(replace(state, step="incident", misses=0, incident=found[0]))


def ask_incident(state: DialogueState) -> Step:
    """What is announced, and whether theirs is part of it. Answered in one word."""
    incident = state.incident
    assert incident is not None
    key = "incident_known" if incident.is_attached else "incident"
    return Step(state, (Text(key, {"words": _announcement(incident, state.language)}, yes_no(state)),))


def announcements(found: Sequence[Announced], language: str) -> tuple[Text, ...]:
    """What everybody hears who has said nothing yet."""
    return tuple(Text("announced", {"words": _announcement(one, language)}) for one in found[:MOST_ANNOUNCED])


def _announcement(incident: Announced, language: str) -> str:
    words = text_in(incident.written, language)
    return words if words.endswith((".", "!", "?")) else f"{words}."


def ask_review(state: DialogueState, context: DialogueContext) -> Step:
    """All that was told, and whether it is right."""
    text = Text("review", {"summary": in_words(items(state, context))}, (label(state, "send"), label(state, "fix")))
    return Step(state, (text,))


def ask_side(state: DialogueState) -> Step:
    """Which side of the border is it on? Answered with a number."""
    border = state.border
    assert border is not None
    names = [in_short(text_in(side.name, state.language)) for side in border.sides]
    params = {"question": text_in(border.question, state.language), "choices": numbered(names), "other": len(names) + 1}
    return Step(state, (Text("side", params, (*names, label(state, "dont_know"))),))


def yes_no(state: DialogueState) -> tuple[str, str]:
    return label(state, "yes"), label(state, "no")


def in_short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1].rstrip() + "."


def complete(draft: Draft, service_code: str) -> Submit:
    """The report as it is told."""
    attributes = {code: list(given) for code, given in draft.answers.items()}
    words = "\n".join(draft.words)
    return Submit(
        service_code,
        words,
        draft.place_words,
        draft.place,
        attributes,
        draft.messages,
        draft.ruled_out,
        draft.settled,
        draft.apart_from,
    )


def ask_same(state: DialogueState) -> Step:
    """Is it this one? Answered in one word."""
    alike = state.alike
    assert alike is not None
    metres = alike.metres if alike.metres >= _NEAREST_M else label(state, "nearest")
    params = {"metres": metres, "span": span(alike.hours, state.language), "words": _quoted(alike.words)}
    return Step(state, (Text("same_closed" if alike.is_closed else "same_open", params, yes_no(state)),))


def _quoted(words: str) -> str:
    """The beginning of what was said after any greeting, to the end of a word, and a blank after it; nothing when nothing was."""
    told = [part for part in _PARTS.split(words) if commands(plain(part)) != "greeting"]
    said = " ".join(" ".join(told).split())
    if len(said) > _MOST_QUOTED:
        kept = said[:_MOST_QUOTED].split(" ")[:-1]
        # "en la esquina de..." says nothing more, and aloud it sounds like a mistake.
        while len(kept) > 1 and (len(kept[-1]) <= _SHORT or plain(kept[-1]) in LEADS):
            kept.pop()
        said = " ".join(kept).rstrip(" .,;:") + "..."
    return f'"{said}" ' if said else ""


def _opening(draft: Draft) -> str:
    """The message that told everything by itself: sent again, it is the same report."""
    first = plain(draft.words[0]) if draft.words else ""
    return first if draft.place_words and plain(draft.place_words) in first else ""


def _ask_service(state: DialogueState, context: DialogueContext) -> Step:
    state = still_offered(state, context)
    if not state.services:
        return Step(replace(state, step="what"), (Text("what_short" if state.misses == 0 else "what_again"),))
    return Step(replace(state, step="which"), (which(state, context),))


def _ask_another(state: DialogueState, context: DialogueContext) -> Step:
    """The service was retired while they were writing: all they wrote stays, also the answers to its questions."""
    draft = state.draft
    assert draft is not None
    left = context.retired.get(draft.service_code or "")
    told = questions.in_words(left, draft.answers, state.language) if left else ()
    draft = replace(draft, service_code=None, answers={}, words=(*draft.words, *told))
    matter = recognise(" ".join(draft.words), None, context)
    if matter is None and left:
        matter = recognise(text_in(left.name, state.language), None, context)
    state = replace(state, draft=draft, services=matter.codes if matter else (), misses=0)
    if matter is None:
        return Step(replace(state, step="what"), (Text("what_gone"),))
    return Step(replace(state, step="which"), (replace(which(state, context), key="which_gone"),))


def still_offered(state: DialogueState, context: DialogueContext) -> DialogueState:
    """The numbered choices without what was retired since: only before they are written out anew."""
    return replace(state, services=tuple(code for code in state.services if code in context.services))


def which(state: DialogueState, context: DialogueContext) -> Text:
    names = [text_in(context.services[code].name, state.language) for code in state.services]
    options = (*names, label(state, "other_matter"))
    return Text("which", {"choices": numbered(names), "other": len(options)}, options)


def _place(state: DialogueState, finding: Finding | None) -> DialogueState | Step:
    """The state with the place settled, or the question about it."""
    draft = state.draft
    assert draft is not None
    if finding is None and state.places:
        finding = Finding(draft.place_words or "", state.places)
    if finding is None:
        return Step(replace(state, step="where", places=()), (Text("where", asks_place=True),))
    if not finding.places:
        if draft.tries > 0:
            return settled(state, None)
        draft = replace(draft, tries=1)
        return Step(replace(state, step="where", draft=draft, places=()), (Text("where_again", asks_place=True),))
    if finding.is_nameless:
        if draft.tries > 0:
            return settled(state, None)
        state = replace(state, step="where", draft=replace(draft, tries=1), places=())
        return Step(state, (Text("where_in", {"place": finding.places[0].label}, asks_place=True),))
    if len(finding.rivals) > 1 and not finding.is_sure:
        return ask_place(replace(state, places=finding.rivals[:MOST_CHOICES]))
    if finding.is_only_an_area:
        return within(state, finding.places[0])
    if finding.is_sure:
        return settled(state, finding.places[0])
    return ask_place(replace(state, places=finding.rivals[:1]))


def within(state: DialogueState, area: Place, *, is_agreed: bool = False) -> DialogueState | Step:
    """A colonia or a long avenue: asks once where in it, then takes it as it is, if they heard of it."""
    draft = state.draft
    assert draft is not None
    if draft.tries > 0:
        is_heard = is_agreed or (draft.place is not None and draft.place.label == area.label)
        return settled(state, area) if is_heard else ask_place(replace(state, places=(area,)))
    draft = replace(draft, tries=1, place=area, place_words=draft.place_words or area.label)
    state = replace(state, step="where", draft=draft, places=())
    return Step(state, (Text("where_in", {"place": area.label}, asks_place=True),))


def ask_place(state: DialogueState) -> Step:
    labels = [place.label for place in state.places]
    if len(labels) == 1:
        text = Text("confirm_place", {"place": labels[0]}, (label(state, "yes"), label(state, "other_place")))
    else:
        options = (*labels, label(state, "other_place"))
        text = Text("which_place", {"choices": numbered(labels), "other": len(options)}, options)
    return Step(replace(state, step="place"), (text,))


def at_shared(state: DialogueState, text: str, context: DialogueContext) -> Step | None:
    """Goes on with the place that came with this message; None when it decides nothing here.

    Whoever shares another place later, while the report is being told, has corrected it.
    """
    place = context.shared
    if place is None or (state.draft is None and emergency(plain(text))):
        return None
    is_bare = state.draft is None and is_just_warned(state, context)
    if state.draft is None or state.draft.service_code is None:
        matter = recognise(text, None, context)
        is_bare = is_bare and matter is None
        begun = replace(state.idle(), draft=state.draft or Draft(messages=state.loose))
        # The services that they were asked about are still to choose from.
        state = with_matter(begun, matter) if matter else replace(begun, services=state.services)
    assert state.draft is not None
    draft = heard(state.draft, text)
    draft = replace(
        draft,
        place_words=draft.place_words or place.label,
        is_compared=False,
        is_side_asked=False,
        settled={},
        is_told=False,
        apart_from="",
    )
    state = settled(replace(state, draft=draft, alike=None, border=None, misses=0), place)
    return _what_there(state) if is_bare else proceed(state, context)


def settled(state: DialogueState, place: Place | None) -> DialogueState:
    assert state.draft is not None
    return replace(state, draft=replace(state.draft, place=place, is_placed=True), places=())


def ask_again(state: DialogueState, context: DialogueContext) -> Step:
    """The pending question once more, in the language of now."""
    draft = state.draft
    if draft is None or state.step in ("idle", "drop"):
        return proceed(state, context) if draft else Step(state.idle(), (Text("what"),))
    if state.step == "place" and state.places:
        return ask_place(state)
    if state.step == "where":
        return Step(state, (Text("where", asks_place=True),))
    if state.step == "side" and state.border:
        return ask_side(state)
    if state.step == "incident" and state.incident:
        return ask_incident(state)
    if state.step == "review":
        return ask_review(state, context)
    return proceed(state, context)


def again(state: DialogueState, *texts: Text) -> Step:
    if state.misses + 1 > MOST_MISSES:
        return give_to_agent(state)
    return Step(replace(state, misses=state.misses + 1), texts)


def give_to_agent(state: DialogueState) -> Step:
    return Step(replace(state, misses=0), (Text("stuck"),), HandToAgent("stuck"))


def heard(draft: Draft, text: str) -> Draft:
    said = text.strip()
    return replace(draft, words=(*draft.words, said)) if said else draft


def chosen(state: DialogueState, code: str) -> DialogueState:
    assert state.draft is not None
    return replace(state, draft=replace(state.draft, service_code=code), services=(), misses=0)


def with_matter(state: DialogueState, matter: Matter | None) -> DialogueState:
    if matter is None:
        return replace(state, services=())
    return chosen(state, matter.codes[0]) if matter.is_sure else replace(state, services=matter.codes)
