"""The dialogue step by step: what is asked, what is understood, and that nobody can break it or be trapped in it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intake.conversations.dialogue.next_step import next_step, while_with_agent
from intake.conversations.dialogue.state import DialogueState
from intake.conversations.dialogue.steps import (
    AddWords,
    AskCode,
    ChooseNotices,
    HandToAgent,
    ShowStatus,
    StaySilent,
    Submit,
    Told,
)
from tests.intake.conversations.talk import NOW, Talk, context

FOLIO = "2617584474"


def submitted(talk: Talk) -> Submit:
    assert isinstance(talk.step.effect, Submit), talk.step
    return talk.step.effect


def test_a_report_told_bit_by_bit() -> None:
    talk = Talk().say("hola")
    assert talk.keys == ["greeting"]
    assert talk.say("bache").keys == ["where"]
    assert talk.say("la joya").keys == ["which_place"]
    assert talk.say("2").keys == ["where_in"]
    report = submitted(talk.say("junto a la tienda roja"))
    assert report.service_code == "BACHE"
    assert report.place is not None
    assert report.place.label == "La Joya, Los Sabinos"
    assert report.description == "bache\nla joya\njunto a la tienda roja"
    assert talk.state.step == "idle"


def test_a_street_and_then_its_colonia_are_one_place() -> None:
    talk = Talk().say("fuga en sabinos 214")
    assert talk.keys == ["where_in"]
    assert "Avenida Sabinos 214" in talk.bodies[0]
    report = submitted(talk.say("el carmen"))
    assert report.place is not None
    assert report.place.label.startswith("Avenida Sabinos 214, El Carmen")


def test_a_place_nobody_knows_is_asked_once_more_and_then_taken_as_it_is() -> None:
    talk = Talk().say("bache")
    assert talk.say("junto a la tienda de doña Lucha").keys == ["where_again"]
    report = submitted(talk.say("ya te dije, con doña Lucha"))
    assert report.place is None
    assert report.place_words is not None
    assert "doña Lucha" in report.place_words


def test_a_street_that_they_never_heard_of_is_asked_about_before_it_is_taken() -> None:
    talk = Talk().say("bache").say("quien eres?").say("en la privada de los cedros, fracc. las palmas 12")
    assert talk.keys == ["confirm_place"]
    assert "Cedro" in talk.bodies[0]
    yes = submitted(Talk(talk.state).say("sí"))
    assert yes.place is not None
    talk.say("no").say("privada de los cedros").say("no")
    assert submitted(talk).place is None


def test_a_corner_within_a_street_is_no_choice_between_itself_and_itself() -> None:
    assert submitted(Talk().say("fuga en niebla 20").say("sabinos y niebla")).place is not None


def test_thanks_and_not_knowing_are_no_place() -> None:
    talk = Talk().say("bache").say("gracias")
    assert talk.keys == ["where"]
    assert talk.say("no sé").keys == ["where_near"]
    report = submitted(talk.say("no sé"))
    assert (report.place, report.place_words, report.description) == (None, None, "bache")
    known = submitted(Talk().say("bache en el carmen").say("no sé"))
    assert known.place is not None
    assert known.place.label.startswith("El Carmen")


def test_one_of_several_places_by_number_and_another_one() -> None:
    talk = Talk().say("bache en juarez 15")
    assert talk.keys == ["which_place"]
    other = str(len(talk.state.places) + 1)
    assert talk.say(other).keys == ["where_other"]
    assert submitted(talk.say("privada juárez")).place_words == "privada juárez"


def test_a_place_refused_again_and_again_ends_as_words() -> None:
    talk = Talk().say("bache en juarez 15")
    for _ in range(8):
        if isinstance(talk.step.effect, Submit):
            break
        talk.say("no" if talk.state.step == "place" else "juarez 15")
    assert submitted(talk).place is None


def test_required_questions_one_at_a_time_and_only_valid_answers() -> None:
    talk = Talk().say("se fundió el foco en niebla y sabinos")
    assert talk.keys == ["ask_choice"]
    assert talk.say("morado").keys == ["ask_choice_again"]
    assert talk.say("9").keys == ["ask_choice_again"]
    report = submitted(talk.say("parpadea"))
    assert [list(given) for given in report.attributes.values()] == [["parpadea"]]


def test_a_question_missed_three_times_goes_to_a_person() -> None:
    talk = Talk().say("se fundió el foco en niebla y sabinos")
    for _ in range(3):
        talk.say("morado")
    assert talk.keys == ["stuck"]
    assert talk.step.effect == HandToAgent("stuck")
    assert talk.state.draft is not None


def test_none_of_the_services_offered() -> None:
    talk = Talk().say("problema con el agua en privada juárez")
    assert talk.keys == ["which"]
    talk.say(str(len(talk.state.services) + 1))
    assert talk.keys == ["what_again"]
    assert submitted(talk.say("bache")).service_code == "BACHE"


def test_several_reports_one_after_another() -> None:
    talk = Talk()
    assert submitted(talk.say("bache en niebla y sabinos")).service_code == "BACHE"
    assert submitted(talk.say("y también una fuga de agua en juárez y morelos")).service_code == "FUGA"
    assert submitted(talk.say("perro muerto en niebla y morelos")).service_code == "ANIMAL_MUERTO"


def test_the_same_report_again_is_recognised_for_a_day() -> None:
    talk = Talk().say("bache en niebla y sabinos")
    submitted(talk)
    talk.state = talk.state.__class__.from_json(
        talk.state.to_json() | {"folio": FOLIO, "submitted_at": talk.now.isoformat()}
    )
    assert talk.say("Bache en Niebla y Sabinos!").keys == ["already"]
    assert "26 1758 4474" in talk.bodies[0]
    assert submitted(talk.say("bache en niebla y sabinos", after=timedelta(hours=25))).service_code == "BACHE"


@pytest.mark.parametrize(
    "text",
    ["ALTO", "alto", " Alto. ", "¡ALTO!", "baja", "BAJA", "Parar", "detener", "no más", "NO MAS", "No más avisos", "STOP",
     "stop.", "Unsubscribe", "cancelar", "cancel", "darme de baja", "end", "quit"],
)  # fmt: skip
def test_every_opt_out_word_as_a_whole_message(text: str) -> None:
    talk = Talk().say(text)
    assert talk.step.effect == ChooseNotices(is_granted=False)
    assert talk.keys == ["opted_out"]


@pytest.mark.parametrize(
    "text",
    ["baja presión de agua en privada juárez", "el alto está tirado en niebla y sabinos", "stop sign down on Niebla and Sabinos",
     "hay que parar el ruido en juarez y morelos", "ayuda, hay una fuga en niebla y sabinos", "casa en alto riesgo"],
)  # fmt: skip
def test_the_same_words_inside_a_report_are_no_command(text: str) -> None:
    effect = Talk().say(text).step.effect
    assert not isinstance(effect, ChooseNotices)


@pytest.mark.parametrize("text", ["ALTA", "alta", "Iniciar", "START", "unstop"])
def test_opting_in(text: str) -> None:
    assert Talk().say(text).step.effect == ChooseNotices(is_granted=True)


@pytest.mark.parametrize("text", ["AYUDA", "ayuda", "Info", "HELP", "¿Cómo funciona?"])
def test_help(text: str) -> None:
    assert Talk().say(text).keys == ["help"]


def test_opting_out_in_the_middle_keeps_the_report() -> None:
    talk = Talk().say("bache").say("ALTO")
    assert talk.step.effect == ChooseNotices(is_granted=False)
    assert submitted(talk.say("privada juárez")).service_code == "BACHE"


def test_cancel_in_the_middle_asks_which_of_the_two_was_meant() -> None:
    talk = Talk().say("bache").say("cancelar")
    assert talk.keys == ["drop"]
    assert talk.say("no").keys == ["where"]
    assert talk.say("cancelar").say("sí").keys == ["dropped"]
    assert talk.state.draft is None
    assert talk.say("cancelar").step.effect == ChooseNotices(is_granted=False)


@pytest.mark.parametrize("text", ["ya no, gracias", "Nada, ya lo arreglaron", "déjalo así", "olvídalo gracias"])
def test_who_does_not_want_it_any_more_is_asked_and_tells_no_place(text: str) -> None:
    talk = Talk().say("bache").say(text)
    assert talk.keys == ["drop"]
    assert talk.say("sí").keys == ["dropped"]


def test_whoever_writes_on_has_not_dropped_it() -> None:
    talk = Talk().say("bache").say("cancelar").say("privada juárez")
    assert submitted(talk).service_code == "BACHE"


@pytest.mark.parametrize(
    "text", ["hablar", "HABLAR", "operador", "quiero hablar con una persona", "agent", "Operator!"]
)
def test_asking_for_a_person(text: str) -> None:
    talk = Talk().say(text)
    assert talk.step.effect == HandToAgent("asked")
    assert Talk().say("bache").say(text).step.effect == HandToAgent("asked")


def test_wanting_the_mayor_is_not_asking_for_an_operator() -> None:
    assert not isinstance(Talk().say("quiero hablar con la alcaldesa").step.effect, HandToAgent)


@pytest.mark.parametrize(
    "text",
    ["estado 26 1758 4474", "ESTADO 2617584474", "2617584474", "26-1758-4474", "26 1758 4474", "folio 2617584474",
     "Folio: 26 1758 4474.", "status 2617584474", "¿cómo va mi reporte 26 1758 4474?", "ya reporté, folio 26 1758 4474, y nada",
     "estatus de mi folio 2617584474", "#2617584474", "folio 26\u00a01758\u00a04474"],
)  # fmt: skip
def test_status_by_folio(text: str) -> None:
    assert Talk().say(text).step.effect == ShowStatus(FOLIO)


@pytest.mark.parametrize(
    "text",
    ["estado", "Estado de mi reporte", "¿cómo va mi reporte?", "que pasó con mi reporte", "mi folio", "status",
     "status of my report",      "how is my report going?"],
)  # fmt: skip
def test_status_of_the_newest_report(text: str) -> None:
    assert Talk().say(text).step.effect == ShowStatus(None)


@pytest.mark.parametrize("text", ["el estado de la calle es muy malo en niebla y sabinos", "estado de mexico"])
def test_the_state_of_a_street_is_no_status_question(text: str) -> None:
    assert not isinstance(Talk().say(text).step.effect, ShowStatus)


def test_a_folio_with_a_wrong_digit_or_length_is_said_kindly() -> None:
    assert Talk().say("estado 26 1758 4475").keys == ["folio_digit"]
    assert Talk().say("estado 26 1758 447").keys == ["folio_length"]
    talk = Talk()
    for _ in range(5):
        talk.say(f"estado 26 1758 447{_ + 5}")
    assert talk.say("estado 26 1758 4460").keys == ["folio_agent"]


def test_status_in_the_middle_of_a_report_leaves_it_where_it_was() -> None:
    talk = Talk().say("bache").say("estado 2617584474")
    assert talk.step.effect == ShowStatus(FOLIO)
    assert submitted(talk.say("privada juárez")).service_code == "BACHE"


def test_a_folio_is_none_of_the_answers_to_choose_from() -> None:
    talk = Talk().say("se fundió el foco en niebla y sabinos")
    assert talk.state.step == "question"
    assert talk.say(FOLIO).step.effect == ShowStatus(FOLIO)
    assert talk.state.step == "question"
    assert talk.say(FOLIO[:-1] + "9").keys == ["folio_digit"]


def test_language_follows_the_words_and_stays_when_chosen() -> None:
    talk = Talk().say("hello")
    assert talk.state.language == "en"
    assert Talk().say("english").keys == ["language"]
    talk = Talk().say("English").say("hay un bache en la calle")
    assert talk.state.language == "en"
    assert talk.say("Español").state.language == "es"
    assert talk.keys == ["where"]
    assert Talk().say("hay un bache").say("privada juárez street").state.language == "es"


def test_thanks_are_answered_once() -> None:
    talk = Talk().say("gracias")
    assert talk.keys == ["courtesy"]
    assert talk.say("👍").step.effect == StaySilent("courtesy")
    assert talk.say("ok").step.effect == StaySilent("courtesy")


def test_ok_confirms_a_place_and_does_not_end_a_report() -> None:
    talk = Talk().say("bache")
    assert talk.say("jospital general de jaca").keys == ["confirm_place"]
    assert submitted(talk.say("ok")).place is not None


def test_photos_and_emoji() -> None:
    assert Talk().say("", media=1).keys == ["photo"]
    assert Talk().say("😡😡").keys == ["what"]
    assert Talk().say("hola").say("").say("👍").keys == ["what"]
    reported = Talk().say("hay un bache en niebla 20, el carmen")
    reported.state = replace(reported.state, folio="2648173056", submitted_at=reported.now)
    assert reported.say("👍").keys == ["courtesy"]
    talk = Talk().say("bache").say("", media=2)
    assert talk.keys == ["photo_kept", "where"]
    assert Talk().say("bache").say("🤷").keys == ["where"]


@pytest.mark.parametrize("said", [FOLIO, "esta es la foto del folio 26 1758 4474", "#2617584474"])
def test_a_picture_with_a_folio_is_of_that_report(said: str) -> None:
    step = Talk().say(said, media=1).step
    assert ([text.key for text in step.texts], step.effect) == (["photo_added"], AddWords(FOLIO, needs_agent=False))
    assert Talk().say(said[:-1] + "9", media=1).keys == ["folio_digit"]
    telling = Talk().say("bache").say(said, media=1)
    assert isinstance(telling.step.effect, AddWords)
    assert submitted(telling.say("niebla 20, el carmen")).service_code == "BACHE"


def test_an_album_is_answered_once_and_what_has_words_always() -> None:
    soon = timedelta(seconds=2)
    talk = Talk().say("bache", media=1)
    assert talk.keys == ["where"]
    assert talk.say("", media=1, after=soon).step.effect == StaySilent("album")
    assert talk.say("niebla 20, el carmen", media=1, after=soon).step.effect != StaySilent("album")
    assert Talk().say("", media=1).say("", media=1, after=timedelta(seconds=11)).keys == ["photo"]


def test_a_report_left_for_a_day_is_dropped_politely() -> None:
    talk = Talk().say("bache").say("1", after=timedelta(hours=25))
    assert talk.keys == ["expired"]
    assert talk.state.draft is None
    talk = Talk().say("bache").say("fuga en privada juárez", after=timedelta(hours=25))
    assert submitted(talk).service_code == "FUGA"
    assert submitted(Talk().say("bache").say("privada juárez", after=timedelta(hours=23))).service_code == "BACHE"


def test_a_flood_is_answered_with_silence_and_ends() -> None:
    talk = Talk()
    answers = [talk.say(f"mensaje numero {n} de una maquina", after=timedelta(seconds=1)).step for n in range(40)]
    assert [step.texts[0].key for step in answers if step.texts].count("flood") == 1
    assert answers[-1].effect == StaySilent("flood")
    assert talk.say("bache", after=timedelta(minutes=11)).keys == ["where"]


def test_the_same_words_over_and_over_get_silence_but_short_answers_do_not() -> None:
    talk = Talk()
    for _ in range(4):
        talk.say("xyz")
    assert talk.step.effect == StaySilent("repeat")
    talk = Talk().say("baja presión de agua en privada juárez").say("1")
    assert not isinstance(talk.say("1").step.effect, StaySilent)


def test_where_programs_answer_by_themselves_a_sentence_twice_is_one_of_them() -> None:
    notice, now = "gracias por su correo lo leo en cuanto pueda", NOW
    hears = replace(context(now), hears_programs=True)
    first = next_step(DialogueState(), notice, hears)
    assert first.texts
    assert next_step(first.state, notice, hears).effect == StaySilent("repeat")
    assert next_step(first.state, notice, context(now)).texts
    report = next_step(DialogueState(), "hay un bache en privada juárez", hears)
    made = replace(report.state, folio="2648173053", submitted_at=now)
    assert [text.key for text in next_step(made, "hay un bache en privada juárez", hears).texts] == ["already"]


def test_an_opt_out_is_heard_in_any_flood() -> None:
    talk = Talk()
    for n in range(40):
        talk.say(f"mensaje {n}", after=timedelta(seconds=1))
    assert talk.say("ALTO", after=timedelta(seconds=1)).step.effect == ChooseNotices(is_granted=False)


@pytest.mark.parametrize("word", ["AYUDA", "ALTA", "ESTADO", "cómo va 26 1758 4474"])
def test_words_that_always_count_do_not_get_past_the_brake(word: str) -> None:
    talk = Talk()
    answered = [talk.say(word, after=timedelta(seconds=1)).keys or talk.step.effect for _ in range(500)]
    assert sum(not isinstance(answer, StaySilent) for answer in answered) == 3


def test_different_words_that_always_count_are_a_flood_too() -> None:
    talk = Talk()
    words = ["AYUDA", "ALTA", "INFO", "estado 26 1758 4474"]
    steps = [talk.say(words[n % 4], after=timedelta(seconds=1)).step for n in range(100)]
    assert [step.effect for step in steps[31:]] == [StaySilent("flood")] * 69
    assert [text.key for text in steps[30].texts] == ["flood"]


def test_the_brake_holds_while_a_person_answers() -> None:
    state, effects = DialogueState(), []
    for n in range(100):
        words = f"estado {FOLIO}" if n % 2 else f"y el folio {FOLIO}"
        step = while_with_agent(state, words, context(NOW + timedelta(seconds=n)))
        state = DialogueState.from_json(step.state.to_json())
        effects.append(step.effect)
        assert step.texts == ()
    assert effects[:30] == [ShowStatus(FOLIO)] * 30
    assert effects[30:] == [StaySilent("flood")] * 70
    step = while_with_agent(state, "ALTO", context(NOW + timedelta(seconds=101)))
    assert step.effect == ChooseNotices(is_granted=False)


def test_words_nobody_understands_end_with_a_person_to_talk_to() -> None:
    talk = Talk().say("xyz")
    assert talk.keys == ["what"]
    assert talk.say("zyx").keys == ["what_or_agent"]
    assert "HABLAR" in talk.bodies[0]


def test_an_answer_to_news_belongs_to_that_request() -> None:
    waiting = Told(FOLIO, "waiting_resident")
    assert Talk().say("es la puerta azul", told=waiting).step.effect == AddWords(FOLIO, needs_agent=False)
    closed = Told(FOLIO, "closed")
    assert Talk().say("no es cierto, sigue igual", told=closed).step.effect == AddWords(FOLIO, needs_agent=True)
    assert Talk().say("gracias", told=closed).keys == ["courtesy"]
    assert isinstance(Talk().say("bache en privada juárez", told=closed).step.effect, Submit)
    assert Talk().say("ALTO", told=closed).step.effect == ChooseNotices(is_granted=False)


def test_while_a_person_answers_the_dialogue_is_quiet() -> None:
    state = DialogueState()
    assert while_with_agent(state, "hay un bache", context()).effect == StaySilent("agent")
    assert while_with_agent(state, "ALTO", context()).effect == ChooseNotices(is_granted=False)
    assert while_with_agent(state, "estado 2617584474", context()).effect == ShowStatus(FOLIO)


def test_a_text_of_many_parts_is_one_report() -> None:
    long = "hay un bache en privada juárez. " + "muy hondo y lleno de agua " * 100
    talk = Talk().say(long)
    told = talk.step.effect if isinstance(talk.step.effect, Submit) else talk.state.draft
    assert told is not None
    assert told.service_code == "BACHE"


WORDS = st.sampled_from(
    ["bache", "en", "niebla", "y", "sabinos", "1", "2", "si", "no", "otra", "alto", "estado", "2617584474", "foco", "fundido",
     "cancelar", "english", "hola", "la joya", "juarez 15", "ayer", "gracias", "hablar", "🙂", "calle", "afuera del", ""]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=6).map(" ".join))


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(TEXTS, st.integers(0, 90_000)), min_size=1, max_size=6))
def test_nothing_breaks_it_and_every_state_survives_the_database(messages: list[tuple[str, int]]) -> None:
    talk = Talk()
    for text, seconds in messages:
        talk.say(text, after=timedelta(seconds=seconds))
        assert DialogueState.from_json(talk.state.to_json()) == talk.state
        # A later release remembers more: what this one knows stays.
        later = talk.state.to_json() | {"of_later": 1}
        if later["draft"]:
            later["draft"] |= {"of_later": 1}
        assert DialogueState.from_json(later) == talk.state
        assert all(body.strip() for body in talk.bodies)
        assert talk.step.texts or talk.step.effect is not None
        if isinstance(talk.step.effect, Submit):
            assert talk.state.draft is None


@given(st.recursive(st.none() | st.text(max_size=5) | st.integers(), lambda inner: st.lists(inner, max_size=3)))
def test_unreadable_memory_is_no_memory(junk: object) -> None:
    for values in ({"step": junk}, {"draft": junk}, {"places": [junk]}, {"at": junk}, {"unheard": junk}):
        step = next_step(DialogueState.from_json(values), "hola", context())
        assert step.texts


@pytest.mark.parametrize(
    ("words", "key", "effect"),
    [
        ("UNIR", "link_which", None),
        ("UNIR 55 9876 5432", None, AskCode("phone", "55 9876 5432")),
        ("unir ana@correo.mx", None, AskCode("email", "ana@correo.mx")),
    ],
)
def test_another_address_can_be_linked_while_a_person_answers(
    words: str, key: str | None, effect: AskCode | None
) -> None:
    step = while_with_agent(DialogueState(), words, context())
    assert [text.key for text in step.texts] == ([key] if key else [])
    assert step.effect == effect


def test_the_address_asked_for_then_is_heard_too() -> None:
    asked = while_with_agent(DialogueState(), "UNIR", context())
    assert while_with_agent(asked.state, "55 9876 5432", context()).effect == AskCode("phone", "55 9876 5432")
    assert while_with_agent(DialogueState(), "mi número es 55 9876 5432", context()).effect == StaySilent("agent")
