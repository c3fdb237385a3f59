"""Adds this folder's routes to the application."""

from fastapi import FastAPI


def install(app: FastAPI) -> None:
    """Called once by the composition root."""
