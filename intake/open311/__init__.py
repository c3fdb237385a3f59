"""GeoReport v2 at the edge, JSON and XML. The only folder that sees the pair `lat, long`."""
