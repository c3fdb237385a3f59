"""How residents reach us and hear back: one folder per channel, each an adapter to a provider or a set of pages.

PyPI has a package of this name (Django Channels); it is never installed beside ours.
"""
