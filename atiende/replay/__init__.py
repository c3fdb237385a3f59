"""Replaying real rows through a running installation: reading them, sending them, and looking what became of each."""
