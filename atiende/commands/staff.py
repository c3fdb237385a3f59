"""`atiende staff`: accounts of the console, made and ended by whoever runs the installation."""

import os
import secrets
import sys

from sqlmodel import Session, select

from agent_console import accounts
from agent_console.models import ConsoleUser
from atiende import database
from intake.catalog import queries as catalog
from kernel import clock, db
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.settings import load_storage_settings
from routing import queries as routing

_PASSWORD_BYTES = 15
_SHORTEST_PASSWORD = 12


def add(email: str, *, name: str, role: str, jurisdiction: str, agency: str | None, from_stdin: bool) -> None:
    """Makes the account, or gives the one of that address in this city these values and a new password, and lets it in.

    A password that was made here is the only line on standard output, this once. Raises InvalidInput for values that do not go
    together, NotFound for the city, Conflict for an account of another city.
    """
    _check(email, name, role, agency)
    password = sys.stdin.readline().rstrip("\r\n") if from_stdin else secrets.token_urlsafe(_PASSWORD_BYTES)
    if len(password) < _SHORTEST_PASSWORD:
        raise InvalidInput("La contraseña necesita {count} caracteres o más.", count=_SHORTEST_PASSWORD)
    database.configure_storage(load_storage_settings(os.environ))
    with db.transaction() as session:
        catalog.jurisdiction(session, jurisdiction)
        check_agency(session, jurisdiction, agency)
        known = _account(session, email)
        if known is not None and known.jurisdiction_id != jurisdiction:
            raise Conflict("La cuenta {email} es de otra ciudad: {city}.", email=email, city=known.jurisdiction_id)
        user = accounts.ensure_user(
            session,
            jurisdiction_id=jurisdiction,
            email=email,
            name=name.strip(),
            role=role,
            password=password,
            agency_code=agency,
        )
        user.disabled_at = None
        session.add(user)
    sys.stderr.write(f"{user.email} · {user.role} · {jurisdiction}\n")
    if not from_stdin:
        sys.stdout.write(password + "\n")


def disable(email: str) -> None:
    """Keeps the account out and signs it out everywhere. Raises NotFound."""
    database.configure_storage(load_storage_settings(os.environ))
    with db.transaction() as session:
        user = _account(session, email)
        if user is None:
            raise NotFound("No hay ninguna cuenta {email}.", email=email)
        accounts.shut_out(session, user, now=clock.now())
        session.add(user)


def check_agency(session: Session, jurisdiction: str, code: str | None) -> None:
    """Raises InvalidInput for an agency that the city does not have; None is nobody's agency and fine."""
    known = routing.agencies(session, jurisdiction)
    if code is not None and code not in known:
        raise InvalidInput(
            "{city} no tiene la dependencia {code}; tiene: {known}.",
            city=jurisdiction,
            code=code,
            known=", ".join(known),
        )


def _check(email: str, name: str, role: str, agency: str | None) -> None:
    local, _, domain = email.strip().partition("@")
    if not local or not domain or " " in email.strip():
        raise InvalidInput("«{email}» no es un correo.", email=email)
    if not name.strip():
        raise InvalidInput("Falta el nombre de la persona.")
    if role not in accounts.ROLES:
        raise InvalidInput("No hay papel {role}; hay: {known}.", role=role, known=", ".join(accounts.ROLES))
    if (role == "agency") != (agency is not None):
        raise InvalidInput("El papel agency va con --agency CLAVE, y ningún otro papel la lleva.")


def _account(session: Session, email: str) -> ConsoleUser | None:
    return session.exec(select(ConsoleUser).where(ConsoleUser.email == accounts.tidy_email(email))).first()
