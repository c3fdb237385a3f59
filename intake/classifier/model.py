"""A trained classifier as numbers: telling words and their weights. Pure; needs no library to be used."""

import gzip
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson

from intake.catalog.spelling import STOPWORDS, stem, words_of

FORMAT = 1
_MOST_WORDS = 200
_LARGEST = 50_000_000
_DIGIT = re.compile(r"\d")


class BrokenModel(ValueError):
    """What was stored is no model of this release."""


def features(text: str) -> list[str]:
    """The telling words of a text by their stems, and each two that follow one another. Numbers tell who, not what: left out."""
    words = [word for word in words_of(text)[:_MOST_WORDS] if word not in STOPWORDS and not _DIGIT.search(word)]
    stems = [stem(word) for word in words]
    return [*stems, *(" ".join(pair) for pair in pairwise(stems))]


@dataclass(frozen=True)
class TextModel:
    """codes: of the services it knows. weights: per feature, how rare it is and what it says for each code, by its place."""

    codes: tuple[str, ...]
    bias: tuple[float, ...]
    weights: Mapping[str, tuple[float, tuple[tuple[int, float], ...]]]

    def predict(self, text: str) -> list[tuple[str, float]]:
        """Every code with its probability, likeliest first; [] for a text of which it knows no word."""
        counts = Counter(feature for feature in features(text) if feature in self.weights)
        if not counts:
            return []
        said = {feature: (1 + math.log(count)) * self.weights[feature][0] for feature, count in counts.items()}
        length = math.sqrt(sum(value * value for value in said.values())) or 1.0
        scores = list(self.bias)
        for feature, value in said.items():
            for place, weight in self.weights[feature][1]:
                scores[place] += weight * value / length
        highest = max(scores)
        shares = [math.exp(score - highest) for score in scores]
        total = sum(shares)
        ranked = zip(self.codes, (share / total for share in shares), strict=True)
        return sorted(ranked, key=lambda pair: (-pair[1], pair[0]))

    def to_bytes(self) -> bytes:
        content = {
            "format": FORMAT,
            "codes": self.codes,
            "bias": self.bias,
            "weights": {feature: [rarity, list(of)] for feature, (rarity, of) in self.weights.items()},
        }
        return gzip.compress(orjson.dumps(content), mtime=0)

    @classmethod
    def from_bytes(cls, content: bytes) -> "TextModel":
        """Raises BrokenModel."""
        try:
            read: Any = orjson.loads(_unpacked(content))
            if read["format"] != FORMAT:
                raise BrokenModel(f"format {read['format']}")
            codes = tuple(str(code) for code in read["codes"])
            weights = {
                str(feature): (float(rarity), _checked(of, len(codes)))
                for feature, (rarity, of) in read["weights"].items()
            }
            bias = tuple(float(value) for value in read["bias"])
        except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise BrokenModel(str(error)) from error
        if not codes or len(bias) != len(codes):
            raise BrokenModel("codes")
        return cls(codes, bias, weights)


def _unpacked(content: bytes) -> bytes:
    unpacked = gzip.decompress(content)
    if len(unpacked) > _LARGEST:
        raise BrokenModel("size")
    return unpacked


def _checked(of: Sequence[Sequence[float]], codes: int) -> tuple[tuple[int, float], ...]:
    pairs = tuple((int(place), float(weight)) for place, weight in of)
    if any(not 0 <= place < codes or not math.isfinite(weight) for place, weight in pairs):
        raise BrokenModel("weights")
    return pairs
