"""WhatsApp over Twilio: what people send, the window in which they may be answered, buttons and lists."""
