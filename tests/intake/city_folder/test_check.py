"""Checking folders: those of the repository are sound, and every kind of mistake is told with its file and what to do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from intake.city_folder.check import check_folder
from intake.city_folder.read import read_folder

CITIES = Path(__file__).resolve().parents[3] / "cities"
FOLDERS = sorted(path.parent for path in CITIES.glob("*/city.toml"))


def errors(folder: Path) -> list[str]:
    return [
        f"{problem.file} {problem.where}: {problem.public_text()}"
        for problem in check_folder(folder).problems
        if problem.level == "error"
    ]


@pytest.fixture
def town(tmp_path: Path) -> Path:
    folder = tmp_path / "town"
    shutil.copytree(CITIES / "encinos", folder)
    return folder


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_folders_of_the_repository_are_sound(folder: Path) -> None:
    report = check_folder(folder)
    assert not [p for p in report.problems if p.level in ("error", "warning")]


def test_a_folder_without_boundaries_says_so() -> None:
    told = [problem.public_text() for problem in check_folder(CITIES / "cdmx").problems]
    assert any("district se importa aparte: INEGI" in text for text in told)


def _rewrite(path: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new, 1))

    return change


FUGA = "services/agua/FUGA.toml"
MISTAKES: dict[str, tuple[Callable[[Path], None], str]] = {
    "unknown agency": (_rewrite("rules.toml", '"AGUA"\n[rule', '"AGUAS"\n[rule'), "No existe la dependencia AGUAS"),
    "unknown area": (_rewrite("rules.toml", '["*"]', '["EC", "XX"]'), "La capa district no tiene la zona XX"),
    "unknown layer": (_rewrite("rules.toml", '"district"', '"districts"'), "No existe la capa districts"),
    "unknown group": (_rewrite("rules.toml", 'group = "agua"', 'group = "aguas"'), "No existe el grupo aguas"),
    "area without layer": (_rewrite("rules.toml", 'layer = "district"\n', ""), "la capa (layer) y las zonas"),
    "missing translation": (_rewrite(FUGA, 'en = "Water leak in the street"', ""), "Falta el texto de name en «en»"),
    "order gap": (_rewrite(FUGA, "order = 2", "order = 7"), "debe ser 1, 2, 3…"),
    "condition on nothing": (
        _rewrite(FUGA, "order = 2", "order = 2\nonly_if = { TIPO = ['a'] }"),
        "only_if nombra TIPO",
    ),
    "condition that cannot be": (
        _rewrite("services/alumbrado/LUMINARIA.toml", "order = 2", "order = 2\nonly_if = { TIPO_FALLA = ['azul'] }"),
        "no tiene la opción «azul»",
    ),
    "list without options": (_rewrite(FUGA, '"datetime"', '"multivaluelist"'), "necesita opciones"),
    "unknown datatype": (_rewrite(FUGA, '"datetime"', '"date"'), "debe ser uno de: string, text"),
    "bad promise": (_rewrite(FUGA, '"working_days"', '"weeks"'), "La unidad del plazo"),
    "unknown key": (_rewrite(FUGA, "keywords =", "keyword ="), "No existe la clave keyword"),
    "same code twice": (_rewrite(FUGA, 'code = "FUGA"', 'code = "BACHE"'), "La clave BACHE está repetida"),
    "same name twice": (_rewrite(FUGA, '"Fuga de agua en la calle"', '"Bache en la calle"'), "Dos servicios se llaman"),
    "not TOML": (_rewrite(FUGA, "code =", "code"), "No es TOML válido"),
    "faint theme": (_rewrite("city.toml", "#7a1f3d", "#c9a0b0"), "tiene contraste"),
    "not a colour": (_rewrite("city.toml", "#7a1f3d", "maroon"), "debe escribirse como #0c5a78"),
    "a text that no page shows": (
        _rewrite("city.toml", "[theme.light]", "[texts.greeting]\nes = 'a'\nen = 'b'\n\n[theme.light]"),
        "greeting",
    ),
    "unknown zone": (_rewrite("city.toml", "America/Mexico_City", "America/Encinos"), "No existe la zona horaria"),
    "unknown default": (_rewrite("city.toml", '"ATENCION"', '"NADIE"'), "No existe la dependencia NADIE"),
    "unknown calendar": (_rewrite("agencies.toml", 'calendar = "default"', 'calendar = "fiesta"'), "calendario fiesta"),
    "unknown calendar of the telephone": (
        _rewrite("city.toml", "[theme.light]", "[voice]\ncalendar = 'fiesta'\n\n[theme.light]"),
        "city.toml voice: No existe el calendario fiesta",
    ),
    "a detector that proposes everything": (
        _rewrite("city.toml", "[theme.light]", "[guards]\nburst_people = 1\n\n[theme.light]"),
        "city.toml guards.burst_people: burst_people va de 3 a 1000.",
    ),
    "a budget in words": (
        _rewrite("city.toml", "[theme.light]", "[guards]\nsms_home = 'mil'\n\n[theme.light]"),
        "sms_home debe ser un número entero",
    ),
    "an unknown guard": (
        _rewrite("city.toml", "[theme.light]", "[guards]\nfloor = 3\n\n[theme.light]"),
        "No existe la clave floor",
    ),
    "bad hours": (_rewrite("calendars.toml", '"15:00"', '"25:00"'), "no es una hora"),
    "missing layer file": (
        _rewrite("layers.toml", "layers/colonia", "layers/barrio"),
        "Falta el archivo layers/barrio",
    ),
    "no colonia layer": (_rewrite("layers.toml", '"colonia"', '"barrio"'), "Falta la capa colonia"),
    "bad point": (_rewrite("places.csv", "-101.", "-901."), "no tiene un punto"),
    "area layer called lines": (
        _rewrite("layers.toml", 'key = "colonia"', 'key = "colonia"\nkind = "line"'),
        "al revés (kind)",
    ),
    "unknown kind": (
        _rewrite("layers.toml", 'key = "colonia"', 'key = "colonia"\nkind = "x"'),
        "debe ser uno de: area, line",
    ),
    "tolerance on areas": (
        _rewrite("rules.toml", '["*"]', '["*"]\ntolerance_m = 12'),
        "es de zonas: no lleva tolerance_m",
    ),
    "tolerance of a mile": (_rewrite("rules.toml", '["*"]', '["*"]\ntolerance_m = 1609'), "entre 0 y 200 metros"),
    "unknown attribute": (
        _rewrite("rules.toml", 'group = "agua"', 'group = "agua"\nanswers = { COLOR = ["azul"] }'),
        "pregunta COLOR",
    ),
    "answers as text": (
        _rewrite("rules.toml", 'group = "agua"', 'group = "agua"\nanswers = { COLOR = "azul" }'),
        "una lista de textos",
    ),
    "no such hour": (
        _rewrite("rules.toml", 'group = "agua"', 'group = "agua"\nhours = [{ from = "25:00", to = "06:00" }]'),
        "no es una hora",
    ),
    "no such day": (
        _rewrite(
            "rules.toml", 'group = "agua"', 'group = "agua"\nhours = [{ days = ["vie"], from = "22:00", to = "06:00" }]'
        ),
        "no es un día",
    ),
    "capacity of nobody": (
        _rewrite("rules.toml", 'group = "agua"', 'group = "agua"\ncapacity = { open_limit = 5, agency = "NADIE" }'),
        "No existe la dependencia NADIE",
    ),
    "no capacity": (
        _rewrite("rules.toml", 'group = "agua"', 'group = "agua"\ncapacity = { open_limit = 0, agency = "AGUA" }'),
        "mayor que cero",
    ),
    "question in one language": (
        _rewrite("rules.toml", "[rule.reason]", '[rule.question]\nes = "¿Dónde?"\n[rule.reason]'),
        "Falta el texto de question en «en»",
    ),
    "neighbour without a phone": (
        _rewrite("city.toml", "[theme.light]", "[[neighbour]]\nname = 'Vecina'\n\n[theme.light]"),
        "Falta phone",
    ),
    "neighbour's area without a layer": (
        _rewrite("city.toml", "[theme.light]", "[[neighbour]]\nname = 'V'\nphone = '5'\narea = 'V'\n\n[theme.light]"),
        "dice también su capa",
    ),
    "bad basemap": (_rewrite("basemap.json", '"bbox"', '"box"'), "Falta bbox"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told(town: Path, mistake: str) -> None:
    change, words = MISTAKES[mistake]
    change(town)
    told = errors(town)
    assert any(words in line for line in told), told
    for problem in check_folder(town).problems:
        assert problem.text == "{reason}" or problem.public_text("en") != problem.public_text("es")


def test_a_district_outside_the_outline_is_told(town: Path) -> None:
    layer = town / "layers" / "district.geojson"
    drawing = json.loads(layer.read_text())
    ring = drawing["features"][1]["geometry"]["coordinates"][0]
    ring[0] = ring[-1] = [ring[0][0] - 0.05, ring[0][1]]
    layer.write_text(json.dumps(drawing))
    assert any("se sale del contorno" in line for line in errors(town))


def test_every_mistake_is_told_at_once(town: Path) -> None:
    for name in ("unknown zone", "bad promise", "missing translation"):
        MISTAKES[name][0](town)
    folder, problems = read_folder(town)
    assert folder is None
    assert {problem.file for problem in problems if problem.level == "error"} == {"city.toml", FUGA}


def test_rules_that_never_decide_are_told(town: Path) -> None:
    with (town / "rules.toml").open("a") as file:
        file.write(
            """
[[rule]]
code = "TARDE"
priority = 900
service = "FUGA"
agency = "ATENCION"
reason = { es = "Nunca.", en = "Never." }
"""
        )
    told = [problem for problem in check_folder(town).problems if problem.level == "warning"]
    assert [(problem.file, problem.where) for problem in told] == [("rules.toml", "TARDE")]
    assert told[0].public_text().startswith("Nunca decide: siempre se adelanta")


def test_what_no_rule_covers_is_counted(town: Path) -> None:
    _rewrite("rules.toml", '["*"]', '["EC"]')(town)
    facts = [text.format(**params) for text, params in check_folder(town).facts]
    assert any("BACHE" in fact for fact in facts)
    assert not any("(0.0%)" in fact for fact in facts)


def test_no_folder_is_told() -> None:
    assert errors(CITIES / "atlantis") == [f"{CITIES / 'atlantis'} : No existe la carpeta {CITIES / 'atlantis'}."]
