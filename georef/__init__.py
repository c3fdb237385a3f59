"""Where things are: points, boundaries, gazetteer, geocoding. Values in, values out: no database, no web, no settings."""
