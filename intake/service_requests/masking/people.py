"""Names of persons, told from streets, colonias, stations and monuments that are called after persons.

Words are read once from left to right. A name begins behind a cue ("mi vecino", "se llama", "Sr."), or with a given name we know.
What stands before and after it says whether it is a place; a cue that can only speak of a person outweighs that.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache

from intake.service_requests.masking.marks import Mark
from intake.service_requests.masking.screening import Look, may_name_somebody
from intake.service_requests.masking.tokens import Token, is_short, tokens
from intake.service_requests.masking.words import SHORT_GIVEN, words

# Folded names of a city's places, asked for only when a text has a name that could be one.
Places = Callable[[], frozenset[str]]

_MAX_WORDS = 7
# A cue is one word before a name, or two with an article.
_REACH = 3
_BACK = 7


@cache
def _known() -> frozenset[str]:
    """Words that may begin a name without a cue."""
    return words().given | words().surnames | SHORT_GIVEN


@cache
def _cues() -> frozenset[str]:
    """Words behind which any word may begin a name."""
    known = words()
    return (
        known.titles
        | known.street_titles
        | known.kin
        | {phrase.split()[-1] for phrase in known.any_before | known.signed_before}
    )


def marks(
    text: str, places: Places, barred: list[tuple[int, int]], *, is_address: bool = False, look: Look | None = None
) -> Iterable[Mark]:
    """The names; `barred`: stretches that are hidden already, in order. In an address a bare name is a street's.

    Without a `look` every word is asked whether it begins a name, also those that cannot; the answer is the same.
    """
    if look is not None and not may_name_somebody(text, look, is_address=is_address):
        return ()
    return _marks(text, places, barred, is_address, look)


def _marks(
    text: str, places: Places, barred: list[tuple[int, int]], is_address: bool, look: Look | None
) -> Iterator[Mark]:
    found = tokens(text, barred)
    letters = [token for token in found if token.is_word and token.end - token.start > 2]
    shouts = len(letters) > 0 and sum(text[t.start : t.end].isupper() for t in letters) * 2 > len(letters)
    reader = _Reader(text, found, shouts, places, is_address)
    at = 0
    for begin in range(len(found)) if look is None else _beginnings(found):
        if begin >= at:
            mark, at = reader.read(begin)
            if mark is not None:
                yield mark


def _beginnings(found: list[Token]) -> list[int]:
    """Where names may begin: at words we know, initials, and behind a cue, an article and what is hidden between them."""
    known, cues = _known(), _cues()
    begins: list[int] = []
    cue = -_REACH
    for at, token in enumerate(found):
        word = token.plain
        if at - cue < _REACH or word in known or len(word) == 1:
            begins.append(at)
        if word in cues:
            cue = at
        elif not word and at - cue < _REACH:
            cue += 1
    return begins


class _Reader:
    """One pass over the words of one text."""

    def __init__(self, text: str, tokens: list[Token], shouts: bool, places: Places, is_address: bool) -> None:
        self.text, self.tokens, self.shouts, self.places, self.is_address = text, tokens, shouts, places, is_address
        self.words = words()
        self.place_end = -1  # the word after the last place that was recognised

    def read(self, at: int) -> tuple[Mark | None, int]:
        """The name that begins at this word, if any, and where to read on."""
        token = self.tokens[at]
        if not token.is_word:
            return None, at + 1
        cue, why = self._cue_before(at)
        # In capitals any word could be a name: only behind "SR." do we take one that we do not know.
        end = self._run(at, is_certain=cue >= 2 and (not self.shouts or why == "title"))
        if end == at and cue == 1 and self._is_signed(at):
            end, cue, why = self._run(at, is_certain=True), 2, "signed"
        if end == at:
            return None, at + 1
        names = [t.plain for t in self.tokens[at:end] if t.plain not in self.words.particles]
        score, why = self._score(at, end, names, cue, why)
        if score <= 0:
            return None, at + 1
        if cue < 3 and self._is_place(at, end, names, cue):
            self.place_end = end
            return None, end
        last = self.tokens[end - 1]
        return Mark(token.start, last.end, "name", score, why), end

    # What stands before -------------------------------------------------------------------------------------------------------

    def _cue_before(self, at: int) -> tuple[int, str]:
        """0 nothing; 1 a name we know may follow; 2 any name may follow, unless of a street; 3 nothing but a person."""
        words, tokens = self.words, self.tokens
        back = at - 1
        if back < 0:
            return 0, ""
        gap = tokens[at].gap
        if tokens[back].plain in words.articles and tokens[at].joins and self._phrase(back, words.any_before):
            return 2, "phrase"  # "le dicen El Beto"
        before = tokens[back].plain
        is_far = (
            len(gap) > 4 or any(letter in gap for letter in ";()?") or (gap[:1] == "." and not is_short(tokens[back]))
        )
        if is_far and not (gap.strip() in (".", "") and "\n" in gap):  # a letter's last line: "Gracias.", "Rosa"
            return 0, ""
        is_close = tokens[at].joins
        if before == "c" and gap[:1] != ".":  # "C. Antonio Meza" is a citizen, "190C" a house
            return 0, ""
        if is_close and before in words.titles:
            return (2 if back and tokens[back - 1].plain in self.words.streets else 3), "title"
        if is_close and before in words.street_titles:
            is_person = back > 0 and tokens[back].joins and tokens[back - 1].plain in words.articles
            is_person = is_person or (back > 0 and tokens[back - 1].plain in words.kin | words.titles)
            # "colonia Doctores, calle la Dra. ..." is nobody's way of writing; "calle del Dr. Lavista" is.
            return (3 if is_person and tokens[back - 1].plain not in ("del",) else 2), "title"
        if (is_close or gap.strip() == ":") and before in words.kin:
            return 3, "kin"
        if self._phrase(at, words.any_before):
            return 2, "phrase"
        if self._phrase(at, words.named_before):
            return 1, "phrase"
        return 0, ""

    def _phrase(self, at: int, phrases: frozenset[str]) -> bool:
        """Whether one of these phrases of up to four words ends before this word."""
        said = ""
        for back in range(at - 1, max(-1, at - 5), -1):
            said = f"{self.tokens[back].plain} {said}".strip()
            if said in phrases:
                return True
        return False

    def _is_signed(self, at: int) -> bool:
        """`Soy Zenobia Quetzalli`: two capitalised words where people say who they are, unless all is in capitals."""
        first, second = self.tokens[at], self.tokens[at + 1] if at + 1 < len(self.tokens) else self.tokens[at]
        both = first.is_capital and second.is_capital and second.joins and not self.shouts
        if not both or second.plain in self.words.streets | self.words.buildings | self.words.place_after:
            return False
        return second.plain not in self.words.common and self._phrase(at, self.words.signed_before)

    # The name itself ----------------------------------------------------------------------------------------------------------

    def _run(self, at: int, *, is_certain: bool) -> int:
        """The word after the last one of the name that begins here; `at` when none does."""
        tokens, words = self.tokens, self.words
        end = at
        while end < len(tokens) and end - at < _MAX_WORDS:
            token = tokens[end]
            if not token.is_word or (end > at and not token.joins):
                break
            if end > at and token.plain in words.particles:
                ahead = end + 1
                while ahead < len(tokens) and ahead - end < 3 and tokens[ahead].plain in words.particles:
                    ahead += 1
                if ahead < len(tokens) and tokens[ahead].joins and self._continues(ahead, token.plain in ("y", "e")):
                    end = ahead
                    continue
                break
            if not self._is_name_word(end, is_first=end == at, is_certain=is_certain):
                break
            end += 1
        if end > at and all(tokens[place].end - tokens[place].start == 1 for place in range(at, end)):
            return at
        return end

    def _continues(self, at: int, is_and: bool) -> bool:
        token, words = self.tokens[at], self.words
        if not token.is_word or token.plain in words.streets | words.buildings | words.common:
            return False
        if is_and:
            return token.plain in words.given and (
                (token.is_capital and not self.shouts) or token.plain not in words.ambiguous
            )
        if token.is_capital and not self.shouts:
            return True
        return (
            token.plain in words.surnames
            or (token.plain in words.given and token.plain not in words.ambiguous)
            or (self.shouts and token.plain in words.given)
        )

    def _is_name_word(self, at: int, *, is_first: bool, is_certain: bool) -> bool:
        token, words = self.tokens[at], self.words
        word = token.plain
        is_known = word in words.given or word in words.surnames
        if word in words.kin or word in words.titles or word in words.street_titles:
            return False
        if token.end - token.start == 1:  # an initial
            following = at + 1 < len(self.tokens) and self.tokens[at + 1].joins and self.tokens[at + 1].is_capital
            return token.is_capital and following and self.text[token.end : token.end + 1] == "."
        if is_first and word in SHORT_GIVEN:
            ahead = self.tokens[at + 1] if at + 1 < len(self.tokens) else token
            return token.is_capital and ahead.joins and ahead.plain in words.given
        if word in words.place_after or (word in words.streets | words.buildings and not is_known):
            return False
        if word in words.common and not is_known:
            return False
        if token.is_capital and not self.shouts:
            if is_first and not is_certain:
                return word in words.given
            if word in words.common and is_first:  # "Julio César", but not "Julio fue un mes de lluvias"
                ahead = self.tokens[at + 1] if at + 1 < len(self.tokens) else token
                return is_known and ahead.is_capital and ahead.plain in words.given | words.surnames
            return word not in words.common or is_known
        if self.shouts:
            return is_known or (is_first and is_certain and word not in words.common and len(word) > 3)
        if is_first and not is_certain:
            return word in words.given and word not in words.ambiguous
        return is_known and (word not in words.ambiguous or not is_first)

    def _score(self, at: int, end: int, names: list[str], cue: int, why: str) -> tuple[float, str]:
        """How sure it is that this is somebody's name, were it no place; 0 for no."""
        words, first = self.words, self.tokens[at]
        known = [name for name in names if name in words.given or name in words.surnames]
        given = next((name for name in names if len(name) > 1 and name not in SHORT_GIVEN), "")
        is_written = first.is_capital and not self.shouts
        if cue >= 2:
            return (0.95 if known else 0.8), why
        if given not in words.given and first.plain not in SHORT_GIVEN:
            return 0, ""
        clear = [name for name in known if name not in words.ambiguous]
        surnames = [name for name in names[1:] if name in words.surnames]
        if cue == 1:
            return (0.95 if len(known) > 1 else 0.8), why
        if is_written:
            if surnames and (clear or len(names) > 2):
                return 0.9, "given name and surname"
            if len(names) > 1 and clear:
                return 0.75, "given name"
            if len(names) > 1:
                return 0.6, "could be words"
            return (0.6, "given name alone") if given not in words.ambiguous else (0, "")
        # Written small, or all in capitals: only what is a name and nothing else.
        if self.shouts and surnames and len(known) > 1 and clear:
            return 0.8, "given name and surname"
        return (
            (0.75, "given name and surname")
            if surnames and given not in words.ambiguous and len(clear) > 1
            else (0, "")
        )

    # Places called after persons ----------------------------------------------------------------------------------------------

    def _is_place(self, at: int, end: int, names: list[str], cue: int) -> bool:
        if self.is_address and cue == 0:
            return True
        if cue == 2 and self._phrase_is_about_a_place(at):
            return True
        is_title = at > 0 and self.tokens[at - 1].plain in self.words.street_titles
        if self.is_address and is_title:
            return True
        may_be_place = cue == 0 or is_title or (cue == 2 and self.tokens[at - 1].plain in self.words.titles)
        if may_be_place and (
            self._follows_a_place_word(at, with_buildings=cue == 0 or is_title) or self._precedes_a_place_word(end)
        ):
            return True
        if cue:
            return False
        return self._is_known_place(at, end, names)

    def _phrase_is_about_a_place(self, at: int) -> bool:
        """`el parque se llama Francisco Villa`."""
        kinds = self.words.streets | self.words.buildings
        return any(token.plain in kinds for token in self.tokens[max(0, at - 6) : at])

    def _follows_a_place_word(self, at: int, *, with_buildings: bool) -> bool:
        words, tokens = self.words, self.tokens
        kinds = words.streets | words.buildings if with_buildings else words.streets
        nearest = True
        for back in range(at - 1, max(-1, at - _BACK), -1):
            token, after = tokens[back], tokens[back + 1]
            if ("\n" in after.gap or any(mark in after.gap for mark in ",;:()?!")) or (
                "." in after.gap and not after.joins
            ):
                return False
            if token.plain in kinds:
                return True
            if nearest and token.plain in words.place_before:
                return True
            if back + 1 == self.place_end and nearest is False:
                return True
            if token.plain in ("y", "e", "con", "and"):
                if back == self.place_end:
                    return True
                nearest = False
                continue
            if token.plain in words.articles | words.particles | words.street_titles | words.between:
                continue
            # The middle of a longer name: "Ferrocarril Hidalgo", "Servando Teresa".
            return False
        return False

    def _precedes_a_place_word(self, end: int) -> bool:
        words, tokens = self.words, self.tokens
        if end >= len(tokens):
            return False
        token = tokens[end]
        if token.joins and token.plain in words.place_after:
            return True
        near = token.joins or token.gap.strip() in ("#", ",", "")
        if near and token.plain.isdigit() and token.end - token.start <= 5 and token.gap.strip() != ",":
            return True
        is_and = token.joins and token.plain in ("y", "e", "and") and end + 1 < len(tokens)
        return is_and and tokens[end + 1].plain in words.streets

    def _is_known_place(self, at: int, end: int, names: list[str]) -> bool:
        said = [token.plain for token in self.tokens[at:end]]
        for size in range(len(said), 1, -1):
            if " ".join(said[:size]) in self.words.famous or " ".join(names[:size]) in self.words.famous:
                return True
        first = at
        while first > max(0, at - 3) and self.tokens[first].joins:
            first -= 1
        known = self.places()
        return any(
            " ".join(token.plain for token in self.tokens[start:stop]) in known
            for start in range(first, at + 1)
            for stop in range(max(end, at + 1), min(end + 2, len(self.tokens)) + 1)
        )
