"""The telephone over Twilio: what we are told by webhook, and the TwiML that answers it.

Nothing is sent by voice, so it is no channel of messages (`channels/registry.py`).
"""
