"""One turn of a call: what is known of it while the next document is made."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from sqlmodel import Session

from channels.voice.ivr import reading, wording
from channels.voice.ivr.hours import Hours, hours_of
from channels.voice.ivr.script import Script
from channels.voice.ivr.twiml import hints
from channels.voice.ivr.values import Ask, Page, Said
from georef.gazetteer import Gazetteer
from intake.calls import calling_back, turns
from intake.calls.models import Call
from intake.calls.turns import Answer
from intake.catalog import cities
from intake.catalog import queries as catalog
from intake.catalog.cities import City
from intake.catalog.definitions import emergency_phone, text_in, women_phone
from intake.conversations import wording as dialogue_wording
from intake.conversations.models import Conversation
from intake.conversations.own_texts import own_texts
from intake.conversations.values import VOICE
from intake.people import actions as people
from intake.people import spending
from intake.people.models import ContactPoint
from routing import queries as routing

Way = Callable[..., Page]


@dataclass
class Turn:
    """The call is held, and answers document `number`. language: of what is said next; has_told: what they said is kept.

    ways: where a call may go on from anywhere, by name (`answering.WAYS`): what stands below does not know what stands above it.
    """

    session: Session
    call: Call
    script: Script
    number: int
    now: datetime
    language: str
    ways: Mapping[str, Way]
    has_told: bool = False
    _own: dict[str, dialogue_wording.Own] = field(default_factory=dict)

    @cached_property
    def city(self) -> City:
        return cities.city(self.session, self.call.jurisdiction_id)

    @cached_property
    def contact(self) -> ContactPoint:
        return self.session.get_one(ContactPoint, self.call.contact_point_id)

    @cached_property
    def hours(self) -> Hours:
        return hours_of(self.session, self.city, self.now)

    @property
    def gazetteer(self) -> Gazetteer:
        return routing.gazetteer(self.session, self.call.jurisdiction_id)

    @property
    def emergency_phone(self) -> str:
        return emergency_phone(self.city.settings)

    @property
    def women_phone(self) -> str:
        return women_phone(self.city.settings)

    @property
    def shows_number(self) -> bool:
        return self.contact.kind == "phone"

    @cached_property
    def can_be_called(self) -> bool:
        """Whether we call back the number that shows; not one from abroad, whoever it is that profits from it."""
        return self.shows_number and (
            calling_back.dialable(self.session, self.city.id, people.address_of(self.contact)) is not None
        )

    @cached_property
    def can_write(self) -> bool:
        """Whether we send text messages to whoever calls."""
        if not self.shows_number or people.is_opted_out(self.session, self.contact.id):
            return False
        return not spending.is_stopped(self.session, self.city.id, people.address_of(self.contact))

    def conversation(self) -> Conversation:
        return self.session.get_one(Conversation, self.call.conversation_id)

    # What is said

    def say(self, key: str, **params: object) -> Said:
        """One of the machine's own texts."""
        fields = {"emergency": self.emergency_phone, "city": self.city.name, **params}
        return self.aloud(wording.say(self.language, key, self.own_texts(self.language), **fields))

    def own_texts(self, language: str) -> dialogue_wording.Own:
        """What takes the place of the texts for all in a call of this city."""
        if language not in self._own:
            self._own[language] = own_texts(self.session, self.city.id, language, VOICE)
        return self._own[language]

    def aloud(self, text: str) -> Said:
        return Said(reading.aloud(text, self.language), self.language)

    def dialogue_text(self, key: str, **params: object) -> str:
        """A text of the dialogue, as it is worded for a call of this city."""
        own = self.own_texts(self.language)
        fields = {"emergency": self.emergency_phone, "women": self.women_phone, **params}
        return dialogue_wording.say(self.language, "dialogue", key, own, **fields)

    def ask(
        self,
        says: Iterable[Said],
        *,
        stage: str,
        ask: Ask | None = None,
        expects: str = "open",
        again: Iterable[Said] | None = None,
    ) -> Page:
        """A page that waits for an answer, which is then read as of this stage. again: what of it is said a second time."""
        script = self.script
        script.stage, script.expects = stage, expects
        page = Page(tuple(says), ask or self.open_ask())
        script.page = (page if again is None else replace(page, says=tuple(again))).to_json()
        return page

    def open_ask(self, *phrases: str) -> Ask:
        """They may say anything, or press one key."""
        return Ask(hints=hints((*phrases, *self._words_of_the_catalogue())))

    def end(self, *says: Said) -> Page:
        """The end of the call."""
        self.script.stage = "over"
        return Page(tuple(says))

    def again(self, *before: Said) -> Page:
        """The newest document once more."""
        if not self.script.page:
            return self.ask(before, stage=self.script.stage)
        last = Page.from_json(self.script.page)
        return Page((*before, *last.says), last.ask)

    def options(self, labels: Sequence[str], *, first: int = 1) -> list[Said]:
        """Each with its key."""
        return [self.say("option", label=label, number=key) for key, label in enumerate(labels, start=first)]

    # What is done

    def go(self, way: str, *before: Said, **more: object) -> Page:
        """Goes on there. way: one of `answering.WAYS`."""
        return self.ways[way](self, *before, **more)

    def tell(self, words: str, choice: str | None = None) -> Answer:
        """Has the dialogue answer."""
        self.has_told = True
        answer = turns.say(self.session, self.call, words, number=self.number, choice=choice, now=self.now)
        self.language = answer.state.language
        return answer

    def note(self, words: str) -> None:
        """Keeps what was said, where the dialogue does not hear it."""
        if words and not self.has_told:
            self.has_told = True
            turns.note(self.session, self.call, words, number=self.number, now=self.now)

    def _words_of_the_catalogue(self) -> tuple[str, ...]:
        known = catalog.catalog(self.session, self.call.jurisdiction_id)
        names = [text_in(service.name, self.language) for service in known.services]
        words = [word for service in known.services for word in service.keywords] if self.language == "es" else []
        return (*_ANSWERS.get(self.language, ()), *names, *words)


# Short answers that a recogniser should not take for names of services.
_ANSWERS = {
    "es": ("sí", "no", "operador", "estado", "folio", "corregir", "enviar", "repetir", "sin mensajes", "por mensaje"),
    "en": ("yes", "no", "operator", "status", "number", "correct", "send", "repeat", "no messages", "by message"),
}
