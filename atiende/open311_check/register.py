"""Every rule, in the order in which a visit goes through them.

Posting goes before reading, so that a server without requests has some to read; privacy goes last and looks at everything.
"""

from atiende.open311_check.rules import (
    definitions,
    discovery,
    errors,
    extensions,
    formats,
    lists,
    posting,
    privacy,
    refusals,
    requests,
    services,
    single,
    tokens,
    updates,
)
from atiende.open311_check.verdicts import Rule

RULES: tuple[Rule, ...] = (
    *discovery.RULES,
    *services.RULES,
    *definitions.RULES,
    *posting.RULES,
    *refusals.RULES,
    *tokens.RULES,
    *requests.RULES,
    *single.RULES,
    *lists.RULES,
    *formats.RULES,
    *extensions.RULES,
    *updates.RULES,
    *errors.RULES,
    *privacy.RULES,
)
SECTIONS: tuple[str, ...] = tuple(dict.fromkeys(rule.section for rule in RULES))
