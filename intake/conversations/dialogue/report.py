"""Taking a report: what is it, where is it, what else must be known; then submit. Each function answers with a Step."""

from dataclasses import replace

from intake.catalog.definitions import ServiceDefinition, text_in
from intake.conversations.dialogue import places, questions
from intake.conversations.dialogue.matter import Matter, recognise
from intake.conversations.dialogue.places import Finding
from intake.conversations.dialogue.questions import numbered
from intake.conversations.dialogue.state import DialogueState, Draft, Place
from intake.conversations.dialogue.steps import DialogueContext, HandToAgent, Step, Submit, Text
from intake.conversations.dialogue.words import is_emergency, option_number, plain, yes_or_no

_MOST_CHOICES = 4
_MOST_MISSES = 2


def begin(state: DialogueState, text: str, context: DialogueContext) -> Step | None:
    """The first step of a report that this message tells, or None when it tells none."""
    finding = places.find_in_report(text, context.find_places)
    matter = recognise(text, finding, context)
    if matter is None and finding is None and not is_emergency(plain(text)):
        return None
    draft = Draft(words=(text.strip(),))
    if finding and (finding.places or matter):
        draft = replace(draft, place_words=finding.words)
    state = replace(state.idle(), draft=draft, places=finding.rivals if finding else ())
    state = _with_matter(state, matter)
    return proceed(state, context, finding)


def proceed(state: DialogueState, context: DialogueContext, finding: Finding | None = None) -> Step:
    """Asks for what is missing, or submits. finding: what this message said about the place, when it did."""
    draft = state.draft
    assert draft is not None
    texts: tuple[Text, ...] = ()
    service = context.services.get(draft.service_code or "")
    if not draft.is_warned and (is_emergency(plain(" ".join(draft.words))) or (service and service.is_emergency)):
        draft = replace(draft, is_warned=True)
        texts = (Text("emergency"),)
    state = replace(state, draft=draft)
    step = _next(state, context, service, finding)
    return replace(step, texts=texts + step.texts)


def _next(
    state: DialogueState, context: DialogueContext, service: ServiceDefinition | None, finding: Finding | None
) -> Step:
    draft = state.draft
    assert draft is not None
    if service is None:
        return _ask_service(state, context)
    if not draft.is_placed:
        asked = _place(state, finding)
        if isinstance(asked, Step):
            return asked
        state, draft = asked, asked.draft or draft
    if attribute := questions.next_question(service, draft):
        state = replace(state, step="question", question=attribute.code, misses=0)
        return Step(state, (questions.ask(attribute, state.language),))
    attributes = {code: list(given) for code, given in draft.answers.items()}
    submit = Submit(service.code, "\n".join(draft.words), draft.place_words, draft.place, attributes)
    return Step(replace(state.idle(), opening=_opening(draft)), (), submit)


def _opening(draft: Draft) -> str:
    """The message that told everything by itself: sent again, it is the same report."""
    first = plain(draft.words[0]) if draft.words else ""
    return first if draft.place_words and plain(draft.place_words) in first else ""


def _ask_service(state: DialogueState, context: DialogueContext) -> Step:
    if not state.services:
        return Step(replace(state, step="what"), (Text("what_short" if state.misses == 0 else "what_again"),))
    return Step(replace(state, step="which"), (_which(state, context),))


def _which(state: DialogueState, context: DialogueContext) -> Text:
    names = [
        text_in(context.services[code].name, state.language) for code in state.services if code in context.services
    ]
    return Text("which", {"choices": numbered(names), "other": len(names) + 1})


def _place(state: DialogueState, finding: Finding | None) -> DialogueState | Step:
    """The state with the place settled, or the question about it."""
    draft = state.draft
    assert draft is not None
    if finding is None and state.places:
        finding = Finding(draft.place_words or "", state.places)
    if finding is None:
        return Step(replace(state, step="where", places=()), (Text("where"),))
    if not finding.places:
        if draft.tries > 0:
            return _settled(state, None)
        draft = replace(draft, tries=1)
        return Step(replace(state, step="where", draft=draft, places=()), (Text("where_again"),))
    if finding.is_nameless:
        if draft.tries > 0:
            return _settled(state, None)
        state = replace(state, step="where", draft=replace(draft, tries=1), places=())
        return Step(state, (Text("where_in", {"place": finding.places[0].label}),))
    if len(finding.rivals) > 1 and not finding.is_sure:
        return _ask_place(replace(state, places=finding.rivals[:_MOST_CHOICES]))
    if finding.is_only_an_area:
        return _within(state, finding.places[0])
    if finding.is_sure:
        return _settled(state, finding.places[0])
    return _ask_place(replace(state, places=finding.rivals[:1]))


def _within(state: DialogueState, area: Place) -> DialogueState | Step:
    """A colonia or a long avenue: asks once where in it, then takes it as it is."""
    draft = state.draft
    assert draft is not None
    if draft.tries > 0:
        return _settled(state, area)
    draft = replace(draft, tries=1, place=area, place_words=draft.place_words or area.label)
    state = replace(state, step="where", draft=draft, places=())
    return Step(state, (Text("where_in", {"place": area.label}),))


def _ask_place(state: DialogueState) -> Step:
    labels = [place.label for place in state.places]
    if len(labels) == 1:
        text = Text("confirm_place", {"place": labels[0]})
    else:
        text = Text("which_place", {"choices": numbered(labels), "other": len(labels) + 1})
    return Step(replace(state, step="place"), (text,))


