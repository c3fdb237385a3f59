"""Ways to reach somebody: e-mail addresses, telephone numbers, profiles."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

from intake.service_requests.masking.marks import Mark
from intake.service_requests.masking.screening import Look
from kernel import clock
from kernel.folio import is_valid

_WORD = r"[^\s@<>()\[\]:;,\"']"
_LABEL = r"[^\s@<>()\[\]:;,\"'.]"
# Bounded and possessive: whatever is sent, each letter is looked at a fixed number of times.
_EMAIL = re.compile(rf"{_WORD}{{1,64}}+@{_LABEL}{{1,255}}+(?:\.{_LABEL}{{1,255}}+)++")
# Cheap to fail, and most texts do: ten digits, each at most five characters after the one before.
_TEN_DIGITS = re.compile(r"\d(?:[^\d]{0,5}\d){9}")
_FEWEST_SAID = 7
_SEVEN_DIGITS = re.compile(r"\d\d\d[ .-]?\d{4}")
_GROUP = re.compile(r"\d+")
_BETWEEN = re.compile(r"[ .()\u00a0\u202f–-]{1,3}")
# Days, hours and coordinates: digits that no telephone runs through.
_NO_PHONE = re.compile(
    r"(?<![\d.-])(?:(?:0?[1-9]|[12]\d|3[01])[-.](?:0?[1-9]|1[0-2])[-.](?:19|20)\d\d|(?:19|20)\d\d-\d\d-\d\d"
    r"|\d\d?:\d\d|\d{1,2}\.\d{5,7}|-\d{1,3}\.\d{5,})(?![.-]?\d)"
)
# Before the ten digits of a Mexican number: the country, and what used to be dialled.
_PREFIXES = ("", "1", "52", "01", "521", "044", "045")
_LONGEST_PREFIX = 3
_DIGITS = 10
_FEWEST_DIGITS = 8  # of a foreign number with its country
_MOST_DIGITS = 15  # E.164
_FIRST_YEAR = 20  # of the folios that anybody can hold

_Span = tuple[int, int]


# Seven or eight digits are a number of the same city when somebody says so.
_SAID = re.compile(
    r"(?i)\b(?:tel(?:\.|[eé]fonos?)?"
    r"|cel(?:\.|ular)?|m[oó]vil|whats(?:app)?|fijo|phone|call(?: me)?(?: at)?|ll[aá]m(?:ar|[ae]n?)(?:me|nos)?"
    r"|m[aá]r(?:c|qu)(?:ar|[ae]n?)(?:me|nos)?)(?: (?:al?|es|to))?[:\s]{1,3}(?P<digits>\d{3,4}[ .-]?\d{4})(?![\d/]|[ .-]\d)"
)
_URL = re.compile(
    r"(?i)\b(?:https?://|www\.)[^\s<>\"]{1,2000}|\b(?:wa\.me|t\.me|m\.me|facebook\.com|fb\.com|instagram\.com)/[^\s<>\"]+"
)
# A profile or a chat leads to a person; a query with such a word lets somebody in.
_PROFILE = re.compile(
    r"(?i)(?:https?://)?(?:[\w-]{1,20}\.)?(?:wa\.me|t\.me|m\.me|facebook\.com|fb\.com|instagram\.com|x\.com|twitter\.com|tiktok\.com"
    r"|linkedin\.com|api\.whatsapp\.com)/[^\s/]"
)
_SECRET = re.compile(
    r"(?i)[?&#](?:[\w.-]{0,40}(?:token|session|secret|auth|key|sig|signature|pass|pwd|code|email|phone|tel))=|//[^/\s]*@"
)


def marks(text: str, look: Look | None = None) -> Iterable[Mark]:
    """E-mail addresses, telephone numbers, profiles and addresses with secrets; folios, dates, coordinates, house numbers stay.

    A telephone number is ten digits that do not begin with 0 or 1, or anything international behind a plus sign.
    """
    if look is not None and look.digits < _FEWEST_SAID and "@" not in text and "/" not in text and "www" not in text:
        return ()
    return _marks(text, look)


def _marks(text: str, look: Look | None) -> Iterator[Mark]:
    if "@" in text:
        for found in _EMAIL.finditer(text):
            yield Mark(*found.span(), "email")
    if look is None or look.digits >= _FEWEST_SAID:
        if _TEN_DIGITS.search(text) or "+" in text:
            for run in _runs(text):
                for start, end in _phones(text, run):
                    yield Mark(start, end, "phone")
        if look is None or _SEVEN_DIGITS.search(text):
            for found in _SAID.finditer(text):
                yield Mark(*found.span("digits"), "phone", 0.9, "said")
    if ("/" in text or "www" in text) and not (look and _has_no_url(look.low)):
        for found in _URL.finditer(text):
            if _PROFILE.match(found[0]) or _SECRET.search(found[0]):
                yield Mark(found.start(), found.start() + len(found[0].rstrip(".,;:!?)")), "url")


def _has_no_url(low: str) -> bool:
    return "://" not in low and "www." not in low and ".me/" not in low and ".com/" not in low


def _runs(text: str) -> list[list[_Span]]:
    """The groups of digits, together where nothing but blanks, dots, hyphens and brackets is between them."""
    barred = [found.span() for found in _NO_PHONE.finditer(text)][::-1]
    runs: list[list[_Span]] = []
    last = -1
    for found in _GROUP.finditer(text):
        start, end = found.span()
        while barred and barred[-1][1] <= start:
            barred.pop()
        if barred and barred[-1][0] <= start:
            last = -1
            continue
        if last >= 0 and _BETWEEN.fullmatch(text, last, start):
            runs[-1].append((start, end))
        else:
            runs.append([(start, end)])
        last = end
    return runs


def _phones(text: str, run: list[_Span]) -> list[_Span]:
    """Where telephone numbers are; they may overlap, for it cannot be known which of two readings is the right one."""
    sizes = [end - start for start, end in run]
    ends = list(accumulate(sizes))
    if ends[-1] < _FEWEST_DIGITS:
        return []
    digits = "".join(text[start:end] for start, end in run)
    if text[run[0][0] - 1 : run[0][0]] == "+":
        past = bisect_right(ends, _MOST_DIGITS)
        if past and ends[past - 1] >= _FEWEST_DIGITS:
            rest = _phones(text, run[past:]) if run[past:] else []
            return [(run[0][0] - 1, run[past - 1][1]), *rest]
    numbers: list[_Span] = []  # first group and the one past the last
    folios: set[int] = set()
    past = 0
    for first, end in enumerate(ends):
        before = end - sizes[first]
        for last in range(bisect_left(ends, before + _DIGITS), bisect_right(ends, before + _DIGITS + _LONGEST_PREFIX)):
            number = digits[before : ends[last]]
            if first >= past and _is_folio(number):
                past = last + 1
                folios.update(range(first, past))
            elif _is_phone(number, sizes[first : last + 1]):
                numbers.append((first, last + 1))
    return [
        (_opening(text, run[first][0]), run[end - 1][1])
        for first, end in numbers
        if folios.isdisjoint(range(first, end))
    ]


def _is_phone(number: str, sizes: list[int]) -> bool:
    if number[-_DIGITS] in "01" or number[:-_DIGITS] not in _PREFIXES:
        return False
    prefix = len(number) - _DIGITS
    while prefix >= sizes[0]:
        prefix -= sizes[0]
        sizes = sizes[1:]
    # `Roma 234 12 06800` is an address: in three groups or more, people write two to four digits, or one by one.
    return len(sizes) < 3 or max(sizes) == 1 or (max(sizes) <= 4 and min(sizes) > 1)


def _is_folio(number: str) -> bool:
    # One telephone in ten would pass for a folio by its check digit alone; few begin with a year.
    if len(number) != _DIGITS or number[0] not in "23456789":
        return False
    return _FIRST_YEAR <= int(number[:2]) <= clock.now().year % 100 and is_valid(number)


def _opening(text: str, start: int) -> int:
    return start - 1 if text[start - 1 : start] == "(" else start
