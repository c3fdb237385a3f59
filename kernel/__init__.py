"""Plumbing that any program of this kind needs: settings, database, outbox, jobs, live wake-ups, clock, ids, crypto, errors.

No rule about cities, requests, channels or operators lives here, and nothing here imports a folder above it.
"""
