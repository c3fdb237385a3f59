"""Alerts as the Common Alerting Protocol 1.2 (OASIS, ITU-T X.1303) writes them: read from others, written for others. Pure."""
