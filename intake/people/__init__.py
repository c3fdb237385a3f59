"""Residents, their contact points and their consents. Nobody outside reads a sealed value without going through here."""
