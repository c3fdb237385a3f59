"""What the dialogue answers to one message, put into words and queued."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from intake.conversations import actions, wording
from intake.conversations.dialogue.steps import Text
from intake.conversations.models import Conversation, Message
from intake.conversations.own_texts import own_texts
from intake.conversations.values import Choice


class Replies:
    """The answers to one message: each has a reference of its own, so that answering twice sends once.

    is_held: whoever answers holds the thread, and writes `last_message_at` on it afterwards.
    """

    def __init__(
        self,
        session: Session,
        conversation: Conversation,
        message: Message,
        now: datetime,
        *,
        name: str = "reply",
        is_held: bool = False,
    ) -> None:
        self.name = name
        self.is_held = is_held
        self.session = session
        self.conversation = conversation
        self.message = message
        self.now = now
        self.count = 0
        self._own: dict[str, wording.Own] = {}

    def words(self, language: str, section: str, key: str, **params: object) -> str:
        """The text, in the city's own words where it has some for this channel."""
        if language not in self._own:
            thread = self.conversation
            self._own[language] = own_texts(self.session, thread.jurisdiction_id, language, thread.channel)
        return wording.say(language, section, key, self._own[language], **params)

    def ask(self, language: str, text: Text, turn: int, emergency_phone: str) -> None:
        """A text of the dialogue with the answers it offers, each under its turn and number."""
        params = {"emergency": emergency_phone, **text.params}
        self.send(
            self.words(language, "dialogue", text.key, **params),
            prompt=self.words(language, "prompts", text.key, **params) if text.options else None,
            choices=[Choice(f"{turn}.{number}", label) for number, label in enumerate(text.options, start=1)],
            asks_place=text.asks_place,
        )

    def send(
        self,
        body: str,
        service_request_id: UUID | None = None,
        *,
        prompt: str | None = None,
        choices: Sequence[Choice] = (),
        asks_place: bool = False,
    ) -> None:
        self.count += 1
        actions.queue_message(
            self.session,
            self.conversation.id,
            body,
            client_ref=f"{self.name}-{self.message.id}-{self.count}",
            author_kind="dialogue",
            service_request_id=service_request_id,
            prompt=prompt,
            choices=choices,
            asks_place=asks_place,
            thread=self.conversation if self.is_held else None,
            now=self.now,
        )

    @property
    def last_message_at(self) -> datetime:
        """Of the thread, with these answers."""
        known = self.conversation.last_message_at
        return max(known, self.now) if self.count else known
