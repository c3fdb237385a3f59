"""Likely duplicates: how likely, who decided what, and requests that are one. How people are asked is elsewhere."""
