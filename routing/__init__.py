"""Who is responsible and by when: agencies, boundaries in force, rules, decisions and their receipts, working calendars.

`decide` is a function of values; reading rules from the database lives in `queries`, writing them in `actions`.
"""
