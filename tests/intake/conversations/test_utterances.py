"""What people really write, in one message, to the demo city: which service, which place, what is still asked.

The words are those residents of Mexico City use. `place`: the beginning of the place's label; None: it is asked for.
"""

from dataclasses import replace

import pytest

from intake.conversations.dialogue.next_step import next_step
from intake.conversations.dialogue.state import DialogueState
from intake.conversations.dialogue.steps import Submit
from tests.intake.conversations.talk import Talk, context

NS, JM, NJ, NM = (
    "Avenida Sabinos y Niebla",
    "Juárez y Morelos",
    "Niebla y Juárez",
    "Niebla y Morelos",
)
SPANISH = [
    ("hay un hoyo enorme en niebla y sabinos", "BACHE", NS),
    ("se me ponchó la llanta en un cráter en av sabinos esq niebla", "BACHE", NS),
    ("HAY UN BACHE EN JUAREZ Y MORELOS", "BACHE", JM),
    ("bache, niebla casi esquina con sabinos, el carmen", "BACHE", NS),
    ("hay un bache enorme en av sabinos 214 esq niebla, el carmen", "BACHE", NS),
    ("hay un bache en av. sabinos esq. niebla. es muy hondo y ya se cayó una moto ayer", "BACHE", NS),
    ("bache frente al hospital general", "BACHE", "Hospital General"),
    ("fuga de agua en la calle niebla esquina con sabinos", "FUGA", NS),
    ("se rompió un tubo y está tirando agua en juarez y morelos", "FUGA", JM),
    ("brota agua limpia en niebla y juárez", "FUGA", NJ),
    ("fuga en av. sabinos 214, el carmen", "FUGA", "Avenida Sabinos 214, El Carmen"),
    ("mercado centro fuga de agua", "FUGA", "Mercado Centro"),
    ("Fuga!!! afuera del mercado de la calera", "FUGA", "Mercado de La Calera"),
    ("no hay agua en privada juárez", "FALTA_AGUA", "Privada Juárez"),
    ("no cae agua desde ayer en privada naranjos", "FALTA_AGUA", "Privada Naranjos"),
    ("que manden una pipa a privada juarez", "PIPA", "Privada Juárez"),
    ("se regresan las aguas negras en privada juarez", "DRENAJE_TAPADO", "Privada Juárez"),
    ("coladera sin tapa en niebla y sabinos", "COLADERA", NS),
    ("se robaron la tapa de la alcantarilla en juarez y morelos", "COLADERA", JM),
    ("se inundó la calle en niebla y morelos", "DRENAJE_TAPADO", NM),
    ("se fundió el foco en niebla y sabinos", "LUMINARIA", NS),
    ("la lámpara está prendida de día en privada juarez", "LUMINARIA", "Privada Juárez"),
    ("poste sin luz a la altura de sabinos y niebla colonia el carmen", "LUMINARIA", NS),
    ("poste chueco a punto de caer en niebla y sabinos", "POSTE", NS),
    ("cables colgando en juarez y morelos", "CABLES", JM),
    ("semáforo en rojo fijo en niebla y sabinos", "SEMAFORO", NS),
    ("no pasa el camión de la basura en privada juarez", "BASURA", "Privada Juárez"),
    ("montón de basura en la esquina de niebla y sabinos", "TIRADERO", NS),
    ("tiraron cascajo y llantas en juarez y morelos", "CASCAJO", JM),
    ("perro muerto en niebla y morelos", "ANIMAL_MUERTO", NM),
    ("árbol caído en privada naranjos", "ARBOL_CAIDO", "Privada Naranjos"),
    ("se cayó una rama sobre el coche en niebla y sabinos", "ARBOL_CAIDO", NS),
    ("la rama tapa la lámpara en privada juárez", "PODA", "Privada Juárez"),
    ("están tirando árboles en cerrada abedul", "TALA", "Cerrada Abedul"),
    ("hay abejas en un árbol, enjambre en juarez y morelos", "ENJAMBRE", JM),
    ("un perro me mordió en niebla y sabinos", "PERRO_AGRESIVO", NS),
    ("tienen un perro amarrado en la azotea, maltrato en privada juarez", "MALTRATO_ANIMAL", "Privada Juárez"),
    ("coche abandonado en morelos entre niebla y juarez, chatarra", "AUTO_ABANDONADO", "Niebla y Morelos"),
    ("un carro tapa mi cochera en privada juárez", "MAL_ESTACIONADO", "Privada Juárez"),
    ("franelero aparta lugares con cubetas en niebla y sabinos", "APARTAN_LUGARES", NS),
    ("ambulantes no dejan pasar en la banqueta, juarez y morelos", "AMBULANTES", JM),
    ("construyen un piso más sin permiso en privada naranjos", "OBRA_SIN_PERMISO", "Privada Naranjos"),
    ("música a todo volumen en un bar de niebla y sabinos", "RUIDO", NS),
    ("sonidero toda la noche en privada juarez", "RUIDO", "Privada Juárez"),
    ("graffiti en la barda de la primaria benito juarez", "GRAFFITI", "Escuela Primaria Benito Juárez"),
    ("la banqueta está levantada por una raíz en niebla y morelos", "BANQUETA", NM),
    ("hace falta una rampa para silla de ruedas en juarez y morelos", "RAMPA", JM),
    ("pinten el paso peatonal en niebla y sabinos", "BALIZAMIENTO", NS),
    ("quiero que pongan un tope en cerrada abedul", "TOPE", "Cerrada Abedul"),
    ("se abrió la calle, un socavón en niebla y juárez", "SOCAVON", NJ),
    ("mi casa está cuarteada por el temblor en privada juarez", "CASA_DANADA", "Privada Juárez"),
    ("hay una persona durmiendo en la banqueta en juarez y morelos", "PERSONA_CALLE", JM),
    ("no hay letrero de la calle en niebla y sabinos", "PLACA_CALLE", NS),
    ("juegos rotos en el parque", "PARQUE", None),
    ("un funcionario me pidió mordida", "QUEJA_SERVIDOR", None),
    ("hay un bache", "BACHE", None),
    ("fuga en mi casa", "FUGA", None),
    ("bache en la calle", "BACHE", None),
    ("alto total pintado en el piso se borró en niebla y sabinos", "BALIZAMIENTO", NS),
    ("se fundió el foco del poste afuera del mercado de la calera", "LUMINARIA", "Mercado de La Calera"),
]
ENGLISH = [
    ("there is a big pothole on Niebla and Sabinos", "BACHE", NS),
    ("there is a pothole on Av Sabinos corner Niebla", "BACHE", NS),
    ("water leak at the corner of Juárez and Morelos", "FUGA", JM),
    ("no water at Privada Juárez", "FALTA_AGUA", "Privada Juárez"),
    ("street light out on Niebla and Sabinos", "LUMINARIA", NS),
    ("garbage was not collected on Privada Juarez", "BASURA", "Privada Juárez"),
    ("fallen tree on Privada Naranjos", "ARBOL_CAIDO", "Privada Naranjos"),
    ("traffic light broken at Niebla and Sabinos", "SEMAFORO", NS),
    ("noise from a bar at Juarez and Morelos", "RUIDO", JM),
    ("missing manhole cover at Niebla and Sabinos", "COLADERA", NS),
    ("dead dog on Niebla and Morelos", "ANIMAL_MUERTO", NM),
    ("there is a pothole", "BACHE", None),
]


