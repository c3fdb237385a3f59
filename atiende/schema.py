"""Every table of the program, in one metadata: imported by migrations and by the test that compares the two."""

import agent_console.models as console_models
import channels.app.models as resident_models
import channels.email.models as email_models
import channels.models as channel_models
import intake.calls.limit_models as call_limit_models
import intake.calls.line_models as call_line_models
import intake.calls.models as call_models
import intake.catalog.models as catalog_models
import intake.changes.models as change_models
import intake.classifier.models as classifier_models
import intake.conversations.attachment_models as attachment_models
import intake.conversations.models as conversation_models
import intake.conversations.waiting_answers as waiting_answers
import intake.distribution.models as distribution_models
import intake.forecasts.models as forecast_models
import intake.incidents.models as incident_models
import intake.media.models as media_models
import intake.open311.models as open311_models
import intake.people.code_models as code_models
import intake.people.guess_models as guess_models
import intake.people.models as people_models
import intake.people.spending_models as spending_models
import intake.service_requests.clock_models as clock_models
import intake.service_requests.duplicates.models as duplicate_models
import intake.service_requests.models as service_request_models
import intake.service_requests.rule_models as rule_models
import intake.service_requests.target_models as target_models
import intake.webhooks.models as webhook_models
import intake.whatif.models as whatif_models
import kernel.outbox as outbox_models
import routing.draft_models as routing_draft_models
import routing.models as routing_models
from kernel.db import metadata

# Importing a module declares its tables; naming the modules keeps the imports in use.
MODULES = (
    email_models,
    outbox_models,
    routing_models,
    routing_draft_models,
    catalog_models,
    people_models,
    code_models,
    guess_models,
    service_request_models,
    clock_models,
    forecast_models,
    rule_models,
    incident_models,
    spending_models,
    target_models,
    duplicate_models,
    media_models,
    change_models,
    classifier_models,
    open311_models,
    webhook_models,
    whatif_models,
    conversation_models,
    attachment_models,
    waiting_answers,
    call_models,
    call_limit_models,
    call_line_models,
    distribution_models,
    resident_models,
    channel_models,
    console_models,
)

__all__ = ["MODULES", "metadata"]
