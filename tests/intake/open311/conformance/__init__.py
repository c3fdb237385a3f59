"""GeoReport v2 rule by rule, from outside. Tables of cases: what is asked, what must be answered, after which rule it is named.

Each case is asked in both formats, and both answers must say the same by the standard's mapping (`spark.py`). What holds
for every answer is checked on every answer (`desk.py`); a row of a table says only what is its own.
"""
