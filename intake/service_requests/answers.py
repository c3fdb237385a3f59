"""The answers to a service's questions, checked by datatype. Pure.

Kept as sent, not as computed: a number stays the text that was typed (a pole's `0042` is a name too), a datetime becomes ISO
8601 with its zone, a list question holds keys. Codes nobody asked for are ignored; empty answers count as not given.
"""

import re
from collections.abc import Mapping, Sequence

from intake.catalog.definitions import AttributeDefinition, Option, ServiceDefinition, text_in
from intake.service_requests.instants import read_instant
from intake.service_requests.values import MAX_DESCRIPTION, InvalidForm
from kernel.errors import InvalidInput

Answer = str | list[str]

# [0-9], not \d: other scripts' digits are no numbers to an agency's system. NaN and infinities are words.
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})")
_LINE_BREAK = re.compile(r"[\n\r\v\f\x85\u2028\u2029]")


class InvalidAnswer(InvalidInput):
    """A fault in one answer; the question is told in the reader's language."""

    def __init__(self, text: str, definition: AttributeDefinition, **params: object) -> None:
        super().__init__(text, field=f"attribute[{definition.code}]", code=definition.code, **params)
        self.definition = definition

    def public_text(self, language: str = "es") -> str:
        self.params["question"] = text_in(self.definition.description, language)
        return super().public_text(language)


def answers_for(definition: ServiceDefinition, raw: Mapping[str, Sequence[str]]) -> dict[str, Answer]:
    """The valid answers by attribute code, in the definition's order. Raises InvalidForm with one error for each fault."""
    answers, problems = read_answers(definition, raw)
    if problems:
        raise InvalidForm(problems)
    return answers


def read_answers(
    definition: ServiceDefinition, raw: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Answer], list[InvalidAnswer]]:
    """As `answers_for`, with the faults returned, for a form that has more to say."""
    answers: dict[str, Answer] = {}
    problems: list[InvalidAnswer] = []
    asked = {attribute.code for attribute in definition.asked(raw)}
    for attribute in definition.attributes:
        if not attribute.is_variable:
            continue
        given = [value for value in raw.get(attribute.code, ()) if value.strip()]
        try:
            if given:
                answers[attribute.code] = _read(attribute, given, definition)
            elif attribute.is_required and attribute.code in asked:
                raise InvalidAnswer("{code} required: {question}", attribute)
        except InvalidAnswer as problem:
            problems.append(problem)
    return answers, problems


def read_answer(attribute: AttributeDefinition, given: Sequence[str], definition: ServiceDefinition) -> Answer:
    """One answer, for a dialogue that asks one question at a time. Raises InvalidInput."""
    values = [value for value in given if value.strip()]
    if not values:
        raise InvalidAnswer("{code} required: {question}", attribute)
    return _read(attribute, values, definition)


def _read(attribute: AttributeDefinition, given: Sequence[str], definition: ServiceDefinition) -> Answer:
    if attribute.datatype == "multivaluelist":
        return list(dict.fromkeys(_key(attribute, value) for value in given))
    # Clients that build a form twice repeat a field with the same value; two different ones are a mistake.
    if len(set(given)) > 1:
        raise InvalidAnswer("{code} admite una sola respuesta.", attribute)
    value = given[0]
    if attribute.datatype == "text":
        return _short_enough(attribute, value.strip("\r\n"))
    value = value.strip()
    if attribute.datatype == "number":
        if not _NUMBER.fullmatch(value):
            raise InvalidAnswer("{code} debe ser un número.", attribute)
        return value
    if attribute.datatype == "datetime":
        return _datetime(attribute, value, definition)
    if attribute.datatype == "singlevaluelist":
        return _key(attribute, value)
    if _LINE_BREAK.search(value):
        raise InvalidAnswer("{code} debe caber en una línea.", attribute)
    return _short_enough(attribute, value)


def _short_enough(attribute: AttributeDefinition, value: str) -> str:
    if len(value) > MAX_DESCRIPTION:
        raise InvalidAnswer("{code} es demasiado largo: caben {limit} letras.", attribute, limit=MAX_DESCRIPTION)
    return value


def _key(attribute: AttributeDefinition, value: str) -> str:
    keys = [option.key for option in attribute.options]
    if value in keys:
        return value
    if value.strip() in keys:
        return value.strip()
    raise InvalidAnswer("{code} no es una de las opciones: {keys}.", attribute, keys=_listed(attribute.options))


def _listed(options: Sequence[Option]) -> str:
    shown = ", ".join(option.key for option in options[:20])
    return shown + (", …" if len(options) > 20 else "")


def _datetime(attribute: AttributeDefinition, value: str, definition: ServiceDefinition) -> str:
    try:
        # A date without a zone is the city's own time.
        return read_instant(value, definition.timezone).isoformat(timespec="seconds")
    except ValueError:
        raise InvalidAnswer("{code} debe ser una fecha ISO 8601, como 2026-11-21T18:00:00-06:00.", attribute) from None
