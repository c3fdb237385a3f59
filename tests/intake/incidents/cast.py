"""A supervisor, a storm over the south, and people who write about it."""

from typing import Any
from uuid import UUID

from shapely.geometry import box
from sqlmodel import Session

from intake.conversations import actions as conversations
from intake.conversations.models import Conversation
from intake.incidents import actions, attaching
from intake.incidents.actions import By
from intake.incidents.models import Incident
from intake.incidents.values import Draft
from intake.people import actions as people
from intake.people.addresses import read
from kernel.ids import new_id
from tests.factories import CITY, NOW

SUSANA = By(new_id(), "Susana")
SUR = box(-99.20, 19.30, -99.10, 19.40)
WRITTEN = {"es": "Sabemos de la lluvia en Sur. Ya se atiende.", "en": "We know of the rain in Sur. Crews are on it."}


def draft(**values: Any) -> Draft:
    defaults: dict[str, Any] = {
        "kind": "storm",
        "title": {"es": "Lluvia fuerte en Sur", "en": "Heavy rain in Sur"},
        "written": WRITTEN,
        "service_codes": ("FUGA",),
        "areas": ({"layer": "district", "code": "S", "name": "Sur"},),
        "geometry": SUR,
    }
    return Draft(**(defaults | values))


def opened(session: Session, **values: Any) -> Incident:
    return actions.open_incident(session, CITY, draft(**values), by=SUSANA, is_another=True, now=NOW)


def thread(session: Session, phone: str) -> Conversation:
    address = read("phone", phone)
    contact_point = people.find_or_create_address(session, CITY, address, now=NOW)
    return conversations.open_conversation(session, contact_point, "sms", now=NOW)


def attach(session: Session, incident: Incident, phone: str) -> UUID:
    made = thread(session, phone)
    attaching.attach(session, incident.id, conversation_id=made.id, now=NOW)
    return made.id
