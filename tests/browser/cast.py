"""The tiny city with staff, a few requests in different states and a thread that waits for a person."""

from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from uuid import UUID

from PIL import Image, ImageDraw
from sqlmodel import Session

from agent_console.accounts import begin_session, ensure_user
from georef.points import LonLat
from intake.conversations import actions as threads
from intake.conversations import arrivals
from intake.conversations.values import InboundMessage
from intake.media import actions as actions_of_photos
from intake.media.models import MediaFile
from intake.media.reencoding import prepare
from intake.media.storage import new_key, shelf
from intake.media.values import SentFile
from intake.service_requests import actions
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor, Reporter, Submission
from kernel import clock
from tests.factories import CITY, IN_NORTE, IN_SUR, OUTSIDE, make_city

PASSWORD = "correct horse battery"
STAFF = {
    "operator": ("Amir Torres", None),
    "supervisor": ("Iván Soto", None),
    "agency": ("Cuadrilla Norte", "ALC-N"),
    "admin": ("Rosa Cruz", None),
}


@dataclass
class Cast:
    """What the pages show. tokens: a session cookie per role; folios by story."""

    tokens: dict[str, str] = field(default_factory=dict)
    folios: dict[str, str] = field(default_factory=dict)
    thread_id: UUID | None = None


def email_of(role: str) -> str:
    return f"{role}@prueba.example"


def report(session: Session, description: str = "Hay un bache", **values: object) -> ServiceRequest:
    """A request in the north, of agency ALC-N unless the service says otherwise."""
    given: dict[str, object] = {
        "jurisdiction_id": CITY,
        "service_code": "BACHE",
        "channel": "web",
        "description": description,
        "point": LonLat(*IN_NORTE),
        "precision_m": 30.0,
        "address_string": "Av. Sabinos 214",
    }
    return actions.submit(session, Submission(**(given | values)), now=clock.now())


def make_cast(session: Session) -> Cast:
    """Everything above, flushed."""
    city = make_city(session)
    lon, lat = IN_NORTE
    city.basemap = {
        "bbox": [-99.2, 19.3, -99.1, 19.5],
        "land": [{"rings": [[[-99.2, 19.3], [-99.1, 19.3], [-99.1, 19.5], [-99.2, 19.5], [-99.2, 19.3]]]}],
        "streets": [
            {"name": "Avenida Sabinos", "width": 3, "line": [[-99.2, lat + 0.0004], [-99.1, lat + 0.0006]]},
            {"name": "Niebla", "width": 1, "line": [[lon + 0.001, 19.3], [lon + 0.0012, 19.5]]},
        ],
        "water": [],
        "parks": [
            {"name": "Parque", "rings": [[[lon - 0.003, lat - 0.001], [lon - 0.001, lat - 0.001], [lon - 0.002, lat]]]}
        ],
        "labels": [{"text": "Norte", "at": [lon + 0.002, lat - 0.0005]}],
    }
    session.add(city)
    session.flush()
    cast = Cast()
    for role, (name, agency) in STAFF.items():
        user = ensure_user(
            session,
            jurisdiction_id=CITY,
            email=email_of(role),
            name=name,
            role=role,
            password=PASSWORD,
            agency_code=agency,
        )
        cast.tokens[role] = begin_session(session, user, now=clock.now())
    _tell_stories(session, cast)
    return cast


def _add_photos(session: Session, found: ServiceRequest) -> None:
    """Three photos of a pothole, the second hidden, and a fourth that is being prepared."""
    now = clock.now()
    files = [SentFile(pothole(number)) for number in range(4)]
    for position, sent in enumerate(files, start=1):
        session.flush()
        row = MediaFile(
            jurisdiction_id=CITY,
            sha256=sent.digest(),
            sent_type="image/jpeg",
            sent_bytes=len(sent.data),
            storage_key=new_key(),
            created_at=now,
            changed_at=now,
        )
        session.add(row)
        session.flush()
        actions_of_photos.attach(session, found, [row.id], now=now)
        if position < len(files):
            made = prepare(bytes(sent.data))
            for key, rendition in zip((row.photo_key, row.thumb_key), made, strict=True):
                shelf().storage.put(key, rendition.data)
            actions_of_photos.settle(session, row.id, made, now=now)
        if position == 2:
            actions_of_photos.show(
                session, found.id, row.id, is_public=False, actor=Actor("agent", "Amir Torres"), now=now
            )


