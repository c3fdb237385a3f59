"""Telling agencies' own systems of each change by Standard Webhooks: subscriptions, deliveries, signatures."""
