"""An alert and its parts, by the names of the standard, and what each may be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shapely.geometry.base import BaseGeometry

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
# The one before has the same elements.
NAMESPACES = (NAMESPACE, "urn:oasis:names:tc:emergency:cap:1.1")
STATUSES = ("Actual", "Exercise", "System", "Test", "Draft")
MESSAGE_TYPES = ("Alert", "Update", "Cancel", "Ack", "Error")
SCOPES = ("Public", "Restricted", "Private")
CATEGORIES = (
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other",
)  # fmt: skip
URGENCIES = ("Immediate", "Expected", "Future", "Past", "Unknown")
SEVERITIES = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
CERTAINTIES = ("Observed", "Likely", "Possible", "Unlikely", "Unknown")


@dataclass(frozen=True, slots=True)
class Reference:
    """Another message: `sender,identifier,sent`."""

    sender: str
    identifier: str
    sent: datetime

    @property
    def key(self) -> str:
        return f"{self.sender},{self.identifier}"


@dataclass(frozen=True, slots=True)
class AlertArea:
    """description: as its sender calls it; shape: EPSG:4326 lon-lat, None where only words or codes say where."""

    description: str
    shape: BaseGeometry | None = None


@dataclass(frozen=True, slots=True)
class Info:
    """What is said in one language. language: a BCP 47 tag; the standard's default is en-US."""

    event: str
    category: tuple[str, ...] = ("Other",)
    urgency: str = "Unknown"
    severity: str = "Unknown"
    certainty: str = "Unknown"
    language: str = "en-US"
    effective: datetime | None = None
    expires: datetime | None = None
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    web: str = ""
    contact: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    areas: tuple[AlertArea, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """One message of CAP."""

    identifier: str
    sender: str
    sent: datetime
    status: str
    message_type: str
    scope: str
    infos: tuple[Info, ...] = ()
    references: tuple[Reference, ...] = ()
    note: str = ""

    @property
    def reference(self) -> Reference:
        return Reference(self.sender, self.identifier, self.sent)
