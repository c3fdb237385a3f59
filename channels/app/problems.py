"""What is wrong with an answer to a service's question, as a resident reads it: no codes, no keys, what to do now."""

from collections.abc import Mapping

from intake.catalog.definitions import LIST_DATATYPES, AttributeDefinition, text_in
from kernel.i18n import translate

_BY_DATATYPE: Mapping[str, str] = {
    "number": "Escribe solo un número en «{question}», por ejemplo 2",
    "datetime": "Escribe el día y la hora en «{question}», por ejemplo 2026-11-27 18:30",
}


def told(question: AttributeDefinition, given: list[str], language: str) -> str:
    """given: what came back for the question, which was found wanting."""
    if question.datatype in LIST_DATATYPES:
        text = "Elige una opción en «{question}»"
    elif not any(value.strip() for value in given):
        text = "Contesta «{question}»"
    else:
        text = _BY_DATATYPE.get(question.datatype, "Haz más corto lo que escribiste en «{question}»")
    return translate(language, text, question=text_in(question.description, language))
