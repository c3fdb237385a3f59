"""Servers that the program brings along: PostgreSQL and Valkey from wheels, started under the data folder."""
