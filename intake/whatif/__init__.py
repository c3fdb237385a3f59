"""Trying drafts on the past: reads requests and drafts, keeps and prints what `routing.whatif` finds, and proposes re-routing."""