@pytest.mark.parametrize(("text", "service", "place"), SPANISH + ENGLISH)
def test_one_message_tells_what_and_where(text: str, service: str, place: str | None) -> None:
    talk = Talk().say(text)
    told = talk.step.effect if isinstance(talk.step.effect, Submit) else talk.state.draft
    assert told is not None
    assert told.service_code == service
    assert told.place.label.startswith(place) if told.place and place else told.place is None and place is None, told
    if place is None:
        assert talk.keys[-1] in ("where", "where_again")
    else:
        # Nothing more is asked than what the service itself must know.
        assert talk.keys == [] or talk.keys[-1].startswith("ask_") or isinstance(talk.step.effect, Submit)
    assert talk.state.language == ("en" if (text, service, place) in ENGLISH else "es")


@pytest.mark.parametrize(
    ("text", "services"),
    [
        ("problema con el agua en privada juárez", {"FALTA_AGUA", "FUGA"}),
        ("un bache y una luminaria apagada en niebla y morelos", {"BACHE", "LUMINARIA"}),
        ("que dias toca la basura en niebla y morelos", {"BASURA"}),
    ],
)
def test_an_ambiguous_matter_is_a_numbered_choice(text: str, services: set[str]) -> None:
    talk = Talk().say(text)
    assert talk.keys == ["which"]
    assert services <= set(talk.state.services)
    assert len(talk.state.services) <= 4
    chosen = talk.state.services[0]
    talk.say("1")
    told = talk.step.effect if isinstance(talk.step.effect, Submit) else talk.state.draft
    assert told is not None
    assert told.service_code == chosen


@pytest.mark.parametrize(
    "text",
    [
        "huele a gas en calle abedul", "hay un cable suelto sacando chispas en niebla y juárez", "hay un herido en el bache",
        "se está incendiando un basurero en juarez y morelos", "se cayó un poste sobre un coche, hay gente atrapada",
        "I smell gas on Niebla and Sabinos", "a tree fell and someone is injured at Privada Naranjos",
    ],
)  # fmt: skip
def test_danger_is_answered_with_911_first_and_a_report_that_is_clear_goes_on(text: str) -> None:
    talk = Talk().say(text)
    assert talk.keys[0].startswith("emergency_")
    assert "911" in talk.bodies[0]
    if talk.state.draft is None and not isinstance(talk.step.effect, Submit):
        # No script: whom to call, and no question.
        assert talk.step.effect is None
        assert len(talk.keys) == 1
        return
    assert len(talk.keys) > 1 or isinstance(talk.step.effect, Submit)
    # Said once, not with every question.
    if talk.state.draft:
        assert not any(key.startswith("emergency") for key in talk.say("no").keys)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("mi esposo me esta pegando", "emergency_violence"),
        ("huele a gas en toda la cuadra", "emergency_gas"),
        ("se esta quemando una casa", "emergency_fire"),
        ("un señor se electrocutó", "emergency_electrocution"),
        ("atropellaron a una señora", "emergency_injured"),
        ("se metieron a robar a una casa", "emergency_crime"),
    ],
)
def test_each_danger_leaves_the_script_with_words_of_its_own(text: str, key: str) -> None:
    talk = Talk().say(text)
    assert talk.keys == [key]
    assert talk.state.draft is None
    assert ("55 0000 0765" in talk.bodies[0]) == (key == "emergency_violence")


def test_a_city_without_a_line_for_women_names_the_emergency_number_alone() -> None:
    state, alone = DialogueState(), replace(context(), women_phone="")
    assert [text.key for text in next_step(state, "mi esposo me pega", alone).texts] == ["emergency_crime"]


@pytest.mark.parametrize(
    "text", ["perro atropellado en niebla y sabinos", "fire hydrant leaking water at Privada Juarez"]
)
def test_what_only_sounds_like_danger_is_a_plain_report(text: str) -> None:
    assert not any(key.startswith("emergency") for key in Talk().say(text).keys)
