"""The draft that a page is about, for the pages of rules and of what-ifs alike."""

import uuid
from typing import Annotated

from fastapi import Depends

from agent_console.access import ViewerDep
from kernel.sessions import SessionDep
from routing import drafts
from routing.draft_models import RoutingDraft


def _found(session: SessionDep, viewer: ViewerDep, draft_id: uuid.UUID) -> RoutingDraft:
    """Raises NotFound, also for another city's."""
    return drafts.find(session, viewer.jurisdiction_id, draft_id)


DraftDep = Annotated[RoutingDraft, Depends(_found)]
