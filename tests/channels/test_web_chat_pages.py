"""The chat over HTTP, as a browser without scripts uses it, and what its script asks for."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from agent_console.contacts import masked
from channels import delivery, registry, settling
from channels.app.routes import install as install_resident_pages
from channels.attachment_jobs import take_attachment
from channels.web_chat import tokens
from channels.web_chat.access import cookie_name
from channels.web_chat.posting import MOST_LETTERS
from channels.web_chat.rendering import ORIGINS, STATIC
from channels.web_chat.routes import install
from intake.conversations import actions as conversations
from intake.conversations.attachment_models import MessageAttachment
from intake.conversations.models import Conversation, Message
from intake.media.storage import Shelf
from intake.people.models import ContactPoint
from intake.service_requests.models import ServiceRequest
from kernel import clock, db
from kernel.live import LiveFeed
from kernel.settings import Limits, Settings, WebChat
from tests.browser.cast import pothole
from tests.channels.chatting import Visitor, work
from tests.channels.conftest import make_settings
from tests.factories import CITY, make_city

pytestmark = pytest.mark.database

KEY = b"s" * 32
EVIL = "<img src=x onerror=alert(1)>\"'</script>"


def make_app(settings: Settings) -> FastAPI:
    app = FastAPI()
    app.state.settings = settings
    app.state.live = LiveFeed()
    install(app)
    return app


@pytest.fixture
def settings() -> Settings:
    return make_settings().model_copy(update={"limits": Limits(chat_per_visitor=0, chat_per_address=0)})


@pytest.fixture
def app(session: Session, settings: Settings) -> Iterator[FastAPI]:
    make_city(session)
    registry.connect(settings)
    yield make_app(settings)
    registry.disconnect()


@pytest.fixture
def ana(app: FastAPI, session: Session) -> Visitor:
    return Visitor(TestClient(app, base_url="https://testserver"), session)


@pytest.fixture
def beto(app: FastAPI, session: Session) -> Visitor:
    return Visitor(TestClient(app, base_url="https://testserver"), session)


def inbound(session: Session) -> list[Message]:
    return list(session.exec(select(Message).where(Message.direction == "inbound").order_by(col(Message.seq))))


def test_a_whole_report_without_a_script(ana: Visitor, session: Session) -> None:
    said = ana.say("hay un bache enorme")
    assert said[0] == "hay un bache enorme"
    assert "¿Dónde es?" in said[-1]
    said = ana.say("avenida sabinos, el carmen")
    while "¿" in said[-1]:
        page = ana.look()
        label = re.search(r'name="choice" value="[^"]+"><span>([^<]+)', page)
        said = ana.press(label[1]) if label else ana.say("1")
    request = session.exec(select(ServiceRequest)).one()
    assert request.channel == "web_chat"
    assert f'href="/folio/{request.folio}"' in ana.look()
    assert "Respuesta automática" in ana.look()


def test_a_button_that_is_pressed_says_its_label_and_carries_its_value(ana: Visitor, session: Session) -> None:
    ana.say("hay un bache o fuga en la calle")
    page = ana.look()
    value, label = re.findall(r'name="choice" value="([^"]+)"><span>([^<]+)', page)[0]
    ana.press(label)
    assert (inbound(session)[-1].choice, inbound(session)[-1].body) == (value, label)


def test_an_answer_that_nobody_offered_is_refused_in_words(ana: Visitor, session: Session) -> None:
    answer = ana.post(choice="place.99")
    assert answer.status_code == 400
    assert "Esa respuesta ya no está" in answer.text
    assert inbound(session) == []


def test_a_double_tap_on_the_first_message_is_one_message_of_one_person(
    ana: Visitor, beto: Visitor, session: Session
) -> None:
    cid = ana.cid()
    # The second tap leaves before the first one's cookie has come.
    first, second = ana.post(cid=cid, body="fuga"), beto.post(cid=cid, body="fuga")
    assert first.status_code == second.status_code == 303
    assert len(inbound(session)) == 1
    assert len(session.exec(select(ContactPoint)).all()) == 1


def test_other_words_on_the_same_page_are_another_message(ana: Visitor, session: Session) -> None:
    cid = ana.cid()
    for body in ("hay un bache", "hay un bache", "perdón, es una fuga"):
        ana.post(cid=cid, body=body)
    assert [message.body for message in inbound(session)] == ["hay un bache", "perdón, es una fuga"]


def test_one_visitor_never_sees_anothers_thread(ana: Visitor, beto: Visitor, session: Session) -> None:
    ana.say("vivo en Niebla 4 y hay una fuga")
    beto.say("hay basura")
    assert "Niebla 4" not in beto.look()
    assert "basura" not in ana.look()
    stolen = ana.client.cookies[cookie_name(CITY)]
    for token in (stolen[:-1] + ("A" if stolen[-1] != "A" else "B"), stolen[:-2], stolen + "=", "", "null"):
        answer = beto.client.get("/chat/hilo", headers={"authorization": f"Bearer {token}"})
        assert "Niebla 4" not in answer.text
    assert "Niebla 4" in beto.client.get("/chat/hilo", headers={"authorization": f"Bearer {stolen}"}).text


def test_a_made_up_name_of_a_message_opens_nobodys_thread(ana: Visitor, beto: Visitor) -> None:
    ana.post(cid="1234567890", body="mi casa es Niebla 4")
    beto.post(cid="1234567890", body="hola")
    assert "Niebla 4" not in beto.look()


def test_a_token_for_one_city_opens_nothing_in_another(ana: Visitor, session: Session) -> None:
    make_city(session, "encinos.gob.example", sms_number="+525500000312").is_default = False
    session.flush()
    ana.say("hay un bache en Niebla 4")
    stolen = ana.client.cookies[cookie_name(CITY)]
    answer = ana.client.get("/chat/hilo?ciudad=encinos.gob.example", headers={"authorization": f"Bearer {stolen}"})
    assert answer.json()["is_lost"]
    assert "Niebla 4" not in answer.text


def test_the_city_that_is_asked_for_gets_the_message(ana: Visitor, session: Session) -> None:
    make_city(session, "encinos.gob.example", sms_number="+525500000312").is_default = False
    session.flush()
    ana.path = "/chat?ciudad=encinos.gob.example"
    ana.say("hay un bache")
    assert session.exec(select(Conversation)).one().jurisdiction_id == "encinos.gob.example"
    assert ana.client.get("/chat?ciudad=nowhere").status_code == 404


def test_a_thread_that_is_too_old_is_said_to_be_gone_and_the_message_is_kept(ana: Visitor, session: Session) -> None:
    visitor = tokens.newcomer(KEY, CITY, "", now=clock.now())
    old = tokens.issue(KEY, visitor, now=clock.now() - tokens.LIFETIME)
    ana.client.cookies.set(cookie_name(CITY), old, domain="testserver.local", path="/")
    page = ana.look()
    assert "Tu conversación anterior ya no está en este equipo." in page
    assert "Tu conversación anterior" not in ana.look()  # said once
    ana.client.cookies.set(cookie_name(CITY), old, domain="testserver.local", path="/")
    assert ana.post(body="sigue el bache").status_code == 303
    assert [message.body for message in inbound(session)] == ["sigue el bache"]
    assert "sigue el bache" in ana.look()


def test_a_token_is_renewed_while_somebody_keeps_writing(ana: Visitor, session: Session) -> None:
    visitor = tokens.newcomer(KEY, CITY, "", now=clock.now())
    ana.client.cookies.set(cookie_name(CITY), tokens.issue(KEY, visitor, now=clock.now() - timedelta(days=20)))
    answer = ana.post(body="hola")
    renewed = tokens.read(KEY, answer.cookies[cookie_name(CITY)], now=clock.now() + timedelta(days=29))
    assert renewed.id == visitor.id


def test_closing_forgets_the_thread_on_this_device(ana: Visitor) -> None:
    ana.say("hay un bache")
    assert ana.client.post("/chat/salir", headers=ana.headers, follow_redirects=False).status_code == 303
    assert ana.bubbles() == []


def test_an_agents_answer_arrives_with_their_first_name_and_is_read(ana: Visitor, session: Session) -> None:
    ana.say("hablar con una persona")
    thread = session.exec(select(Conversation)).one()
    conversations.queue_message(
        session,
        thread.id,
        "Vamos para allá.",
        client_ref="a1",
        author_kind="agent",
        author_name="Amir Torres",
        now=clock.now(),
    )
    sent = select(Message).where(Message.body == "Vamos para allá.")
    assert "Vamos para allá." not in ana.look()  # it is not its turn yet
    work(session)
    assert session.exec(sent).one().status == "accepted"
    ana.client.get("/chat/hilo")
    session.expire_all()
    assert session.exec(sent).one().status == "delivered"
    page = ana.look()
    assert "Vamos para allá." in page
    assert ">Amir<" in page
    assert "Torres" not in page
    session.expire_all()
    assert session.exec(sent).one().status == "read"
    assert "Visto" in page


def test_a_sender_that_died_halfway_leaves_one_message(ana: Visitor, session: Session) -> None:
    ana.say("hablar con una persona")
    thread = session.exec(select(Conversation)).one()
    message = conversations.queue_message(
        session, thread.id, "Vamos.", client_ref="a1", author_kind="agent", author_name="Amir", now=clock.now()
    )
    claim = delivery.claim_next(session, message.id, now=clock.now())
    assert isinstance(claim, delivery.Claim)  # and here it is killed
    delivery.move(session, message, "uncertain", reason="no_answer", now=clock.now() - settling.ABSENT_AFTER)
    found = registry.channel_named("web_chat").look_up(claim.message, clock.now())
    settling.settle(session, claim.message, found, channel="web_chat", now=clock.now())
    assert "Vamos." not in ana.look()
    work(session)
    assert ana.bubbles().count("Vamos.") == 1


def test_the_console_calls_visitors_by_a_part_of_their_id(ana: Visitor, beto: Visitor, session: Session) -> None:
    ana.post(body="hola")
    beto.post(body="hola")
    named = {masked(one) for one in session.exec(select(ContactPoint))}
    assert len(named) == 2
    assert all(re.fullmatch(r"Chat [\w-]{4}", name) for name in named)


def test_the_residents_home_leads_to_the_chat_where_there_is_one(app: FastAPI) -> None:
    install_resident_pages(app)
    client = TestClient(app, base_url="https://testserver")
    assert 'href="/chat"' in client.get("/").text
    assert 'href="/en/chat"' in client.get("/en").text
    registry.disconnect()
    assert 'href="/chat"' not in client.get("/").text


def test_what_people_write_is_text(ana: Visitor, session: Session, shelf: Shelf) -> None:
    ana.post([(EVIL + ".jpg", pothole(0))], body=EVIL)
    thread = session.exec(select(Conversation)).one()
    conversations.queue_message(
        session, thread.id, EVIL, client_ref="a1", author_kind="agent", author_name=EVIL, now=clock.now()
    )
    work(session)
    for page in (ana.look(), ana.client.get("/chat/hilo").json()["html"], ana.post(body="x" * 5000 + EVIL).text):
        assert "<img" not in page
        assert "onerror=alert(1)>" not in page.replace("onerror=alert(1)&gt;", "")


def test_photos_come_with_their_names_and_without_a_script_to_shrink_them(
    ana: Visitor, session: Session, shelf: Shelf
) -> None:
    answer = ana.post([("C:\\fotos\\hoyo.jpg", pothole(0))], body="mira")
    assert answer.status_code == 303
    kept = inbound(session)[0].media
    assert [(part["kind"], part["file_name"]) for part in kept] == [("photo", "hoyo.jpg")]
    assert "Foto: hoyo.jpg" in ana.look()


def test_a_photo_is_shown_to_who_sent_it_and_under_no_other_address(
    ana: Visitor, beto: Visitor, session: Session, shelf: Shelf
) -> None:
    ana.post([("hoyo.jpg", pothole(0))], body="mira")
    attachment = session.exec(select(MessageAttachment)).one()
    take_attachment(str(attachment.id))
    session.expire_all()
    found = re.search(r'<img src="(/chat/foto/[^"]+-mini\.jpg\?s=[^"]+)" alt="Foto: hoyo.jpg">', ana.look())
    assert found
    url = unescape(found[1])
    assert "foto/" not in beto.look()
    for address in (url, url.replace("-mini", "")):
        answer = ana.client.get(address)
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.content.startswith(b"\xff\xd8")
    for address in (url[:-1], url.split("?")[0], url.replace(str(attachment.id), str(thread_id(session)))):
        assert ana.client.get(address).status_code == 404


def thread_id(session: Session) -> object:
    return session.exec(select(Conversation)).one().id


@pytest.mark.parametrize(
    ("files", "fields", "words"),
    [
        ([("a.jpg", b"no photo")], {"body": "mira esto"}, "foto"),
        ([("a.jpg", b"")], {"body": "mira esto"}, "vacía"),
        ([("a.jpg", pothole(n)) for n in range(4)] * 2 + [("b.jpg", b"x")], {"body": "mira esto"}, "foto"),
        ([], {"body": "mira esto", "lon": "abc", "lat": "1"}, "lugar no se entiende"),
        ([], {"body": "mira esto", "lon": "nan", "lat": "1"}, "lugar no se entiende"),
        ([], {"body": "mira esto", "lon": "999", "lat": "1"}, "lugar no se entiende"),
    ],
)
def test_what_cannot_be_taken_is_said_and_the_words_stay(
    ana: Visitor, session: Session, shelf: Shelf, files: Any, fields: dict[str, str], words: str
) -> None:
    answer = ana.post(files, **fields)
    assert answer.status_code == 400
    assert words in answer.text
    assert ">mira esto</textarea>" in answer.text
    assert "<title>Error: " in answer.text
    assert inbound(session) == []


def test_too_many_letters_come_back_whole(ana: Visitor, session: Session) -> None:
    long = "a" * (MOST_LETTERS + 1)
    answer = ana.post(body=long)
    assert answer.status_code == 400
    assert "Caben 4,000 letras y escribiste 4,001" in answer.text
    assert long in answer.text
    assert ana.post(body="a" * MOST_LETTERS).status_code == 303


def test_nothing_at_all_is_asked_for_in_words(ana: Visitor) -> None:
    answer = ana.post(body="  \r\n ")
    assert answer.status_code == 400
    assert 'id="e-body"' in answer.text


def test_without_a_place_for_photos_the_page_offers_none(ana: Visitor) -> None:
    assert 'type="file"' not in ana.look()
    answer = ana.post([("a.jpg", pothole(0))], body="mira")
    assert answer.status_code == 400
    assert "todavía no se pueden mandar fotos" in answer.text


def test_a_place_is_kept_with_how_sure_it_is(ana: Visitor, session: Session) -> None:
    ana.say("hay un bache")
    ana.post(lon="-99.15", lat="19.42", precision_m="14")
    message = inbound(session)[-1]
    assert (message.lon, message.lat) == (-99.15, 19.42)
    assert "Tu ubicación" in ana.look()


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"referer": "https://evil.example/chat"},
    ],
)
def test_a_form_of_another_site_is_refused_and_takes_no_thread_away(
    ana: Visitor, session: Session, headers: dict[str, str]
) -> None:
    ana.say("hay un bache")
    for path in ("/chat", "/chat/salir"):
        answer = ana.client.post(path, data={"body": "x"}, headers=headers, follow_redirects=False)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    assert len(inbound(session)) == 1


def test_a_plain_form_from_our_own_page_is_taken(ana: Visitor, session: Session) -> None:
    answer = ana.client.post(
        "/chat", data={"body": "hola"}, headers={"origin": "http://testserver"}, follow_redirects=False
    )
    assert answer.status_code == 303
    assert inbound(session)[0].body == "hola"


def test_the_limit_of_one_visitor_is_said_and_what_was_written_stays(session: Session) -> None:
    make_city(session)
    settings = make_settings().model_copy(update={"limits": Limits(chat_per_visitor=2, chat_per_address=0)})
    ana = Visitor(TestClient(make_app(settings), base_url="https://testserver"), session)
    codes = [ana.post(body=f"mensaje {n}").status_code for n in range(5)]
    assert codes == [303, 303, 303, 429, 429]  # before the first there is no visitor to count
    answer = ana.client.post("/chat", data={"body": "y otro"}, headers={**ana.headers, "x-chat": "page"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "muchos mensajes" in answer.json()["error"]


def test_the_limit_of_one_address_counts_newcomers(session: Session) -> None:
    make_city(session)
    settings = make_settings().model_copy(update={"limits": Limits(chat_per_visitor=0, chat_per_address=2)})
    app = make_app(settings)
    codes = [
        Visitor(TestClient(app, base_url="https://testserver"), session).post(body="hola").status_code for _ in range(4)
    ]
    assert codes == [303, 303, 429, 429]


def test_a_frame_keeps_its_token_itself_and_a_page_never_sees_it(app: FastAPI, session: Session) -> None:
    framed, whole = (TestClient(app, base_url="https://testserver") for _ in range(2))
    headers = {"sec-fetch-site": "same-origin"}
    told = framed.post("/chat", data={"body": "hola"}, headers={**headers, "x-chat": "frame"}).json()
    assert tokens.read(KEY, told["token"], now=clock.now()).city == CITY
    answer = whole.post("/chat", data={"body": "hola"}, headers={**headers, "x-chat": "page"})
    assert "token" not in answer.json()
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert "samesite=lax" in answer.headers["set-cookie"].lower()
    # Without its cookies, as in a frame.
    thread = (
        TestClient(app, base_url="https://testserver")
        .get("/chat/hilo", headers={"authorization": f"Bearer {told['token']}"})
        .json()
    )
    assert "hola" in thread["html"]
    again = framed.post(
        "/chat",
        data={"body": "otra"},
        headers={**headers, "x-chat": "frame", "authorization": f"Bearer {told['token']}"},
    )
    assert again.json() == {"is_taken": True}
    assert len(session.exec(select(ContactPoint)).all()) == 2


def test_only_the_citys_sites_may_show_the_frame(ana: Visitor, session: Session) -> None:
    city = session.exec(select(Conversation)).first() or make_origins(session, ["https://www.prueba.gob.example"])
    assert city is not None
    framed = ana.client.get("/chat/marco").headers["content-security-policy"]
    whole = ana.client.get("/chat").headers["content-security-policy"]
    assert framed.endswith("frame-ancestors 'self' https://www.prueba.gob.example")
    assert whole.endswith("frame-ancestors 'none'")
    assert "script-src 'self';" in framed


def make_origins(session: Session, origins: list[str]) -> object:
    from intake.catalog.models import Jurisdiction

    city = session.get_one(Jurisdiction, CITY)
    city.settings = {**city.settings, ORIGINS: origins}
    session.add(city)
    session.flush()
    return city


def test_english_goes_all_the_way(ana: Visitor, session: Session) -> None:
    ana.path = "/en/chat"
    page = ana.look()
    assert "Write to Ciudad Prueba" in page
    assert 'action="/en/chat"' in page
    assert 'href="/chat" lang="es"' in page
    assert ana.post(body="there is a pothole").headers["location"].startswith("/en/chat?espera=6")
    assert "Automatic answer" in (work(session) or ana.look())
    assert "Message" not in ana.client.get("/en/chat/hilo").json()["html"]


def test_the_page_looks_again_by_itself_only_while_it_waits(ana: Visitor, session: Session) -> None:
    where = ana.post(body="hay un bache").headers["location"]
    assert '<noscript><meta http-equiv="refresh" content="2; url=/chat?espera=5#fin">' in ana.client.get(where).text
    work(session)
    assert "http-equiv" not in ana.client.get(where).text
    assert "http-equiv" not in ana.look()


def test_sizes(ana: Visitor, session: Session) -> None:
    assert len((STATIC / "widget.js").read_bytes()) < 15_000
    page = len(ana.look().encode())
    assert page + len((STATIC / "chat.js").read_bytes()) < 50_000
    packed = len(ana.client.get("/chat/widget.js", headers={"accept-encoding": "identity"}).content)
    assert packed < 15_000


def test_scripts_may_be_embedded_and_kept(ana: Visitor) -> None:
    widget = ana.client.get("/chat/widget.js")
    assert widget.headers["content-type"].startswith("text/javascript")
    assert widget.headers["cross-origin-resource-policy"] == "cross-origin"
    asked = re.search(r'src="(/chat/chat\.js\?v=\w+)"', ana.look())
    assert asked
    assert "immutable" in ana.client.get(asked[1]).headers["cache-control"]


def test_the_stream_is_for_who_has_a_thread(ana: Visitor) -> None:
    assert ana.client.get("/chat/vivo").status_code == 403


def test_when_the_database_is_away_the_words_come_back_under_the_same_name(ana: Visitor) -> None:
    cid = ana.cid()
    away = db.make_engine("postgresql+psycopg://nobody@127.0.0.1:1/nowhere", pool_size=1)
    here = db.bind()
    db.configure(away)
    answer = ana.post(cid=cid, body="hay una fuga en Niebla 4")
    scripted = ana.client.post(
        "/chat", data={"cid": cid, "body": "hay una fuga"}, headers={**ana.headers, "x-chat": "page"}
    )
    db.configure(here)
    away.dispose()
    assert answer.status_code == scripted.status_code == 503
    assert ">hay una fuga en Niebla 4</textarea>" in answer.text
    assert f'name="cid" value="{cid}"' in answer.text
    assert "error" in scripted.json()


def test_switched_off_there_is_no_chat(session: Session) -> None:
    make_city(session)
    settings = make_settings().model_copy(update={"web_chat": WebChat(enabled=False)})
    assert TestClient(make_app(settings), base_url="https://testserver").get("/chat").status_code == 404


def test_a_page_that_is_not_there_and_a_body_that_is_none(ana: Visitor) -> None:
    assert ana.client.get("/chat/nada").status_code == 404
    torn = ana.client.post(
        "/chat", content=b"--x\r\n", headers={**ana.headers, "content-type": "multipart/form-data; boundary=x"}
    )
    assert torn.status_code == 400
    assert "No pudimos leer el formulario" in torn.text
