from dataclasses import replace
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.catalog.definitions import ServiceDefinition
from intake.catalog.matching import fold, match_services
from intake.catalog.spelling import NOT_SLIPS, STOPWORDS, TOPICS, TURNING, WEAK, sound, stem

MEXICO = ZoneInfo("America/Mexico_City")


def made(code: str, name: str, keywords: list[str], description: str = "", position: int = 0) -> ServiceDefinition:
    return ServiceDefinition(
        id=UUID(int=position),
        jurisdiction_id="prueba",
        code=code,
        name={"es": name},
        description={"es": description or name},
        kind="realtime",
        group_code="calles",
        group_name={"es": "Calles"},
        keywords=tuple(keywords),
        promise={"amount": 5, "unit": "working_days"},
        notice={},
        icon="note",
        is_emergency=False,
        is_sensitive=False,
        position=position,
        timezone=MEXICO,
    )


SERVICES = [
    made("BACHE", "Bache en la calle", ["bache", "hoyo", "pavimento", "pothole"], position=1),
    made("LUMINARIA", "Luz de la calle apagada", ["luz", "luminaria", "poste", "foco", "street light"], position=2),
    made("FUGA", "Fuga de agua en la calle", ["fuga", "tubo roto", "tirando agua", "water leak"], position=3),
    made("SIN-AGUA", "Falta de agua", ["no hay agua", "sin agua", "baja presión"], position=4),
    made("DRENAJE", "Coladera tapada", ["coladera", "drenaje", "inundación", "encharcamiento"], position=5),
    made("ARBOL", "Árbol caído o en riesgo", ["árbol", "rama", "poda", "tree"], position=6),
    made("BASURA", "Basura sin recoger", ["basura", "camión de la basura", "cascajo", "garbage"], position=7),
    made("PERRO", "Animal en la calle", ["perro", "gato", "jauría", "dog"], position=8),
    made("RUIDO", "Ruido", ["ruido", "música", "fiesta", "noise"], position=9),
    made("SEMAFORO", "Semáforo descompuesto", ["semáforo", "luz roja", "traffic light"], position=10),
]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("se fundió el foco del poste", "LUMINARIA"),
        ("hay un hoyo enorme", "BACHE"),
        ("Hay un BACHOTE... digo, un bache, en Av. Sabinos 214", "BACHE"),
        ("muchos baches en mi calle", "BACHE"),
        ("el pabimento está hundido", "BACHE"),
        ("está tirando agua la toma", "FUGA"),
        ("hay una fuga en la esquina", "FUGA"),
        ("un tubo roto desde ayer", "FUGA"),
        ("se está fugando el agua", "FUGA"),
        ("no hay agua desde el lunes", "SIN-AGUA"),
        ("baja presion de agua", "SIN-AGUA"),
        ("la coladera está tapada", "DRENAJE"),
        ("se inundo la calle", "DRENAJE"),
        ("se cayó un árbol", "ARBOL"),
        ("podaron mal y hay ramas colgando", "ARBOL"),
        ("no pasa el camion de la basura", "BASURA"),
        ("tiraron cascajo", "BASURA"),
        ("hay perros sueltos", "PERRO"),
        ("música a todo volumen", "RUIDO"),
        ("el semáforo no sirve", "SEMAFORO"),
        ("no sirve el semaforo de niebla", "SEMAFORO"),
        ("there is a water leak", "FUGA"),
        ("a pothole on my street", "BACHE"),
        ("the street light is out", "LUMINARIA"),
        ("traffic lights are broken", "SEMAFORO"),
        ("garbage everywhere", "BASURA"),
    ],
)
def test_residents_words_find_their_service(said: str, meant: str) -> None:
    found = match_services(SERVICES, said)
    assert [match.definition.code for match in found][:1] == [meant], [
        (match.definition.code, match.score, match.because) for match in found
    ]


def test_a_keyword_with_a_no_in_it_wants_a_no() -> None:
    services = [made("FALTA", "Falta", ["no hay agua"]), made("TAPA", "Tapa", ["coladera sin tapa"], position=1)]
    services.append(made("TAPADA", "Tapada", ["coladera tapada"], position=2))
    best = {
        said: match_services(services, said)[0].definition.code for said in ("no hay agua", "sin agua", "without agua")
    }
    assert set(best.values()) == {"FALTA"}
    assert match_services(services, "hay agua") == []
    assert match_services(services, "la coladera no tiene tapa")[0].definition.code == "TAPA"
    assert match_services(services, "la coladera está tapada")[0].definition.code == "TAPADA"


