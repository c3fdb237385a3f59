"""Messages about a confidential report: none goes to the calling number, unless the caller asks for them once it is made."""

from dataclasses import replace

from channels.voice.ivr.turn import Turn
from channels.voice.ivr.values import Page
from intake.service_requests import actions as service_requests
from intake.service_requests import queries as service_request_queries
from intake.service_requests.models import ServiceRequest


def offered(turn: Turn) -> ServiceRequest | None:
    """The report made last in this call, if it is confidential and messages about it could go; None else."""
    script = turn.script
    if not script.reported or script.no_messages or not turn.can_write:
        return None
    made = service_request_queries.reports_in(turn.session, turn.call.conversation_id)
    newest = script.reported[-1]
    return next((request for _, request in made if request.folio == newest and not request.is_public), None)


def asked_for(turn: Turn) -> Page | None:
    """They want them, about this report alone; once is as good as twice. None where none were offered."""
    request = offered(turn)
    if request is None:
        return None
    script = turn.script
    service_requests.want_notices(turn.session, turn.call.conversation_id, request.id)
    script.is_consent_told = True  # by the offer, whatever they heard before
    told, offer = turn.say("messages_asked"), turn.say("after_report_private")
    if not script.page:
        return turn.again(told)
    page = Page.from_json(script.page)
    script.page = replace(page, says=tuple(said for said in page.says if said != offer)).to_json()
    return replace(page, says=(told, turn.say("after_report")))
