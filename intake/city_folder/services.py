"""Reads `services/`: one file for each service, one for the groups they are shown in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from intake.catalog.definitions import LIST_DATATYPES
from intake.city_folder.tables import Notes, Table, read_toml
from intake.city_folder.values import Attribute, ServiceEntry, Texts
from kernel.errors import InvalidInput
from routing.calendars import Promise

KINDS = ("realtime", "batch", "blackbox")
DATATYPES = ("string", "text", "number", "datetime", "singlevaluelist", "multivaluelist")
_SERVICE_KEYS = (
    "code", "position", "kind", "icon", "is_emergency", "is_sensitive", "keywords", "promise", "name", "description",
    "notice", "attribute",
)  # fmt: skip
_ATTRIBUTE_KEYS = (
    "code", "order", "datatype", "required", "variable", "description", "datatype_description", "options",
)  # fmt: skip


def read_services(notes: Notes, path: Path) -> Sequence[ServiceEntry]:
    """Every `services/<group>/<CODE>.toml`, in the order of groups and positions."""
    groups = _groups(notes, path)
    found = []
    for file in sorted((path / "services").glob("*/*.toml")):
        name = file.relative_to(path).as_posix()
        group = file.parent.name
        if group not in groups:
            notes.error(name, "", "La carpeta {group} no está en services/groups.toml.", group=group)
        found.append(_service(notes, name, read_toml(notes, path, name), group, groups.get(group, {})))
    order = list(groups)
    found.sort(key=lambda entry: (order.index(entry.group_code) if entry.group_code in groups else -1, entry.position))
    return found


def _groups(notes: Notes, path: Path) -> dict[str, Texts]:
    file = "services/groups.toml"
    top = Table(notes, file, "", read_toml(notes, path, file), ("group",))
    groups = {}
    for index, raw in enumerate(top.rows("group")):
        table = Table(notes, file, f"group[{index}]", raw, ("code", "name"))
        groups[table.text("code")] = table.texts("name")
    return groups


def _service(notes: Notes, file: str, raw: Mapping[str, Any], group: str, group_name: Texts) -> ServiceEntry:
    table = Table(notes, file, "", raw, _SERVICE_KEYS)
    promise = table.table("promise", required=True)
    if promise:
        try:
            Promise.parse(promise)
        except InvalidInput as error:
            table.wrong("promise", "{reason}", reason=error.public_text())
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
        promise=promise,
        icon=table.text("icon", required=False, default="note"),
        is_emergency=table.flag("is_emergency"),
        is_sensitive=table.flag("is_sensitive"),
        position=table.number("position"),
        attributes=[_attribute(notes, file, index, entry) for index, entry in enumerate(table.rows("attribute"))],
    )


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
        description=table.texts("description"),
        datatype_description=table.texts("datatype_description", required=False),
        options=options,
    )
