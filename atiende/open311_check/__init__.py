"""Grading a GeoReport v2 server, ours or anybody's, from outside: rules, the questions they ask, and the table.

A client program: it imports no database and nothing of our own server, so that it cannot share the server's mistakes. Each rule
is a function of a `Visit`, which asks over HTTP and remembers every answer. How to read the result: docs/open311-check.md.
"""
