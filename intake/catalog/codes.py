"""Which texts may be a code of ours: what else stood in its place is repeated to nobody, for it may be somebody's address."""

import re

_CODE = re.compile(r"(?!.*\d{8})[\w.:-]{1,40}")


def is_like_a_code(text: str) -> bool:
    """A word without an @, short, and no telephone."""
    return _CODE.fullmatch(text) is not None
