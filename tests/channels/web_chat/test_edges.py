"""What comes with a message and what is refused in words, frames and limits, sizes and absences."""

import re
from html import unescape
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import Session, select
from starlette.testclient import TestClient

from channels.attachment_jobs import take_attachment
from channels.web_chat import tokens
from channels.web_chat.posting import MOST_LETTERS
from channels.web_chat.rendering import ORIGINS, STATIC
from intake.conversations import actions as conversations
from intake.conversations.attachment_models import MessageAttachment
from intake.conversations.models import Conversation
from intake.media.storage import Shelf
from intake.people.models import ContactPoint
from kernel import clock, db
from kernel.settings import Limits, WebChat
from tests.browser.cast import pothole
from tests.channels.chatting import Visitor, work
from tests.channels.conftest import make_settings
from tests.channels.web_chat.conftest import inbound, make_app
from tests.factories import CITY, make_city

pytestmark = pytest.mark.database

KEY = b"s" * 32
EVIL = "<img src=x onerror=alert(1)>\"'</script>"


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
