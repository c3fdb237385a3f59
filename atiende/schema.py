"""Every table of the program, in one metadata: imported by migrations and by the test that compares the two."""

import routing.models  # noqa: F401
from kernel.db import metadata

__all__ = ["metadata"]
