"""Why a message did not go out, in three kinds.

DeliveryError
├── permanent   the provider refused it for good: trying again cannot help
├── uncertain   the provider may have taken it: trying again might send it twice
└── neither     it was certainly not taken: try again later
"""


class UnreadablePayload(Exception):
    """What came in can never be understood, however often it is read: it is kept for a person to look at."""


class DeliveryError(Exception):
    """A message was not confirmed by its provider. `reason` is one of `channels.reasons`, `permanent` excludes `uncertain`."""

    def __init__(self, reason: str, *, permanent: bool = False, uncertain: bool = False) -> None:
        assert not (permanent and uncertain)
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.uncertain = uncertain
