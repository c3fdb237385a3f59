"""What many people report at once: one incident with its area and topics, who is attached, and what they are told of it."""
