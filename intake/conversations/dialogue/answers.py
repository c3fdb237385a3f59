"""Reading the answer to what a report still lacks: which service, which place, which option. Each gives the next Step."""

from dataclasses import replace

from intake.catalog.definitions import text_in
from intake.conversations.dialogue import places, questions
from intake.conversations.dialogue.matter import recognise
from intake.conversations.dialogue.places import Finding
from intake.conversations.dialogue.report import (
    MOST_CHOICES,
    MOST_MISSES,
    again,
    ask_place,
    ask_side,
    chosen,
    complete,
    give_to_agent,
    heard,
    is_just_warned,
    proceed,
    settled,
    still_offered,
    which,
    with_matter,
    within,
    yes_no,
)
from intake.conversations.dialogue.state import DialogueState, Place
from intake.conversations.dialogue.steps import DialogueContext, Join, Step, Text
from intake.conversations.dialogue.words import DONT_KNOW, GREETINGS, THANKS, option_number, plain, yes_or_no


def answer_what(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """The person says in other words what it is about."""
    assert state.draft is not None
    said = plain(text)
    if is_just_warned(state, context) and state.draft.is_warned and (said in THANKS or yes_or_no(said) is False):
        # They said where somebody is in danger; nothing is to be repaired there.
        return Step(replace(state.idle(), is_thanked=True), (Text("courtesy"),))
    if is_just_warned(state, context) and state.draft.is_warned and yes_or_no(said):
        return Step(state, (Text("what_short"),))
    draft = heard(state.draft, text)
    state = replace(state, draft=draft)
    finding = None
    if draft.place_words is None:
        finding = places.find_in_report(text, context.find_places)
        if finding:
            state = replace(state, draft=replace(draft, place_words=finding.words), places=finding.rivals)
    matter = recognise(text, finding, context) or recognise(" ".join(draft.words), finding, context)
    if matter:
        return proceed(with_matter(replace(state, misses=0), matter), context, finding)
    if state.misses + 1 >= MOST_MISSES:
        return give_to_agent(state)
    return proceed(replace(state, misses=state.misses + 1), context)


def answer_which(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """The person picks one of the services, or says it in other words."""
    said = plain(text)
    number = option_number(said)
    if number is not None and 1 <= number <= len(state.services):
        return proceed(chosen(state, state.services[number - 1]), context)
    is_yes = yes_or_no(said)
    if is_yes and number is None and len(state.services) == 1:
        return proceed(chosen(state, state.services[0]), context)
    if number == len(state.services) + 1 or is_yes is False:
        return proceed(replace(state, services=(), misses=max(state.misses, 1)), context)
    offered = [context.services[code] for code in state.services if code in context.services]
    named = [service.code for service in offered if said in {plain(name) for name in service.name.values()}]
    if len(named) == 1:
        return proceed(chosen(state, named[0]), context)
    if number is not None or not said:
        state = still_offered(state, context)
        return again(state, which(state, context)) if state.services else proceed(state, context)
    return answer_what(replace(state, services=()), text, context)


def answer_where(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """The person says where it is. A place nobody knows is asked for once more, then taken as it was given."""
    assert state.draft is not None
    said = plain(text)
    if option_number(said) is not None or said in THANKS or said in GREETINGS:
        return again(state, Text("where", asks_place=True))
    if said in DONT_KNOW:
        return _without_place(state, context)
    told = " ".join(text.split())
    draft = heard(state.draft, text)
    before = draft.place_words if draft.tries and draft.place_words != told else None
    # "junto a la tienda roja" after "El Carmen": both together say where.
    draft = replace(draft, place_words=f"{before}, {told}" if before else told)
    state = replace(state, draft=draft)
    alone = places.find_in_answer(told, context.find_places)
    both = places.find_in_answer(draft.place_words or told, context.find_places) if before else alone
    if draft.place is not None:
        return _inside(state, draft.place, alone, both, context)
    finding = both if both.places and (not alone.places or alone.is_only_an_area) else alone
    return proceed(replace(state, places=finding.rivals), context, finding)


def _without_place(state: DialogueState, context: DialogueContext) -> Step:
    """They cannot say where: asked once more in other words, then the report goes on with what there is."""
    draft = state.draft
    assert draft is not None
    if draft.tries > 0:
        return proceed(settled(state, draft.place), context)
    return Step(replace(state, draft=replace(draft, tries=1)), (Text("where_near", asks_place=True),))


def _inside(state: DialogueState, area: Place, alone: Finding, both: Finding, context: DialogueContext) -> Step:
    """They had named a colonia or a long avenue, and now say where in it."""
    # Both ways of looking may find the same one, and nobody can choose between two that are written alike.
    found = {place.label: place for finding in (both, alone) for place in finding.rivals if places.lies_in(place, area)}
    held = sorted(found.values(), key=lambda place: -place.score)
    if len(held) == 1 or (held and held[0].score > held[1].score):
        return proceed(settled(state, held[0]), context)
    if held:
        return ask_place(replace(state, places=tuple(held[:MOST_CHOICES])))
    best = alone.places[0] if alone.places else None
    if alone.is_sure and best:
        # A known place somewhere else: better asked than sent there.
        return ask_place(replace(state, places=(best,)))
    is_closer = best is not None and best.score >= places.SURE and best.precision_m < area.precision_m
    return proceed(settled(state, best if is_closer else area), context)


def answer_place(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """The person confirms a place, picks one of several, or gives another."""
    assert state.draft is not None
    said = plain(text)
    number, is_yes = option_number(said), yes_or_no(said)
    several = len(state.places) > 1
    if several and number is not None and 1 <= number <= len(state.places):
        return _agreed(state, state.places[number - 1], context)
    if not several and is_yes and state.places:
        return _agreed(state, state.places[0], context)
    if is_yes is False or number == len(state.places) + 1:
        draft = state.draft
        if draft.tries >= MOST_MISSES:
            return proceed(settled(state, None), context)
        draft = replace(draft, tries=draft.tries + 1, place=None, place_words=None)
        return Step(replace(state, step="where", draft=draft, places=()), (Text("where_other", asks_place=True),))
    if number is not None or not said or is_yes:
        return again(state, *ask_place(state).texts)
    return answer_where(replace(state, draft=replace(state.draft, tries=state.draft.tries + 1)), text, context)


def _agreed(state: DialogueState, place: Place, context: DialogueContext) -> Step:
    assert state.draft is not None
    state = replace(state, draft=replace(state.draft, place_words=place.label))
    asked = within(state, place, is_agreed=True) if places.is_wide(place) else settled(state, place)
    return asked if isinstance(asked, Step) else proceed(asked, context)


def may_be_digits(state: DialogueState, context: DialogueContext) -> bool:
    """True where the question that stands may be answered with as many digits as a folio has."""
    if state.step != "question" or state.draft is None:
        return False
    service = context.services.get(state.draft.service_code or "")
    attribute = questions.next_question(service, state.draft) if service else None
    return attribute is None or not attribute.options


def answer_question(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """The person answers one question of the service; after two misses somebody else goes on."""
    draft = state.draft
    assert draft is not None
    service = context.services.get(draft.service_code or "")
    attribute = questions.next_question(service, draft) if service else None
    if service is None:  # it was retired since; what they write now is still about it
        return proceed(replace(state, draft=heard(draft, text)), context)
    if attribute is None:
        return proceed(state, context)
    given = questions.read(attribute, text, state.language, context.now, service.timezone)
    if given is None:
        return again(state, questions.ask(attribute, state.language, again=True))
    return proceed(replace(state, draft=replace(draft, answers={**draft.answers, attribute.code: given})), context)


def answer_same(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """The person says whether it is the request they were asked about. Who does not say so twice has reported another."""
    draft, alike = state.draft, state.alike
    assert draft is not None
    if alike is None:
        return proceed(state, context)
    is_same = yes_or_no(plain(text))
    if is_same and draft.service_code in context.services:
        return Step(state.idle(), (), Join(alike, complete(draft, draft.service_code or "")))
    if is_same is False:
        return proceed(
            replace(state, draft=replace(draft, is_compared=True, ruled_out=alike.shown), alike=None), context
        )
    state = replace(state, draft=heard(draft, text))
    if state.misses + 1 >= MOST_MISSES:
        return unanswered(state, context)
    return Step(replace(state, misses=state.misses + 1), (Text("same_again", options=yes_no(state)),))


def answer_side(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """The person says which side of the border it is. Who does not know, or says neither twice, has said enough."""
    draft, border = state.draft, state.border
    assert draft is not None
    if border is None:
        return proceed(state, context)
    said = plain(text)
    number = option_number(said)
    if number is None:
        number = questions.named([text_in(side.name, state.language) for side in border.sides], said)
    if number is not None and 1 <= number <= len(border.sides):
        draft = replace(draft, is_side_asked=True, settled=border.sides[number - 1].settled)
        return proceed(replace(state, draft=draft, border=None), context)
    if number == len(border.sides) + 1 or said in DONT_KNOW:
        return unanswered(state, context)
    # What else they say may help whoever goes there.
    state = replace(state, draft=heard(draft, text))
    if state.misses + 1 >= MOST_MISSES:
        return unanswered(state, context)
    return replace(ask_side(state), state=replace(state, misses=state.misses + 1))


def unanswered(state: DialogueState, context: DialogueContext) -> Step:
    """Nobody said whether it is the same, which side it is on, or that it is right: it is made all the same, or goes on."""
    assert state.draft is not None
    draft = replace(
        state.draft,
        is_compared=True,
        is_side_asked=state.draft.is_side_asked or state.step in ("side", "review"),
        is_reviewed=True,
        is_told=True,
    )
    return proceed(replace(state, draft=draft, alike=None, border=None, incident=None, misses=0), context)
