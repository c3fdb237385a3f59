"""The name that whoever reported gave with the report: hidden where two of its words stand together, be it as rare as it may."""

from collections.abc import Collection

from intake.service_requests.masking.marks import Mark
from intake.service_requests.masking.tokens import Token, tokens
from intake.service_requests.masking.words import words

_FEWEST = 2


def marks(text: str, names: Collection[str], barred: list[tuple[int, int]]) -> list[Mark]:
    """names: as people gave them. One word of a name alone could be any word, and behind `calle` two are a street."""
    known = [said for name in names if len(said := _words_of(name)) >= _FEWEST]
    if not known:
        return []
    found: list[Mark] = []
    read = tokens(text, barred)
    at = 0
    while at < len(read):
        end = max(_end(read, at, said) for said in known)
        if end > at and not _is_place(read, at):
            found.append(Mark(read[at].start, read[end - 1].end, "name", 0.95, "own"))
        at = max(end, at + 1)
    return found


def _words_of(name: str) -> frozenset[str]:
    particles = words().particles
    return frozenset(token.plain for token in tokens(name, []) if token.is_word and token.plain not in particles)


def _end(read: list[Token], at: int, said: frozenset[str]) -> int:
    """The word after the name that begins here; `at` when none does."""
    particles = words().particles
    end, seen = at, set[str]()
    for number in range(at, len(read)):
        token = read[number]
        if not token.is_word or (number > at and not token.joins):
            break
        if token.plain in said:
            end = number + 1
            seen.add(token.plain)
        elif number == at or token.plain not in particles:
            break
    return end if len(seen) >= _FEWEST else at


def _is_place(read: list[Token], at: int) -> bool:
    before = [token.plain for token in read[max(0, at - 2) : at] if token.plain not in words().particles]
    return bool(before) and before[-1] in words().streets | words().buildings
