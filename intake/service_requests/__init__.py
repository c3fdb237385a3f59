"""The queue: submitting, changing and reading service requests, with their reports, decisions and events."""