def test_other_words_that_rhyme_are_other_words() -> None:
    assert match_services([made("TOPE", "Tope", ["vibrador"])], "en Eje Mirador 12") == []


@pytest.mark.parametrize("said", ["", "   ", "hola buenas tardes", "12345", "😀", "¿?", "ayuda por favor"])
def test_words_that_tell_nothing_match_nothing(said: str) -> None:
    assert match_services(SERVICES, said) == []


def test_two_services_in_one_message_come_back_both_ranked() -> None:
    codes = [match.definition.code for match in match_services(SERVICES, "hay un bache y una luminaria apagada")]
    assert {"BACHE", "LUMINARIA"} <= set(codes[:2])


def test_the_words_that_were_recognised_are_told() -> None:
    assert "foco" in match_services(SERVICES, "se fundió el foco")[0].because


def test_an_enye_is_a_letter_of_its_own() -> None:
    assert fold("AÑO") == "año"
    assert fold("Árbol CAÍDO") == "arbol caido"
    assert fold("an\u0303o") == "año"


@given(st.text(max_size=300), st.integers(0, 6))
def test_any_text_gives_an_honest_ranking(said: str, limit: int) -> None:
    found = match_services(SERVICES, said, limit)
    assert len(found) <= limit
    assert all(0 < match.score <= 100 for match in found)
    assert [match.score for match in found] == sorted((match.score for match in found), reverse=True)


@given(st.permutations(SERVICES), st.sampled_from(["hay un bache", "fuga de agua", "basura y ruido", "luz apagada"]))
def test_the_order_of_the_catalogue_does_not_matter(services: list[ServiceDefinition], said: str) -> None:
    def codes(found: list[ServiceDefinition]) -> list[str]:
        return [match.definition.code for match in match_services(found, said)]

    assert codes(services) == codes(SERVICES)


def reasons(services: list[ServiceDefinition], said: str) -> list[tuple[str, str, str, str]]:
    return [(one.said, one.known, one.source, one.how) for one in match_services(services, said)[0].reasons]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("un bache", ("bache", "bache", "keyword", "word")),
        ("muchos baches", ("baches", "bache", "keyword", "form")),
        ("vache", ("vache", "bache", "keyword", "sound")),
        ("un bacche", ("bacche", "bache", "keyword", "typo")),
        ("un potholes", ("potholes", "pothole", "keyword", "form")),
        ("un agujero", ("agujero", "hoyo", "keyword", "synonym")),
    ],
)
def test_why_says_which_words_matched_what_and_how(said: str, reason: tuple[str, str, str, str]) -> None:
    assert reasons(SERVICES, said) == [reason]


def test_topics_and_ways_of_saying_it_are_found_as_keywords_are() -> None:
    plain = made("A", "Uno", ["ejemplo"])
    services = [replace(plain, topics=("pothole",)), replace(plain, code="B", said_as=("piso con agujas",), position=1)]
    assert match_services(services, "se me ponchó la llanta")[0].definition.code == "A"
    assert match_services(services, "hay agujas en el piso")[0].definition.code == "B"
    assert match_services([plain], "se me ponchó la llanta") == []


def test_a_phrase_against_a_service_speaks_for_the_others() -> None:
    leak = replace(made("FUGA", "Fuga", ["fuga"]), said_as=("-fuga de gas",))
    assert match_services([leak], "hay una fuga")[0].score > 70
    assert match_services([leak], "hay una fuga de gas") == []


def test_a_no_belongs_to_the_words_after_it() -> None:
    services = [made("FALTA", "Falta", ["no sale agua"])]
    assert match_services(services, "no sale agua") != []
    assert match_services(services, "sale agua y la llave no cierra") == []


def test_every_word_list_is_folded_and_every_topic_says_something() -> None:
    assert all(phrases for phrases in TOPICS.values())
    listed = [*STOPWORDS, *TURNING, *WEAK, *NOT_SLIPS]
    assert [word for word in listed if fold(word) != word] == []


@given(st.text(alphabet="abcdefghijklmnñopqrstuvwxyzáéíóú", min_size=1, max_size=20))
def test_what_sounds_alike_has_one_stem(word: str) -> None:
    folded = fold(word)
    assert stem(folded) == stem(folded.replace("v", "b"))
    assert sound(sound(folded)) is not None