def pothole(number: int) -> bytes:
    """A drawing that passes for a street with a hole in it."""
    picture = Image.new("RGB", (1200, 900), (150 - 12 * number, 147 - 10 * number, 140))
    pencil = ImageDraw.Draw(picture)
    pencil.polygon([(0, 0), (1200, 0), (1200, 300), (0, 430)], fill=(214, 206, 190))
    pencil.line([(0, 430), (1200, 300)], fill=(120, 118, 112), width=26)
    x = 380 + 110 * number
    pencil.ellipse([x, 520, x + 460, 740], fill=(70, 66, 62))
    pencil.ellipse([x + 60, 570, x + 400, 720], fill=(96, 130, 150))
    out = BytesIO()
    picture.save(out, "JPEG", quality=88)
    return out.getvalue()


def _tell_stories(session: Session, cast: Cast) -> None:
    now = clock.now()
    inbound = InboundMessage(
        "sms", "SM-cast-1", "+525512345678", "+525500000311", "Hay una fuga grande en av sabinos 214", now
    )
    message = arrivals.receive(session, inbound, jurisdiction_id=CITY, now=now)
    message.status = "handled"
    thread = threads.held(session, message.conversation_id)
    cast.thread_id = thread.id
    leak = report(
        session,
        message.body,
        service_code="FUGA",
        channel="sms",
        reporter=Reporter(thread.person_id, thread.contact_point_id),
        conversation_id=thread.id,
    )
    cast.folios["leak"] = leak.folio
    said = threads.queue_message(
        session, thread.id, "Vamos en camino.", client_ref="1", author_kind="agent", author_name="Amir Torres", now=now
    )
    said.status = "uncertain"
    operator = Actor("agent", "Amir Torres")
    actions.add_note(
        session, leak.id, text="Cerrar la válvula de Niebla.", audience="internal", actor=operator, now=now
    )
    actions.change_status(session, leak.id, life="in_progress", note="Cuadrilla 7, hoy 12:00.", actor=operator, now=now)
    inbound = InboundMessage(
        "sms", "SM-cast-2", "+525512345678", "+525500000311", "¿Sí van a venir hoy?", now + timedelta(seconds=1)
    )
    arrivals.receive(session, inbound, jurisdiction_id=CITY, now=now).status = "handled"
    pothole = report(session, "Un bache enorme frente a la escuela")
    cast.folios["pothole"] = pothole.folio
    late = report(session, "Sigue el bache", point=LonLat(*IN_SUR))
    late.requested_at, late.expected_at = now - timedelta(days=9), now - timedelta(hours=3)
    cast.folios["late"] = late.folio
    waiting = report(session, "Otro bache", address_string="Mercado de La Calera", point=None)
    actions.change_status(session, waiting.id, life="waiting_resident", note="¿Dónde es?", actor=operator, now=now)
    cast.folios["waiting"] = waiting.folio
    lamp = report(session, "No enciende", service_code="LUMINARIA", attributes={"TIPO_FALLA": ["apagada"]})
    actions.change_status(
        session, lamp.id, life="closed", outcome_code="resolved", note="Se cambió el foco.", actor=operator, now=now
    )
    cast.folios["closed"] = lamp.folio
    _add_photos(session, pothole)
    named = report(
        session,
        "Mi vecino Juan Pérez García tira cascajo frente a la casa de Alejandro, tel 55 1234 5678,"
        " y deja su Jetta gris ABC123D sobre la banqueta de la calle Benito Juárez",
        address_string="Av. Sabinos 214, casa de la señora María López",
    )
    actions.add_note(session, named.id, text="Hablamos con el señor Pérez.", audience="public", actor=operator, now=now)
    cast.folios["named"] = named.folio
    cast.folios["outside"] = report(session, "Fuera", point=LonLat(*OUTSIDE)).folio
    session.flush()
