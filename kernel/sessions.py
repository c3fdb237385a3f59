"""The session that a handler may ask for: between `kernel.db`, which knows no web framework, and those who serve."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends
from sqlmodel import Session

from kernel.db import transaction


def _request_transaction() -> Iterator[Session]:
    with transaction() as session:
        yield session


# scope="function": the commit happens BEFORE the reply is sent; a failed commit must not look like a success.
SessionDep = Annotated[Session, Depends(_request_transaction, scope="function")]
