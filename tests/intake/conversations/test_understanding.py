import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.conversations.dialogue.emoji import spelled
from intake.conversations.dialogue.state import DialogueState
from intake.conversations.dialogue.steps import Submit
from intake.conversations.dialogue.understanding import INTENTS, Understanding, understand
from intake.conversations.dialogue.words import emergency, plain
from tests.intake.conversations.talk import Talk, context


def understood(text: str) -> Understanding:
    known = context()
    return understand(text, known.match_offered, known.find_places)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("hay un bache en niebla y sabinos", "report"),
        ("¿Cómo va mi reporte?", "status"),
        ("ESTADO 26 4817 3056", "status"),
        ("quiero hablar con una persona", "person"),
        ("por favor páseme con un operador", "person"),
        ("necesito un asesor", "person"),
        ("operadora, por favor", "person"),
        ("una persona tiró basura en niebla 20", "report"),
        ("AYUDA", "help"),
        ("¿qué puedo reportar?", "help"),
        ("ALTO", "opt_out"),
        ("ya no me manden mensajes por favor", "opt_out"),
        ("ALTO por favor", "opt_out"),
        ("quiero dar de baja mi número", "opt_out"),
        ("baja la presión del agua por favor", "report"),
        ("darme de alta", "opt_in"),
        ("ALTA", "opt_in"),
        ("hola, buenas tardes", "greeting"),
        ("muchas gracias", "thanks"),
        ("¿dónde pago el predial?", "information"),
        ("¿y cuándo vienen?", "status"),
        ("a qué hora vienen a arreglarlo", "status"),
        ("nadie ha venido", "status"),
        ("por qué tardan tanto", "status"),
        ("when are you coming?", "status"),
        ("nadie ha venido por la basura", "report"),
        ("in english please", "language"),
        ("qwerty", "unknown"),
        ("", "unknown"),
    ],
)
def test_what_a_message_asks_for(text: str, intent: str) -> None:
    assert understood(text).intent == intent


@pytest.mark.parametrize("intent", ["opt_out", "opt_in", "help", "person", "greeting", "thanks", "language"])
def test_the_dialogue_does_what_the_intent_says(intent: str) -> None:
    said = {
        "opt_out": ("dejen de mandarme mensajes", "opted_out"),
        "opt_in": ("quiero volver a recibir avisos", "opted_in"),
        "help": ("que puedo reportar", "help"),
        "person": ("me comunica con un operador", "agent"),
        "greeting": ("hola que tal buenas tardes", "greeting"),
        "thanks": ("se lo agradezco mucho", "courtesy"),
        "language": ("puede ser en ingles", "language"),
    }
    text, key = said[intent]
    assert understood(text).intent == intent
    assert Talk().say(text).keys == [key]


@pytest.mark.parametrize(
    "said",
    [
        "no huele a gas", "ya no huele a gas", "no hay heridos", "sin heridos", "no hay personas heridas",
        "perro atropellado", "atropellaron a un perro", "le pega a su perro", "frente a la gasolinera", "tanque de gas vacio",
        "luz de emergencia fundida", "fuegos artificiales", "herido de amor", "se quemo el foco", "fire hydrant open",
        "se perdio mi perro", "no aparece mi reporte", "the street sign is missing", "un bache que causo un accidente ayer",
    ],
)  # fmt: skip
def test_what_is_denied_or_harmless_is_no_danger(said: str) -> None:
    assert emergency(plain(said)) is None


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("no hay luz y huele a gas", "gas"),
        ("no se si es fuga de gas", "gas"),
        ("mi marido me golpea", "violence"),
        ("no puede respirar", "injured"),
        ("da toques el poste", "electrocution"),
        ("un arbol se cayo sobre un carro con gente adentro", "injured"),
        ("a tree fell on a car with people in it", "injured"),
        ("hay un señor tirado en la banqueta", "injured"),
        ("there is a man lying on the sidewalk", "injured"),
        ("no encuentro a mi hija", "other"),
        ("mi mama con alzheimer no llego a casa", "other"),
        ("my kid is missing", "other"),
        ("hubo un accidente en sabinos", "other"),
        ("chocaron dos carros", "other"),
        ("choque con lesionados", "injured"),
        ("el perro esta bien pero hay un señor herido", "injured"),
    ],
)
def test_danger_is_told_by_its_kind(said: str, kind: str) -> None:
    found = emergency(plain(said))
    assert found is not None
    assert found.kind == kind


@given(st.text(max_size=300))
def test_any_text_is_understood_somehow(text: str) -> None:
    assert understood(text).intent in INTENTS


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("puede ser en ingles", "en"),
        ("do you speak english?", "en"),
        ("i don't speak spanish", "en"),
        ("quiero seguir en español", "es"),
        ("no hablo inglés", "es"),
    ],
)
def test_the_language_that_is_asked_for_is_spoken_from_then_on(text: str, language: str) -> None:
    other = DialogueState(language="es" if language == "en" else "en")
    talk = Talk(other).say(text)
    assert talk.keys == ["language"]
    assert (talk.state.language, talk.state.is_language_chosen) == (language, True)


