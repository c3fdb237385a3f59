"""Photos that belong to requests: taken in, looked at, made harmless, kept in a store and served. Nothing else is kept there."""
