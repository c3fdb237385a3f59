"""`atiende route`: one receipt as JSON, or a CSV file in bulk."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from atiende.commands import place
from atiende.commands.output import write_json
from intake.catalog import queries as catalog
from intake.catalog.definitions import ServiceDefinition
from intake.service_requests.answers import Answer, read_answer
from intake.service_requests.asking import whose
from kernel import db
from kernel.errors import InvalidInput


def run(
    lon: float | None,
    lat: float | None,
    *,
    service: str | None,
    jurisdiction: str | None,
    at: str | None,
    answers: Sequence[str] = (),
    settled: Sequence[str] = (),
) -> None:
    """Prints the receipt of one decision. answers: `CODE=VALUE`, several values of one code by repeating it.

    Raises InvalidInput for a missing argument or a point that makes no sense, NotFound for an unknown service or jurisdiction.
    """
    if lon is None or lat is None or not service:
        raise InvalidInput("Escribe LON LAT --service CLAVE, o --csv ENTRADA --out SALIDA.")
    point = place.read_point(lon, lat)
    given, replies = _pairs(answers), {key: values[-1] for key, values in _pairs(settled).items()}
    place.connect()
    with db.transaction() as session:
        day = place.read_time(at, "UTC").date()
        city = place.choose_city(session, jurisdiction, point, day)
        definition = catalog.service(session, city.id, service)
        place.refuse_swapped(session, point, day)
        decision = whose(
            session,
            definition,
            point=point,
            precision_m=None,
            at=place.read_time(at, city.timezone),
            answers=_answers(definition, given),
            settled=replies,
        )
    if decision.receipt["settled"] != replies:
        raise InvalidInput("No hay nada así que aclarar: {replies}.", field="settled", replies=", ".join(settled))
    write_json(decision.receipt)


def _answers(definition: ServiceDefinition, given: Mapping[str, Sequence[str]]) -> dict[str, Answer]:
    """Checked as a form's are, but for what is missing. Raises InvalidInput for a question that the service does not ask."""
    asked = {attribute.code: attribute for attribute in definition.attributes if attribute.is_variable}
    for code in given:
        if code not in asked:
            raise InvalidInput(
                "{service} no pregunta {code}. Pregunta: {codes}.",
                field="answers",
                service=definition.code,
                code=code,
                codes=", ".join(asked) or "–",
            )
    return {code: read_answer(asked[code], values, definition) for code, values in given.items()}


def _pairs(texts: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not key.strip() or not sign:
            raise InvalidInput("«{pair}» no es una respuesta: escribe CLAVE=VALOR.", pair=text)
        found.setdefault(key.strip(), []).append(value.strip())
    return found


def run_csv(source: Path | None, target: Path | None, *, jurisdiction: str | None, at: str | None) -> None:
    """Routes every row of `source` into `target`; see `atiende.commands.route_csv`."""
    from atiende.commands.route_csv import route_file

    if source is None or target is None:
        raise InvalidInput("Se necesitan los dos: --csv ENTRADA y --out SALIDA.")
    place.connect()
    with db.transaction() as session:
        city = place.choose_city(session, jurisdiction, None, place.read_time(at, "UTC").date())
        write_json(route_file(session, city, source, target, at=place.read_time(at, city.timezone)))