@pytest.mark.parametrize(
    ("text", "code"), [("ai un vachesote", "BACHE"), ("un hoyote en la calle", "BACHE"), ("un fugón de agua", "FUGA")]
)
def test_what_is_big_is_the_same(text: str, code: str) -> None:
    assert understood(text).services[0].definition.code == code
    assert Talk().say(text).keys == ["where"]


def test_what_a_message_is_about_is_no_place_that_resembles_it() -> None:
    assert understood("hay un árbol caído").finding is None
    assert Talk().say("hay un árbol caído").keys[-1] == "where"
    assert Talk().say("2").state.draft is None
    assert Talk().say("bache jospital general").keys == ["confirm_place"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Soy Juan Pérez, vivo en niebla 20, el carmen y no pasa la basura", "BASURA"),
        ("vivo en la colonia el carmen, en niebla 20 hay un bache", "BACHE"),
    ],
)
def test_who_begins_with_where_they_live_says_what_it_is_all_the_same(text: str, code: str) -> None:
    assert understood(text).services[0].definition.code == code


def test_what_was_reported_before_is_compared_when_the_place_is_told() -> None:
    assert understood("ya reporté la fuga y no han venido").intent == "status"
    assert understood("ya reporté la fuga en niebla y sabinos y no han venido").intent == "report"


@pytest.mark.parametrize(
    ("text", "language"), [("I smell gas", "en"), ("me violaron", None), ("mi esposo me pega", "es"), ("12345", None)]
)
def test_the_words_tell_the_language_or_nothing_does(text: str, language: str | None) -> None:
    assert understood(text).language == language


class TestEmojiThatAreWords:
    @pytest.mark.parametrize(
        ("text", "service"),
        [
            ("hay un 🐕 muerto", "ANIMAL_MUERTO"),
            ("hay un 🐶🐶 muerto en la calle", "ANIMAL_MUERTO"),
            ("hay un 🐕‍🦺 muerto", "ANIMAL_MUERTO"),
            ("there is a dead 🐈 on the street", "ANIMAL_MUERTO"),
            ("hay una fuga de 💧", "FUGA"),
            ("un 🚗 abandonado", "AUTO_ABANDONADO"),
            ("se cayó un 🌳", "ARBOL_CAIDO"),
            ("hay un 🕳️ enorme", "BACHE"),
        ],
    )
    def test_one_in_a_sentence_is_understood(self, text: str, service: str) -> None:
        found = understood(text)
        assert found.emergency is None
        assert found.services[0].definition.code == service

    @pytest.mark.parametrize("text", ["hay un muerto", "hay un  muerto", "hay un muerto 🐕"])
    def test_a_dead_person_stays_an_emergency(self, text: str) -> None:
        assert understood(text).emergency is not None

    def test_fire_in_a_sentence_is_one_and_alone_it_says_nothing(self) -> None:
        assert understood("hay 🔥 en la casa").emergency is not None
        assert understood("🔥🔥").emergency is None
        assert understood("🔥🔥").matter is None

    @pytest.mark.parametrize(
        ("text", "language", "told"),
        [
            ("hay un 🐕 muerto", "es", "hay un 🐕 (perro) muerto"),
            ("a dead 🐕", "es", "a dead 🐕 (dog)"),
            ("el 🐕 en la calle", "en", "el 🐕 (perro) en la calle"),
            ("🗑️🗑️ Niebla", "en", "🗑️🗑️ (trash) Niebla"),
            ("gracias 🙏", "es", "gracias 🙏"),
            ("👍", "es", "👍"),
        ],
    )
    def test_the_word_stands_behind_it_and_nothing_is_lost(self, text: str, language: str, told: str) -> None:
        assert spelled(text, language) == told
        assert spelled(told, language) == told

    def test_the_agency_reads_both(self) -> None:
        talk = Talk().say("hay un 🐕 muerto en niebla 20, el carmen")
        assert isinstance(talk.step.effect, Submit)
        assert talk.step.effect.description == "hay un 🐕 (perro) muerto en niebla 20, el carmen"

    @given(st.text())
    def test_whatever_the_text(self, text: str) -> None:
        told = spelled(text)
        assert spelled(told) == told


class TestKindsOfPlaceThatNameNone:
    @pytest.mark.parametrize(
        "text",
        [
            "puente peatonal sin luz",
            "escuela sin agua",
            "parque infantil con juegos rotos",
            "calle sin pavimento",
            "mercado sucio",
        ],
    )
    def test_they_are_what_it_is_about(self, text: str) -> None:
        assert "where_again" not in Talk().say(text).keys

    def test_a_street_that_nobody_knows_is_still_a_place(self) -> None:
        assert Talk().say("calle Inventada 5 sin luz").keys == ["where_again"]
