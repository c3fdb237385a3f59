"""`atiende understand`: what a message says, as JSON, or a CSV file of them in bulk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlmodel import Session

from atiende.commands import place
from atiende.commands.output import write_json
from atiende.commands.understand_csv import understand_file
from intake.catalog import queries as catalog
from intake.catalog.definitions import text_in
from intake.catalog.models import Jurisdiction
from intake.classifier import queries as classifier
from intake.conversations.dialogue.understanding import OFFERED, understand
from intake.conversations.placing import find_places
from kernel import db
from kernel.errors import InvalidInput
from routing import queries as routing

_MOST_SERVICES = 6

Facts = dict[str, Any]


def run(text: str, *, jurisdiction: str | None) -> None:
    """Prints what the dialogue would understand of `text`. Raises InvalidInput without one, NotFound for an unknown city."""
    if not text.strip():
        raise InvalidInput(
            "Escribe el mensaje, por ejemplo «hay un bache en Juárez y Morelos», o --csv ENTRADA --out SALIDA."
        )
    place.connect()
    with db.transaction() as session:
        write_json(_reader(session, _city(session, jurisdiction))(text))


def run_csv(source: Path | None, target: Path | None, *, jurisdiction: str | None, beside: str = "") -> None:
    """Understands every row of `source`. Raises InvalidInput for a file that cannot be read, NotFound when there is none.

    beside: a message that was written too; nobody could say which of the two is wanted.
    """
    if beside:
        raise InvalidInput("Escribe un mensaje o --csv ENTRADA --out SALIDA, no los dos.")
    if source is None or target is None:
        raise InvalidInput("Se necesitan los dos: --csv ENTRADA y --out SALIDA.")
    place.connect()
    with db.transaction() as session:
        write_json(understand_file(_reader(session, _city(session, jurisdiction)), source, target))


def _city(session: Session, named: str | None) -> Jurisdiction:
    return catalog.jurisdiction(session, named) if named else catalog.default_jurisdiction(session)


def _reader(session: Session, city: Jurisdiction) -> Callable[[str], Facts]:
    services = catalog.catalog(session, city.id).services
    match = classifier.matcher(session, city.id, services, _MOST_SERVICES)
    gazetteer = routing.gazetteer(session, city.id)

    def read(text: str) -> Facts:
        understood = understand(text, match, lambda said: find_places(gazetteer, said))
        language = understood.language or city.language
        return {
            "language": language,
            "emergency": understood.emergency.kind if understood.emergency else False,
            "intent": understood.intent,
            "services": [
                {
                    "code": match.definition.code,
                    "name": text_in(match.definition.name, language),
                    "score": min(match.score, 100.0),
                    "why": [f"{why.said} → {why.known} ({why.source}, {why.how})" for why in match.reasons],
                }
                for match in understood.services[:OFFERED]
            ],
            "place": understood.place,
        }

    return read
