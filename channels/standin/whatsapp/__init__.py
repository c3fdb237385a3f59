"""WhatsApp at the stand-in: what a phone can send, Twilio's Content API and media, and a page that is such a phone."""
