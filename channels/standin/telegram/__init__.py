"""The stand-in's Telegram: a Bot API for one bot, people who write to it, and a page on which a visitor is one of them."""
