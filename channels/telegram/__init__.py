"""Telegram over the Bot API: updates that come by webhook, messages that go out as a bot. The library is python-telegram-bot."""
