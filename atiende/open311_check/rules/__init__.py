"""The rules, a file per section of the standard. Each file ends with its `RULES`; `register.py` puts them in order."""
