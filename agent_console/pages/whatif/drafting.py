"""A new draft from what a form sends: a boundary file, rules, or both. The file is looked at before anything reads it."""

import re
import tempfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlmodel import Session

from agent_console.accounts import Viewer
from intake.city_folder.load import layer_name
from intake.whatif.drafting import read_layer, read_rules_text
from intake.whatif.replay import live_side
from kernel.bodies import Form, Upload
from kernel.errors import InvalidInput, TooLarge
from routing import drafts, queries
from routing.draft_models import RoutingDraft

MAX_FILE_BYTES = 20 * 1024 * 1024
# First bytes -> how the name of such a file ends.
_KINDS = ((b"SQLite format 3\0", ".gpkg"), (b"\x1f\x8b", ".geojson.gz"), (b"PK\x03\x04", ".shz"), (b"{", ".geojson"))
_NOT_IN_NAMES = re.compile(r"[^\w .()-]+")


@dataclass(frozen=True)
class Typed:
    """What the form held, to be shown again when it is refused."""

    name: str = ""
    layer: str = "district"
    code: str = ""
    label: str = ""
    rules: str = ""

    @staticmethod
    def of(form: Form) -> "Typed":
        return Typed(
            form.get("name").strip(),
            form.get("layer"),
            form.get("code").strip(),
            form.get("label").strip(),
            form.get("rules").replace("\r\n", "\n"),
        )


def day_of(text: str) -> date:
    """Raises InvalidInput."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput("«{day}» no es una fecha como 2026-03-01.", field="valid_from", day=text[:40]) from None


def layers(session: Session, viewer: Viewer) -> list[tuple[str, str]]:
    """(key, name) of the city's layers, those with names of their own first."""
    known = queries.city(session, viewer.jurisdiction_id).layers
    return [(key, layer.name.get(viewer.language) or layer.name.get("es") or key) for key, layer in known.items()]


def make(session: Session, viewer: Viewer, typed: Typed, sent: Upload, *, now: datetime) -> RoutingDraft:
    """The draft. Raises InvalidInput or TooLarge, and then nothing of it is kept."""
    if not sent.files and not typed.rules.strip():
        raise InvalidInput("Sube un archivo de límites, pega las reglas, o las dos cosas.", field="file")
    draft = drafts.create(session, viewer.jurisdiction_id, typed.name, by=viewer.name, now=now)
    if sent.files:
        live = live_side(session, viewer.jurisdiction_id, viewer.today(now))
        if typed.layer not in live.layers:
            raise InvalidInput(
                "No existe la capa «{layer}». Están: {layers}.",
                field="layer",
                layer=typed.layer[:40],
                layers=", ".join(live.layers),
            )
        with tempfile.TemporaryDirectory(prefix="atiende-draft-") as folder:
            path = _kept(sent, Path(folder))
            areas = read_layer(live, typed.layer, path, code_field=typed.code or None, name_field=typed.label or None)
        drafts.replace_layer(
            session,
            draft.id,
            key=typed.layer,
            name=layer_name(session, viewer.jurisdiction_id, typed.layer),
            areas=areas,
            by=viewer.name,
            now=now,
        )
    if typed.rules.strip():
        rules = read_rules_text(typed.rules)
        default = drafts.newest_of(session, viewer.jurisdiction_id).default_agency_code
        drafts.write_rules(session, draft.id, rules, default, text=typed.rules, by=viewer.name, now=now)
    return draft


def _kept(sent: Upload, folder: Path) -> Path:
    """The file under the name that it had, which errors speak of, and an end that tells GDAL what it is.

    Raises InvalidInput, TooLarge.
    """
    data = sent.files[0]
    if len(data) > MAX_FILE_BYTES:
        raise TooLarge("El archivo es demasiado grande: caben {limit} MB.", field="file", limit=MAX_FILE_BYTES >> 20)
    head = bytes(data[:64]).lstrip(b"\xef\xbb\xbf \t\r\n")
    ending = next((ending for start, ending in _KINDS if head.startswith(start)), None)
    if ending is None:
        raise InvalidInput("El archivo no es GeoJSON, GeoPackage ni Shapefile en .zip.", field="file")
    called = _NOT_IN_NAMES.sub("_", re.split(r"[/\\]", sent.names[0])[-1].partition(".")[0])[:60].strip()
    path = folder / f"{called or 'archivo'}{ending}"
    path.write_bytes(data)
    return path
