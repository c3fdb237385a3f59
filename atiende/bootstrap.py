"""Wires one process: engine, keys and channels, from settings. Composition roots (web, worker, command) start here, or with
`atiende.database` where that is enough.
"""

from sqlalchemy import Engine

from atiende.database import configure_storage
from channels import registry
from channels.voice import line as voice_line
from channels.voice.twilio_line import TwilioLine
from intake.media import storage
from intake.webhooks import config as webhooks
from kernel import crypto
from kernel.settings import Settings


def configure(settings: Settings) -> Engine:
    """Storage, keys, photos, channels and webhooks."""
    crypto.configure(settings.secrets.vault())
    storage.configure(storage.shelf_for(settings))
    registry.connect(settings)
    voice_line.configure(TwilioLine.from_settings(settings))
    webhooks.configure(
        webhooks.Config(settings.web.public_base_url, settings.webhooks.allow_loopback, settings.webhooks.timeout_s)
    )
    return configure_storage(settings)
