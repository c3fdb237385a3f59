"""The demo city: sets up a data folder, starts every process, keeps them running."""
