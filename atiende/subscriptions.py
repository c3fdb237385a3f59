"""Which jobs each event starts: the one visible table. Jobs are dotted paths of functions that take the event's ids."""

from kernel.jobs import paths_of, together

# Whoever numbers changes, of this event or of others, sees to the webhooks that wait for numbers.
_TELL_AGENCIES = ("intake.changes.jobs.number_changes", "intake.webhooks.jobs.queue_deliveries")

SUBSCRIPTIONS: dict[str, list[str]] = {
    "message.received": ["intake.conversations.jobs.advance_conversation"],
    "inbound_payload.tried_again": ["channels.jobs.take_in_payload"],
    "spending.resumed": ["intake.conversations.jobs.answer_waiting"],
    "contact_code.asked": ["intake.conversations.jobs.send_code"],
    "attachment.received": ["channels.attachment_jobs.take_attachment"],
    "attachment.place_kept": ["intake.conversations.jobs.offer_place_of_photo"],
    "attachment.for_request": ["intake.conversations.jobs.give_photo"],
    "media_file.received": ["intake.media.jobs.prepare_photo"],
    "call.ended": ["channels.voice.jobs.arrange_call", "intake.calls.jobs.end_call"],
    "call_bridge.changed": ["channels.voice.jobs.arrange_call"],
    "agent.left_call": ["intake.calls.jobs.leave_call"],
    "call_leg.twice": ["channels.voice.jobs.hang_up_twice"],
    "call_recording.available": ["channels.voice.jobs.keep_recording"],
    "message.filed": ["intake.calls.jobs.leave_out_filed"],
    "message.queued": ["channels.jobs.deliver_message"],
    "bulk_message.queued": ["channels.jobs.deliver_bulk_message"],
    "service_request.submitted": [
        "intake.conversations.jobs.tell_resident",
        together(
            "intake.calls.jobs.leave_out_reported",
            *_TELL_AGENCIES,
            "intake.service_requests.duplicates.jobs.find_duplicates",
            "intake.incidents.jobs.attach_reported",
            "intake.service_requests.jobs.look_at_address",
        ),
    ],
    "service_request.joined": [
        "intake.conversations.jobs.tell_joined",
        "intake.incidents.jobs.attach_joined",
        "intake.service_requests.jobs.look_at_joined_address",
    ],
    "service_request.updated": ["intake.conversations.jobs.tell_resident", together(*_TELL_AGENCIES)],
    "alert_feed.added": ["channels.alert_jobs.look_at_feed"],
    "incident.updated": ["intake.conversations.jobs.tell_attached"],
    "incident.attached_earlier": ["intake.conversations.jobs.tell_attached"],
    "incident.reopened": ["intake.conversations.jobs.tell_attached"],
    "incident.ended": ["intake.conversations.jobs.tell_attached", "intake.incidents.jobs.close_line"],
    "incident_update.told_some": ["intake.conversations.jobs.tell_attached"],
    "whatif_run.started": ["intake.whatif.jobs.advance_run"],
    "whatif_run.advanced": ["intake.whatif.jobs.advance_run"],
    "rules.published": ["intake.whatif.jobs.plan_reroutes"],
    "rules.withdrawn": ["intake.whatif.jobs.drop_reroutes"],
    "reroute_round.due": ["intake.whatif.jobs.look_for_reroutes"],
    "reroute_round.looked": ["intake.whatif.jobs.look_for_reroutes"],
    "reroutes.accepted": ["intake.whatif.jobs.carry_out_reroutes"],
    "work_item.accepted": ["channels.voice.jobs.follow_work_item", "intake.conversations.jobs.follow_work_item"],
    "work_item.requeued": ["channels.voice.jobs.follow_work_item", "intake.conversations.jobs.follow_work_item"],
    "work_item.wrapping": ["channels.voice.jobs.follow_work_item"],
    "work_item.ended": ["channels.voice.jobs.follow_work_item", "intake.conversations.jobs.follow_ended_work"],
    "webhook_delivery.queued": ["intake.webhooks.jobs.deliver_webhook"],
}

# Jobs that go before the others: under load an answer that is ready is worth more than one more that is begun.
FIRST = (
    "channels.voice.jobs.follow_work_item",
    "channels.voice.jobs.arrange_call",
    "channels.jobs.deliver_message",
)

# Jobs that wait until nothing else is due.
BULK = ("channels.jobs.deliver_bulk_message",)

# Seconds between runs of the jobs that go by the clock: they find what an interrupted one left behind.
PERIODIC: dict[str, float] = {
    "channels.app.jobs.forget_drafts": 600,
    "channels.alert_jobs.look_at_feeds": 60,
    "channels.jobs.fetch_mail": 1,
    "channels.jobs.reconcile": 120,
    "channels.attachment_jobs.sweep": 60,
    "channels.jobs.sweep": 30,
    "channels.voice.jobs.sweep": 2,
    "channels.voice.jobs.end_recordings": 600,
    "channels.jobs.take_in_payloads": 5,
    "intake.changes.jobs.sweep": 10,
    "intake.conversations.jobs.forget_codes": 60,
    "intake.conversations.jobs.forget_photo_places": 60,
    "intake.conversations.jobs.make_unanswered_reports": 60,
    "intake.calls.jobs.end_silent_calls": 60,
    "intake.calls.jobs.forget_counts": 3600,
    "intake.forecasts.jobs.refresh_forecasts": 600,
    "intake.incidents.jobs.look_for_bursts": 300,
    "intake.media.jobs.tidy_up": 600,
    "intake.service_requests.jobs.escalate": 20,
    "intake.service_requests.jobs.count_rule_use": 60,
    "intake.webhooks.jobs.sweep": 5,
    "intake.whatif.jobs.sweep": 15,
}


def job_paths() -> set[str]:
    """Every job that an event or the clock may start."""
    return {path for jobs in SUBSCRIPTIONS.values() for job in jobs for path in paths_of(job)} | set(PERIODIC)
