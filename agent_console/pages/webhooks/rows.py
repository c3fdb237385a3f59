"""A webhook and its deliveries as the pages show them, in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.presentation import Look, ago, span_in_words
from agent_console.rows import names
from intake.webhooks import payload, queries
from intake.webhooks.models import Webhook, WebhookDelivery
from kernel.dates import day_in_words, moment_in_words
from kernel.i18n import translate

TYPES = {
    "service_request.submitted": "Reporte nuevo",
    "service_request.routed": "Llegó a una dependencia",
    "service_request.transferred": "Pasó a otra dependencia",
    "service_request.status_changed": "Cambió su estado",
    "service_request.noted": "Nota nueva",
    "service_request.escalated": "Venció un paso del plazo",
    "service_request.promise_moved": "Se movió el plazo",
    payload.TEST: "Prueba",
}
# state and reason -> word, icon, class
STATES = {
    ("active", None): ("Activo", "ok", "ok"),
    ("paused", "by_hand"): ("En pausa", "pause", "wait"),
    ("paused", "failing"): ("En pausa: no contesta", "alert", "danger"),
    ("disabled", "by_hand"): ("Terminado", "minus", "quiet"),
    ("disabled", "gone"): ("Terminado: ya no existe (410)", "minus", "quiet"),
}
ERRORS = {
    "bad_url": "la dirección no sirve",
    "private_address": "la dirección es de una red privada",
    "no_such_host": "ese nombre no existe en internet",
    "no_connection": "no hay quien conteste",
    "bad_certificate": "su certificado no es válido",
    "no_answer": "no contestó a tiempo",
    "disabled": "el aviso terminó antes",
}


@dataclass(frozen=True)
class WebhookRow:
    """`about`: whose requests; `trouble`: since when its address fails, blank when it does not."""

    id: UUID
    url: str
    about: str
    types: list[str]
    state: Look
    is_active: bool
    is_over: bool
    is_failing: bool
    told: str
    waiting: int
    trouble: str
    made: str
    made_by: str
    old_secret: str


@dataclass(frozen=True)
class DeliveryRow:
    id: UUID
    message_id: str
    what: str
    folio: str
    at: str
    result: Look
    detail: str
    attempts: int
    may_retry: bool


def rows_of(session: Session, viewer: Viewer, *, now: datetime) -> list[WebhookRow]:
    """The city's webhooks, those that ended last."""
    found = queries.listed(session, viewer.jurisdiction_id)
    waiting = queries.unfinished(session, [webhook.id for webhook in found])
    agencies = names(session, viewer).agencies
    return [_row(webhook, waiting.get(webhook.id, 0), agencies, viewer, now) for webhook in found]


def row_of(session: Session, viewer: Viewer, webhook: Webhook, *, now: datetime) -> WebhookRow:
    waiting = queries.unfinished(session, [webhook.id]).get(webhook.id, 0)
    return _row(webhook, waiting, names(session, viewer).agencies, viewer, now)


def _row(webhook: Webhook, waiting: int, agencies: Mapping[str, str], viewer: Viewer, now: datetime) -> WebhookRow:
    language, timezone = viewer.language, viewer.timezone
    text, icon, css = STATES[webhook.state, webhook.reason]
    code, is_over = webhook.agency_code, webhook.state == "disabled"
    is_failing = webhook.failing_since is not None and not is_over
    since = ago(webhook.failing_since, now, timezone, language) if is_failing and webhook.failing_since else ""
    old = webhook.old_secret_until if webhook.old_secret_until and webhook.old_secret_until > now else None
    return WebhookRow(
        id=webhook.id,
        url=webhook.url,
        about=agencies.get(code, code) if code else translate(language, "Lo público de la ciudad"),
        types=[translate(language, TYPES[name]) for name in webhook.event_types],
        state=Look(translate(language, text), icon, css),
        is_active=webhook.state == "active",
        is_over=is_over,
        is_failing=is_failing,
        told=ago(webhook.delivered_at, now, timezone, language) if webhook.delivered_at else "",
        waiting=waiting,
        trouble=translate(language, "Falla desde: {when}", when=since) if since else "",
        made=day_in_words(webhook.created_at, timezone, language, now=now),
        made_by=webhook.made_by,
        old_secret=moment_in_words(old, timezone, language, now=now) if old else "",
    )


def deliveries_of(
    session: Session, viewer: Viewer, webhook: Webhook, *, limit: int, now: datetime
) -> list[DeliveryRow]:
    """The newest deliveries."""
    may_retry = webhook.state != "disabled"
    return [
        _delivery(delivery, viewer, may_retry, now) for delivery in queries.deliveries(session, webhook.id, limit=limit)
    ]


def _delivery(delivery: WebhookDelivery, viewer: Viewer, may_retry: bool, now: datetime) -> DeliveryRow:
    language = viewer.language
    word = TYPES.get(delivery.event_type)
    detail = ""
    if delivery.http_status is not None:
        detail = translate(language, "contestó {status}", status=delivery.http_status)
    elif delivery.error is not None:
        detail = translate(language, ERRORS.get(delivery.error, delivery.error))
    return DeliveryRow(
        id=delivery.id,
        message_id=payload.message_id(delivery.id),
        what=translate(language, word) if word else delivery.event_type,
        folio=delivery.folio or "",
        at=ago(delivery.created_at, now, viewer.timezone, language),
        result=_result(delivery, language, now),
        detail=detail,
        attempts=delivery.attempts,
        may_retry=may_retry and (delivery.state == "failed" or (delivery.state == "queued" and delivery.attempts > 0)),
    )


def _result(delivery: WebhookDelivery, language: str, now: datetime) -> Look:
    if delivery.state == "delivered":
        return Look(translate(language, "Entregado"), "ok", "ok")
    if delivery.state == "failed":
        return Look(translate(language, "No se entregó"), "stop", "danger")
    if delivery.state == "sending" or delivery.attempts == 0:
        return Look(translate(language, "Por enviar"), "send", "info")
    if delivery.due_at <= now:
        return Look(translate(language, "Se intenta otra vez"), "loop", "wait")
    left = span_in_words(delivery.due_at - now, language)
    return Look(translate(language, "Otra vez en {span}", span=left), "loop", "wait")
