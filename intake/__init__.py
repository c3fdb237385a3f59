"""The system of record: people, catalogue, conversations, service requests, and the Open311 face of it.

Layered inside: open311 > conversations > service_requests > catalog | people.
"""
