"""Which words of a text may be a name, and how alike a misspelt name must be."""

from collections.abc import Iterable, Sequence

from georef.names import (
    DIRECTIONS,
    GENERIC,
    PARTICLES,
    STREET_TYPES,
    TYPES,
    core,
    core_words,
    enyes,
    is_number,
    numbers,
    sound,
)

_LONGEST_NAME_WORDS = 7


def windows(words: Sequence[str]) -> dict[str, bool]:
    """Distinct cores of every run of words that could be a name, in order, and whether a street type stands in front."""
    found: dict[str, bool] = {}
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + _LONGEST_NAME_WORDS) + 1):
            run = list(words[start:end])
            kept = core_words(run)
            # "mercado" alone, a house number alone, the "norte" of "Norte 174", the "doctores" of "Doctores IX": no names.
            if all(word in GENERIC or word in TYPES or word.isdigit() for word in kept):
                continue
            following = words[end] if end < len(words) else ""
            if is_number(following) and (run[-1] in DIRECTIONS or not following[0].isdigit()):
                continue
            found.setdefault(" ".join(kept), run[0] in STREET_TYPES)
    if len(words) <= 3 and words and all(w in GENERIC or w in TYPES or w in PARTICLES or w.isdigit() for w in words):
        found.setdefault(core(" ".join(words)), False)
    return found


def may_be(window: str, name: str, alike: float) -> bool:
    """Whether a window of a text that is `alike` (0 to 100) a name may be that name misspelt.

    Short names must be exact, long ones may hold two or three slips; numbers and the first sound are never misspelt.
    """
    least = 100.0 if len(name) <= 4 else 88.0 if len(name) <= 6 else 84.0 if len(name) <= 9 else 80.0
    return alike >= least and numbers(window) == numbers(name) and sound(window)[:1] == sound(name)[:1]


def differs_in_enye(window: str, written: frozenset[str], names: Iterable[str]) -> bool:
    """Whether an ñ of the text is an n in a place's names, or the other way round."""
    words = set(window.split())
    ours = frozenset(word for name in names for word in enyes(name))
    return bool((words & written) ^ (words & ours))
