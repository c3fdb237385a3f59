"""What the dialogue remembers between two messages. Kept as JSON on the conversation; unreadable memory is no memory."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

EXPIRES_AFTER = timedelta(hours=24)
STEPS = (
    "idle", "what", "which", "where", "place", "question", "same", "side", "review", "fix", "drop", "amend", "photo", "link",
    "incident",
)  # fmt: skip

# Steps of a report that is not dropped when nobody answers: is it the same, which side of a border is it on, is all of it right,
# is it part of what the city knows of.
LAST_WORDS = ("same", "side", "review", "incident")


@dataclass(frozen=True, slots=True)
class Place:
    """A place that words may mean. lon, lat: WGS84; score: 0 to 100."""

    label: str
    lon: float
    lat: float
    precision_m: float
    score: float = 100.0


@dataclass(frozen=True, slots=True)
class Alike:
    """A request that may be the same, as the person is asked about it. words: public ones; hours: since it was made, or closed.

    shown: what is written down of the choice; the dialogue only carries it.
    """

    service_request_id: str
    metres: int
    hours: float
    words: str
    is_closed: bool
    shown: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Side:
    """One reply to the question which side of a border the place is on, by language; settled: what it decides."""

    name: Mapping[str, str]
    settled: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Border:
    """The one question that tells who answers, by language, and its two replies."""

    question: Mapping[str, str]
    sides: tuple[Side, ...]


@dataclass(frozen=True, slots=True)
class Announced:
    """What the city knows of already and many ask about: the words by language. is_attached: this person is told of it."""

    incident_id: str
    written: Mapping[str, str]
    is_attached: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A report that is being told. `place_words` are what the person calls the place; `place` is the one they agreed to.

    `is_placed`: nothing more is asked about the place. `tries` counts the answers about it that led nowhere.
    `messages`: ids of the messages that told it, oldest first; whoever runs the dialogue writes them down.
    `is_compared`: they were asked whether it is reported already; `ruled_out`: and said that it is not that one.
    `is_reviewed`: it was read back to them.
    `is_told`: they heard of an incident that it may be part of; `apart_from`: and said that it is another matter than that one.
    `is_side_asked`: they were asked which side of a border the place is on; `settled`: and this is what they replied.
    `was_whole`: it was known what it is and where, until they took one of the two back.
    """

    words: tuple[str, ...] = ()
    service_code: str | None = None
    place_words: str | None = None
    place: Place | None = None
    is_placed: bool = False
    tries: int = 0
    answers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_warned: bool = False
    messages: tuple[str, ...] = ()
    is_compared: bool = False
    ruled_out: Mapping[str, Any] | None = None
    is_side_asked: bool = False
    settled: Mapping[str, str] = field(default_factory=dict)
    is_reviewed: bool = False
    is_told: bool = False
    apart_from: str = ""
    was_whole: bool = False


@dataclass(frozen=True, slots=True)
class DialogueState:
    """step: what the last answer asked for. services, places: the numbered choices that were offered.

    last_words, repeats: the newest message and how often it came in a row; window_*: messages in the present ten minutes.
    turn: counts the questions with answers to press, so that a button of an old one is known; pressed: the last that was.
    loose: ids of messages with pictures that belong to no report yet; recent: the folios that were offered for them; about: the
    folio they asked about last, on this channel.
    warned_at: when they were told whom to call, of danger that no report tells of; warned_of: its kind, in a thread of an agent.
    media_at: when a message with a picture or the like was heard last.
    opening, folio: the message that told the last whole report, and the folio it got. is_promised: they were told that a person
    looks at what they said. unknown: the folio they asked about last that is no report, or none that they may know of.
    """

    step: str = "idle"
    language: str = "es"
    is_language_chosen: bool = False
    draft: Draft | None = None
    services: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    misses: int = 0
    at: datetime | None = None
    last_words: str = ""
    repeats: int = 0
    window_from: datetime | None = None
    window_count: int = 0
    bad_folios: int = 0
    is_thanked: bool = False
    opening: str = ""
    folio: str = ""
    submitted_at: datetime | None = None
    alike: Alike | None = None
    border: Border | None = None
    incident: Announced | None = None
    turn: int = 0
    pressed: str = ""
    loose: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()
    about: str = ""
    warned_at: datetime | None = None
    is_promised: bool = False
    unknown: str = ""
    warned_of: str = ""
    media_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values that `from_json` reads back."""
        values = asdict(self)
        for name in _INSTANTS:
            values[name] = values[name].isoformat() if values[name] else None
        for name in ("services", "loose", "recent"):
            values[name] = list(values[name])
        values["places"] = [asdict(place) for place in self.places]
        if self.draft:
            values["draft"]["words"] = list(self.draft.words)
            values["draft"]["messages"] = list(self.draft.messages)
            values["draft"]["answers"] = {code: list(given) for code, given in self.draft.answers.items()}
            if not self.draft.was_whole:
                del values["draft"]["was_whole"]  # the release before it reads no draft that has it
        if self.border:
            values["border"]["sides"] = list(values["border"]["sides"])
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any], *, language: str = "es") -> "DialogueState":
        """The state that `to_json` wrote, also that of a later release; a fresh one when these are not such values."""
        if not values:
            return cls(language=language)
        try:
            read = dict(values)
            for name in _INSTANTS:
                read[name] = datetime.fromisoformat(read[name]) if read.get(name) else None
            for name in ("services", "loose", "recent"):
                read[name] = tuple(read.get(name, ()))
            read["places"] = tuple(Place(**place) for place in read.get("places", ()))
            read["draft"] = _draft(read["draft"]) if read.get("draft") else None
            read["alike"] = Alike(**read["alike"]) if read.get("alike") else None
            read["border"] = _border(read["border"]) if read.get("border") else None
            read["incident"] = Announced(**read["incident"]) if read.get("incident") else None
            state = cls(**_known(cls, read))
        except (TypeError, ValueError, AttributeError):
            return cls(language=language)
        return state if state.step in STEPS else cls(language=language)

    def idle(self) -> "DialogueState":
        """The same memory with no report in the making."""
        return replace(
            self,
            step="idle",
            draft=None,
            services=(),
            places=(),
            misses=0,
            alike=None,
            border=None,
            incident=None,
            recent=(),
        )

    @property
    def is_nearly_told(self) -> bool:
        """A report that nobody has taken back, of which it is or was known what it is and where: the rest was asked for.

        What they said was wrong is not used all the same: a wrong place sends a crew there, a wrong service sends the wrong one.
        """
        draft = self.draft
        return (
            draft is not None
            and self.step != "drop"
            and (draft.was_whole or bool(draft.service_code and (draft.place or draft.place_words)))
        )

    def is_expired(self, now: datetime) -> bool:
        return self.at is not None and now - self.at > EXPIRES_AFTER


def _border(values: Mapping[str, Any]) -> Border:
    return Border(values["question"], tuple(Side(**side) for side in values["sides"]))


def _draft(values: Mapping[str, Any]) -> Draft:
    place = Place(**values["place"]) if values.get("place") else None
    told = {"words": tuple(values["words"]), "place": place, "messages": tuple(values.get("messages", ()))}
    return Draft(**_known(Draft, {**values, **told}))


def _known(kind: type[Draft | DialogueState], values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what a later release remembers besides: the two run side by side while one follows the other."""
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in values.items() if name in names}


_INSTANTS = ("at", "window_from", "submitted_at", "warned_at", "media_at")
