"""Reads `services/`: one file for each service, one for the groups they are shown in."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from intake.catalog.definitions import LIST_DATATYPES
from intake.catalog.spelling import TOPICS
from intake.city_folder.promises import PROMISES, read_promise
from intake.city_folder.tables import Notes, Table, read_toml
from intake.city_folder.values import Attribute, ServiceEntry, Texts

KINDS = ("realtime", "batch", "blackbox")
# A look-up reads the cells around a point: farther than this is another street, and dearer to look for.
MOST_RADIUS_M = 300
MOST_CLOSED_DAYS = 90
_DUPLICATE_KEYS = ("radius_m", "closed_days", "offer")
DATATYPES = ("string", "text", "number", "datetime", "singlevaluelist", "multivaluelist")
_SERVICE_KEYS = (
    "code", "position", "kind", "icon", "is_emergency", "is_sensitive", "keywords", "topics", "said_as", "promise", "name",
    "description", "notice", "attribute", "duplicates", "first_answer", "silence",
)  # fmt: skip
_ATTRIBUTE_KEYS = (
    "code", "order", "datatype", "required", "variable", "asset", "description", "datatype_description", "options",
    "only_if",
)  # fmt: skip


def read_services(
    notes: Notes,
    path: Path,
    duplicates: Mapping[str, Any] = MappingProxyType({}),
    promises: Mapping[str, Any] = MappingProxyType({}),
) -> Sequence[ServiceEntry]:
    """Every `services/<group>/<CODE>.toml`, in the order of groups and positions. duplicates, promises: the city's, for all."""
    groups = _groups(notes, path, duplicates)
    found = []
    for file in sorted((path / "services").glob("*/*.toml")):
        name = file.relative_to(path).as_posix()
        group = file.parent.name
        if group not in groups:
            notes.error(name, "", "La carpeta {group} no está en services/groups.toml.", group=group)
        group_name, of_group = groups.get(group, ({}, duplicates))
        found.append(_service(notes, name, read_toml(notes, path, name), group, group_name, of_group))
    found = [
        replace(entry, **{key: getattr(entry, key) or promises.get(key, {}) for key in PROMISES}) for entry in found
    ]
    order = list(groups)
    found.sort(key=lambda entry: (order.index(entry.group_code) if entry.group_code in groups else -1, entry.position))
    return found


def _groups(notes: Notes, path: Path, of_city: Mapping[str, Any]) -> dict[str, tuple[Texts, Mapping[str, Any]]]:
    file = "services/groups.toml"
    top = Table(notes, file, "", read_toml(notes, path, file), ("group",))
    groups: dict[str, tuple[Texts, Mapping[str, Any]]] = {}
    for index, raw in enumerate(top.rows("group")):
        table = Table(notes, file, f"group[{index}]", raw, ("code", "name", "duplicates"))
        groups[table.text("code")] = table.texts("name"), {**of_city, **read_duplicates(table)}
    return groups


def read_duplicates(table: Table) -> dict[str, Any]:
    """What `duplicates` of this table says: `radius_m`, `closed_days`, `offer`."""
    inner = Table(table.notes, table.file, "duplicates", table.table("duplicates"), _DUPLICATE_KEYS)
    read: dict[str, Any] = {}
    for key, most in (("radius_m", MOST_RADIUS_M), ("closed_days", MOST_CLOSED_DAYS)):
        if key in inner.raw:
            read[key] = inner.number(key)
            if not 0 <= read[key] <= most:
                inner.wrong(key, "{key} debe estar entre 0 y {most}.", key=key, most=most)
    if "offer" in inner.raw:
        read["offer"] = inner.flag("offer")
    return read


def _service(
    notes: Notes,
    file: str,
    raw: Mapping[str, Any],
    group: str,
    group_name: Texts,
    of_group: Mapping[str, Any],
) -> ServiceEntry:
    table = Table(notes, file, "", raw, _SERVICE_KEYS)
    own = {key: read_promise(table, key) for key in PROMISES}
    return ServiceEntry(
        file=file,
        code=table.text("code"),
        group_code=group,
        group_name=group_name,
        kind=table.one_of("kind", KINDS, default="realtime"),
        name=table.texts("name"),
        description=table.texts("description"),
        notice=table.texts("notice", required=False),
        keywords=table.words("keywords"),
        topics=_topics(table),
        said_as=table.words("said_as"),
        promise=read_promise(table, "promise", required=True),
        icon=table.text("icon", required=False, default="note"),
        is_emergency=table.flag("is_emergency"),
        is_sensitive=table.flag("is_sensitive"),
        position=table.number("position"),
        duplicates={**of_group, **read_duplicates(table)},
        first_answer=own["first_answer"],
        silence=own["silence"],
        attributes=[_attribute(notes, file, index, entry) for index, entry in enumerate(table.rows("attribute"))],
    )


def _topics(table: Table) -> Sequence[str]:
    found = table.words("topics")
    for topic in found:
        if topic not in TOPICS:
            table.wrong("topics", "No existe el tema «{topic}»: mira intake/catalog/vocabulary.toml.", topic=topic)
    return found


def _only_if(attribute: Table) -> dict[str, list[str]]:
    """`{ TIPO = ["fuga", "brote"] }`: asked when each of these earlier questions has one of its answers."""
    raw = attribute.table("only_if")
    table = Table(attribute.notes, attribute.file, f"{attribute.where}.only_if", raw, tuple(raw))
    return {code: list(table.words(code)) for code in raw}


def _attribute(notes: Notes, file: str, index: int, raw: Mapping[str, Any]) -> Attribute:
    table = Table(notes, file, f"attribute[{index}]", raw, _ATTRIBUTE_KEYS)
    options = []
    for number, entry in enumerate(table.rows("options")):
        option = Table(notes, file, f"attribute[{index}].options[{number}]", entry, ("key", "es", "en"))
        options.append({"key": option.text("key"), "name": {"es": option.text("es"), "en": option.text("en")}})
    datatype = table.one_of("datatype", DATATYPES)
    if datatype in LIST_DATATYPES and not options:
        table.wrong("options", "Una pregunta de lista necesita opciones.")
    if datatype not in LIST_DATATYPES and options:
        table.wrong("options", "Solo las preguntas de lista llevan opciones.")
    required, variable = table.flag("required"), table.flag("variable", default=True)
    if required and not variable:
        table.wrong("required", "Un aviso (variable = false) no puede ser obligatorio.")
    return Attribute(
        code=table.text("code"),
        order=table.number("order"),
        datatype=datatype,
        is_variable=variable,
        is_required=required,
        is_asset=table.flag("asset"),
        only_if=_only_if(table),
        description=table.texts("description"),
        datatype_description=table.texts("datatype_description", required=False),
        options=options,
    )
