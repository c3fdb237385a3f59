"""Learning from past requests, and how well that went on those held back. scikit-learn is imported only here, when asked."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from intake.catalog.spelling import words_of
from intake.classifier.model import TextModel, features
from kernel.errors import InvalidInput

# A service with fewer examples than this is not learnt, and a word of fewer is somebody's name.
FEWEST_EXAMPLES = 20
FEWEST_OF_A_WORD = 3
_MOST_FEATURES = 12_000
_LEAST_WEIGHT = 0.02
_HELD_IN_TENTHS = 2


@dataclass(frozen=True, slots=True)
class Example:
    """What somebody wrote, and the service that it was filed under."""

    text: str
    code: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares of the rows held back. first, of_three: the right service is the best, or among three; sure: at least the threshold;
    right_when_sure: of these, None when there are none."""

    rows: int
    first: float
    of_three: float
    sure: float
    right_when_sure: float | None


def is_held_back(text: str) -> bool:
    """One in five, by a hash of the words: the same sentence is never learnt and asked."""
    digest = hashlib.sha256(" ".join(words_of(text)).encode()).digest()
    return digest[0] % 10 < _HELD_IN_TENTHS


def train(examples: Sequence[Example]) -> TextModel:
    """The model of `examples`. Raises InvalidInput without scikit-learn, or when there is too little to learn from."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise InvalidInput(
            "Falta scikit-learn para entrenar: instala el extra «classifier» (pip install 'atiende[classifier]')."
        ) from error
    counts = Counter(example.code for example in examples)
    learnt = [example for example in examples if counts[example.code] >= FEWEST_EXAMPLES]
    if len({example.code for example in learnt}) < 2:
        raise InvalidInput(
            "Hay muy poco de que aprender: se necesitan {count} reportes de dos servicios.", count=FEWEST_EXAMPLES
        )
    vectorizer = TfidfVectorizer(
        analyzer=features, sublinear_tf=True, min_df=FEWEST_OF_A_WORD, max_features=_MOST_FEATURES
    )
    try:
        matrix = vectorizer.fit_transform(example.text for example in learnt)
    except ValueError as error:
        raise InvalidInput(
            "Hay muy poco de que aprender: se necesitan {count} reportes de dos servicios.", count=FEWEST_EXAMPLES
        ) from error
    # One of two classes has one row of weights, whose opposite is the other's.
    fitted = LogisticRegression(C=10.0, max_iter=300).fit(matrix, [example.code for example in learnt])
    rows, bias = fitted.coef_, fitted.intercept_
    if len(fitted.classes_) == 2:
        rows, bias = [-rows[0] / 2, rows[0] / 2], [-bias[0] / 2, bias[0] / 2]
    weights = {
        str(word): (
            float(vectorizer.idf_[column]),
            tuple(
                (place, round(float(row[column]), 4))
                for place, row in enumerate(rows)
                if abs(row[column]) >= _LEAST_WEIGHT
            ),
        )
        for word, column in vectorizer.vocabulary_.items()
    }
    return TextModel(tuple(map(str, fitted.classes_)), tuple(float(value) for value in bias), weights)


def evaluate(
    predict: Callable[[str], Sequence[tuple[str, float]]], held: Sequence[Example], threshold: float
) -> Figures:
    """predict: codes with how sure it is, best first."""
    first = of_three = sure = right = 0
    for example in held:
        found = predict(example.text)[:3]
        is_right = bool(found) and found[0][0] == example.code
        first += is_right
        of_three += any(code == example.code for code, _ in found)
        if found and found[0][1] >= threshold:
            sure += 1
            right += is_right
    rows = len(held) or 1
    return Figures(len(held), first / rows, of_three / rows, sure / rows, right / sure if sure else None)
