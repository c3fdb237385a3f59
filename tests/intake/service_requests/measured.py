"""How well the rules for public text do on sentences written before them: `python -m tests.intake.service_requests.measured`.

Every second sentence is held back from whoever tunes the rules; `--misses` prints the others that go wrong.
"""

import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from intake.service_requests.masking.mask import mask

_TEXTS = Path(__file__).with_name("texts")
_MARK = re.compile(r"\{(\w+):([^}]*)\}")
# May stay: they say nothing of who it is.
_TITLES = {"sr", "sra", "don", "doña", "el", "la", "y", "de", "del", "dr", "lic", "ing", "ma", "and"}


@dataclass
class Sentence:
    text: str
    spans: list[tuple[int, int, str]]


@dataclass
class Figures:
    """By kind: what was to be hidden and was, and what was hidden and rightly so."""

    wanted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    hidden: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)

    def recall(self, kind: str) -> float:
        return self.found[kind] / self.wanted[kind] if self.wanted[kind] else 1.0

    def precision(self, kind: str) -> float:
        return self.right[kind] / self.hidden[kind] if self.hidden[kind] else 1.0


def sentences(language: str, *, held_back: bool) -> list[Sentence]:
    lines = [
        line
        for line in (_TEXTS / f"public_text_{language}.txt").read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    return [_read(line) for line in lines[int(held_back) :: 2]]


def _read(line: str) -> Sentence:
    text, spans, at = "", [], 0
    for found in _MARK.finditer(line):
        text += line[at : found.start()]
        spans.append((len(text), len(text) + len(found[2]), found[1]))
        text += found[2]
        at = found.end()
    return Sentence(text + line[at:], spans)


def measure(language: str, *, held_back: bool) -> Figures:
    """A span counts as hidden when every word of it is; a hidden stretch is right when it lies within a span, titles apart."""
    figures = Figures()
    for sentence in sentences(language, held_back=held_back):
        result = mask(sentence.text)
        is_wrong = False
        for start, end, kind in sentence.spans:
            figures.wanted[kind] += 1
            words = [
                (start + w.start(), start + w.end())
                for w in re.finditer(r"[\w@.]+", sentence.text[start:end])
                if w[0].lower().strip(".") not in _TITLES
            ]
            is_found = all(any(m.start <= a and b <= m.end + 1 for m in result.marks) for a, b in words)
            figures.found[kind] += is_found
            is_wrong = is_wrong or not is_found
        for m in result.marks:
            figures.hidden[m.kind] += 1
            is_right = any(a <= m.start and m.end <= b for a, b, _ in sentence.spans)
            figures.right[m.kind] += is_right
            is_wrong = is_wrong or not is_right
        if is_wrong:
            figures.misses.append(f"{sentence.text}  ->  {result.text}")
    return figures


def table() -> str:
    lines = ["| language | half | kind | to hide | recall | hidden | precision |", "|---|---|---|---|---|---|---|"]
    for language in ("es", "en"):
        for held_back in (False, True):
            figures = measure(language, held_back=held_back)
            for kind in sorted({*figures.wanted, *figures.hidden}):
                lines.append(
                    f"| {language} | {'held back' if held_back else 'tuned'} | {kind} | {figures.wanted[kind]}"
                    f" | {figures.recall(kind):.2f} | {figures.hidden[kind]} | {figures.precision(kind):.2f} |"
                )
    return "\n".join(lines)


if __name__ == "__main__":
    if "--misses" in sys.argv:
        print("\n".join(miss for language in ("es", "en") for miss in measure(language, held_back=False).misses))
    else:
        print(table())
