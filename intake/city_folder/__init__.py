"""A city as a folder of files: reading it, checking it, writing it into the database."""
