"""One turn of a call: what is known of it while the next document is made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlmodel import Session

from channels.voice.ivr import reading, wording
from channels.voice.ivr.hours import Hours, hours_of
from channels.voice.ivr.script import Script
from channels.voice.ivr.twiml import hints
from channels.voice.ivr.values import Ask, Page, Said
from georef.gazetteer import Gazetteer
from intake.calls import turns
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
from intake.people.models import ContactPoint
from routing import queries as routing


@dataclass
class Turn:
    """The call is held, and answers document `number`. language: of what is said next; has_told: the dialogue has heard it."""

    session: Session
    call: Call
    script: Script
    number: int
    now: datetime
    language: str
    has_told: bool = False

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
    def can_write(self) -> bool:
        """Whether text messages reach whoever calls."""
        return self.contact.kind == "phone"

    def conversation(self) -> Conversation:
        return self.session.get_one(Conversation, self.call.conversation_id)

    # What is said

    def say(self, key: str, **params: object) -> Said:
        """One of the machine's own texts."""
        fields = {"emergency": self.emergency_phone, "city": self.city.name, **params}
        return self.aloud(wording.say(self.language, key, **fields))

    def aloud(self, text: str) -> Said:
        return Said(reading.aloud(text, self.language), self.language)

    def dialogue_text(self, key: str, **params: object) -> str:
        """A text of the dialogue, as it is worded for a call of this city."""
        own = own_texts(self.session, self.city.id, self.language, VOICE)
        fields = {"emergency": self.emergency_phone, "women": self.women_phone, **params}
        return dialogue_wording.say(self.language, "dialogue", key, own, **fields)

    def ask(self, says: Iterable[Said], *, stage: str, ask: Ask | None = None, expects: str = "open") -> Page:
        """A page that waits for an answer, which is then read as of this stage."""
        script = self.script
        script.stage, script.expects = stage, expects
        page = Page(tuple(says), ask or self.open_ask())
        script.page = page.to_json()
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
        return [self.say("option", label=_inside(label), number=key) for key, label in enumerate(labels, start=first)]

    # What is done

    def tell(self, words: str, choice: str | None = None) -> Answer:
        """Has the dialogue answer."""
        self.has_told = True
        answer = turns.say(self.session, self.call, words, number=self.number, choice=choice, now=self.now)
        self.language = answer.state.language
        return answer

    def _words_of_the_catalogue(self) -> tuple[str, ...]:
        known = catalog.catalog(self.session, self.call.jurisdiction_id)
        names = [text_in(service.name, self.language) for service in known.services]
        words = [word for service in known.services for word in service.keywords] if self.language == "es" else []
        return (*_ANSWERS.get(self.language, ()), *names, *words)


# Short answers that a recogniser should not take for names of services.
_ANSWERS = {
    "es": ("sí", "no", "operador", "estado", "folio", "corregir", "enviar", "repetir", "sin mensajes"),
    "en": ("yes", "no", "operator", "status", "number", "correct", "send", "repeat", "no messages"),
}


def _inside(label: str) -> str:
    """A label as part of a sentence: `Otra cosa` is `otra cosa`; names of places keep their capitals."""
    head, _, rest = label.partition(" ")
    is_name = any(letter.isupper() for letter in rest) or head.isupper()
    return label if is_name else label[:1].lower() + label[1:]
