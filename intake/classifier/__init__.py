"""An optional second opinion on what a message is about, trained from a city's own requests. What decides lives elsewhere."""
