"""Threads with residents over any text channel: receiving, the automatic dialogue, replying. No provider is known here."""