def _settled(state: DialogueState, place: Place | None) -> DialogueState:
    assert state.draft is not None
    return replace(state, draft=replace(state.draft, place=place, is_placed=True), places=())


def answer_what(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """The person says in other words what it is about."""
    assert state.draft is not None
    draft = _heard(state.draft, text)
    state = replace(state, draft=draft)
    finding = None
    if draft.place_words is None:
        finding = places.find_in_report(text, context.find_places)
        if finding:
            state = replace(state, draft=replace(draft, place_words=finding.words), places=finding.rivals)
    matter = recognise(text, finding, context) or recognise(" ".join(draft.words), finding, context)
    if matter:
        return proceed(_with_matter(replace(state, misses=0), matter), context, finding)
    if state.misses + 1 >= _MOST_MISSES:
        return _give_to_agent(state)
    return proceed(replace(state, misses=state.misses + 1), context)


def answer_which(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """The person picks one of the services, or says it in other words."""
    said = plain(text)
    number = option_number(said)
    if number is not None and 1 <= number <= len(state.services):
        return proceed(_chosen(state, state.services[number - 1]), context)
    is_yes = yes_or_no(said)
    if is_yes and number is None and len(state.services) == 1:
        return proceed(_chosen(state, state.services[0]), context)
    if number == len(state.services) + 1 or is_yes is False:
        return proceed(replace(state, services=(), misses=max(state.misses, 1)), context)
    offered = [context.services[code] for code in state.services if code in context.services]
    named = [service.code for service in offered if said in {plain(name) for name in service.name.values()}]
    if len(named) == 1:
        return proceed(_chosen(state, named[0]), context)
    if number is not None or not said:
        return _again(state, _which(state, context))
    return answer_what(replace(state, services=()), text, context)


def answer_where(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """The person says where it is. A place nobody knows is asked for once more, then taken as it was given."""
    assert state.draft is not None
    if option_number(plain(text)) is not None:
        return _again(state, Text("where"))
    told = " ".join(text.split())
    draft = _heard(state.draft, text)
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


def _inside(state: DialogueState, area: Place, alone: Finding, both: Finding, context: DialogueContext) -> Step:
    """They had named a colonia or a long avenue, and now say where in it."""
    within = [place for finding in (alone, both) for place in finding.rivals if places.lies_in(place, area)]
    if len(within) == 1 or (within and within[0].score > within[1].score):
        return proceed(_settled(state, within[0]), context)
    if within:
        return _ask_place(replace(state, places=tuple(within[:_MOST_CHOICES])))
    best = alone.places[0] if alone.places else None
    if alone.is_sure and best:
        # A known place somewhere else: better asked than sent there.
        return _ask_place(replace(state, places=(best,)))
    is_closer = best is not None and best.score >= places.SURE and best.precision_m < area.precision_m
    return proceed(_settled(state, best if is_closer else area), context)


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
        if draft.tries >= _MOST_MISSES:
            return proceed(_settled(state, None), context)
        draft = replace(draft, tries=draft.tries + 1, place=None, place_words=None)
        return Step(replace(state, step="where", draft=draft, places=()), (Text("where_other"),))
    if number is not None or not said or is_yes:
        return _again(state, *_ask_place(state).texts)
    return answer_where(replace(state, draft=replace(state.draft, tries=state.draft.tries + 1)), text, context)


def _agreed(state: DialogueState, place: Place, context: DialogueContext) -> Step:
    assert state.draft is not None
    state = replace(state, draft=replace(state.draft, place_words=place.label))
    asked = _within(state, place) if places.is_wide(place) else _settled(state, place)
    return asked if isinstance(asked, Step) else proceed(asked, context)


def answer_question(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """The person answers one question of the service; after two misses somebody else goes on."""
    draft = state.draft
    assert draft is not None
    service = context.services.get(draft.service_code or "")
    attribute = questions.next_question(service, draft) if service else None
    if service is None or attribute is None:
        return proceed(state, context)
    given = questions.read(attribute, text, state.language, context.now, service.timezone)
    if given is None:
        return _again(state, questions.ask(attribute, state.language, again=True))
    return proceed(replace(state, draft=replace(draft, answers={**draft.answers, attribute.code: given})), context)


def ask_again(state: DialogueState, context: DialogueContext) -> Step:
    """The pending question once more, in the language of now."""
    draft = state.draft
    if draft is None or state.step in ("idle", "drop"):
        return proceed(state, context) if draft else Step(state.idle(), (Text("what"),))
    if state.step == "place" and state.places:
        return _ask_place(state)
    if state.step == "where":
        return Step(state, (Text("where"),))
    return proceed(state, context)


def _again(state: DialogueState, *texts: Text) -> Step:
    if state.misses + 1 > _MOST_MISSES:
        return _give_to_agent(state)
    return Step(replace(state, misses=state.misses + 1), texts)


def _give_to_agent(state: DialogueState) -> Step:
    return Step(replace(state, misses=0), (Text("stuck"),), HandToAgent("stuck"))


def _heard(draft: Draft, text: str) -> Draft:
    said = text.strip()
    return replace(draft, words=(*draft.words, said)) if said else draft


def _chosen(state: DialogueState, code: str) -> DialogueState:
    assert state.draft is not None
    return replace(state, draft=replace(state.draft, service_code=code), services=(), misses=0)


def _with_matter(state: DialogueState, matter: Matter | None) -> DialogueState:
    if matter is None:
        return replace(state, services=())
    return _chosen(state, matter.codes[0]) if matter.is_sure else replace(state, services=matter.codes)
