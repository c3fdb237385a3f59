"""How often somebody asked about numbers of reports that there are not."""

from datetime import datetime

from sqlalchemy import Column, Integer, Text, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant


class FolioGuess(SQLModel, table=True):
    """How many wrong folios a scope (an address, all hidden numbers, a city) asked about in an hour."""

    __tablename__ = "folio_guess"

    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id", primary_key=True)
    scope: str = Field(sa_type=Text, primary_key=True)
    hour: datetime = Field(sa_type=Instant, primary_key=True)
    wrong: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
