"""The text that everybody reads: all of it goes through here."""

from intake.service_requests.masking.marks import HIDDEN
from intake.service_requests.masking.mask import mask, no_places
from intake.service_requests.masking.people import Places

__all__ = ["HIDDEN", "RULES_VERSION", "public_text"]

# Counted up when the rules change, so that texts stored under older ones can be found and masked again.
RULES_VERSION = 3


def public_text(text: str, places: Places = no_places) -> str:
    """`text` with contacts, plates, numbers of persons and names replaced by HIDDEN."""
    return mask(text, places).text
