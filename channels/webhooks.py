"""Where providers call us: `/webhooks/<channel>` for messages, `/webhooks/<channel>/status` for what became of ours.

The answer is sent after everything was committed. A database that is away gives 503, so that the provider calls again.
"""

from datetime import datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from sqlmodel import Session, select

from channels import registry
from channels.registry import Channel
from channels.values import OptOutSignal, Webhook, WebhookEvent
from intake.catalog.models import Jurisdiction
from intake.conversations import actions as conversations
from intake.conversations.values import DeliveryReceipt, InboundMessage
from intake.people import actions as people
from kernel import clock, db
from kernel.bodies import BodyDep
from kernel.errors import AtiendeError, NotFound, Unavailable
from kernel.web import SettingsDep

log = structlog.get_logger(__name__)

router = APIRouter()


def install(app: FastAPI) -> None:
    """Called once by the composition root."""
    webhooks = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    webhooks.state = app.state
    webhooks.include_router(router)
    webhooks.add_exception_handler(AtiendeError, _refuse)
    for lost in (OperationalError, InterfaceError, TimeoutError):
        webhooks.add_exception_handler(lost, _call_again)
    app.mount("/webhooks", webhooks)


def _refuse(http_request: Request, error: Exception) -> Response:
    # In plain words: nobody reads these pages, and a provider only looks at the number.
    assert isinstance(error, AtiendeError)
    log.info("webhook.refused", path=http_request.url.path, status=error.status, why=error.text)
    return PlainTextResponse(f"{error.public_text('en')}\n", status_code=error.status)


def _call_again(http_request: Request, error: Exception) -> Response:
    log.error("webhook.database", error=type(error).__name__)
    return PlainTextResponse("database\n", status_code=503)


def _webhook(http_request: Request, body: BodyDep) -> Webhook:
    scope = http_request.scope
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    return Webhook(
        path=raw_path.split(b"?")[0].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers={name.lower(): value for name, value in http_request.headers.items()},
        body=body,
        received_at=clock.now(),
    )


def _channel(channel_name: str, settings: SettingsDep) -> Channel:
    if channel_name not in registry.CHANNELS:
        raise NotFound("No hay tal canal.")
    found = registry.connected().get(channel_name) or registry.CHANNELS[channel_name](settings)
    if found is None:
        raise Unavailable("El canal {name} no está conectado en esta instalación.", name=channel_name)
    return found


WebhookDep = Annotated[Webhook, Depends(_webhook)]
ChannelDep = Annotated[Channel, Depends(_channel)]


@router.post("/{channel_name}")
@router.post("/{channel_name}/status")
def post_webhook(webhook: WebhookDep, channel: ChannelDep) -> Response:
    channel.verify(webhook)
    accept(channel.parse(webhook), now=webhook.received_at)
    media_type, body = channel.acknowledge()
    return Response(body, media_type=media_type)


def accept(events: list[WebhookEvent], *, now: datetime) -> None:
    """Keeps everything a verified call told, in one transaction."""
    is_new = True
    with db.transaction() as session:
        for event in events:
            match event:
                case InboundMessage():
                    city = jurisdiction_of(session, event.channel, event.recipient)
                    _, is_new = conversations.receive_once(session, event, jurisdiction_id=city, now=now)
                case DeliveryReceipt():
                    conversations.apply_receipt(session, event, now=now)
                # The choice came with that message: told again, it must not undo what was chosen since.
                case OptOutSignal() if is_new:
                    _keep_choice(session, event, now=now)


def jurisdiction_of(session: Session, channel: str, recipient: str) -> str:
    """The city whose number was written to. A number that is no city's goes to the default one: better read than lost."""
    owner = session.exec(select(Jurisdiction.id).where(Jurisdiction.sms_number == recipient)).one_or_none()
    if owner is not None:
        return owner
    default = session.exec(select(Jurisdiction.id).where(Jurisdiction.is_default).limit(1)).one_or_none()
    if default is None:
        raise Unavailable("Todavía no hay ninguna ciudad en esta instalación.")
    log.info("webhook.number_of_no_city", channel=channel, used=default)
    return default


def _keep_choice(session: Session, signal: OptOutSignal, *, now: datetime) -> None:
    city = jurisdiction_of(session, signal.channel, signal.recipient)
    contact_point = people.find_or_create(session, city, "sender", signal.sender, now=now)
    if people.is_opted_out(session, contact_point.id) == signal.is_granted:
        people.record_consent(
            session, contact_point.id, purpose="notices", is_granted=signal.is_granted, words=signal.words, now=now
        )
    if not signal.is_granted:
        conversations.suppress_notices(session, contact_point.id, now=now)
