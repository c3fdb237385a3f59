"""Where providers call us."""

from fastapi import APIRouter

router = APIRouter()
