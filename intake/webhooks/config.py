"""What sending needs to know of the installation; told once by a composition root, or by a test."""

from dataclasses import dataclass

from kernel.errors import MisconfiguredError


@dataclass(frozen=True, slots=True)
class Config:
    """base_url: our own address, for links. allow_loopback: also http, and addresses of this machine, for the demo.

    timeout_s: the longest a whole call may take, from the look-up of the name to the last byte of the answer.
    """

    base_url: str
    allow_loopback: bool = False
    timeout_s: float = 10.0


_config: Config | None = None


def configure(config: Config | None) -> None:
    global _config
    _config = config


def config() -> Config:
    if _config is None:
        raise MisconfiguredError("Falta la dirección de esta instalación.")
    return _config
