"""SMS over Twilio: webhook, delivery, receipts, and what fits in a segment."""
