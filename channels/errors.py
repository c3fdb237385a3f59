"""Why a message did not go out, in three kinds.

DeliveryError
├── permanent   the provider refused it for good: trying again cannot help
├── uncertain   the provider may have taken it: trying again might send it twice
└── neither     it was certainly not taken: try again later
"""


class UnreadablePayload(Exception):
    """What came in can never be understood, however often it is read: it is kept for a person to look at."""


class FetchFailed(Exception):
    """An attachment was not had. `permanent`: it never will be; size_bytes: how large it is, where that is known.

    reason: gone, no_answer, too_slow, credentials, not_connected, or, for good, not_ours, led_astray, private_address, too_large,
    not_as_promised, unknown_kind.
    """

    def __init__(self, reason: str, *, permanent: bool = False, size_bytes: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.size_bytes = size_bytes


class DeliveryError(Exception):
    """A message was not confirmed by its provider. `reason` is one of `channels.reasons`, `permanent` excludes `uncertain`.

    retry_after_s: the provider asks to wait so long before the next try.
    """

    def __init__(
        self, reason: str, *, permanent: bool = False, uncertain: bool = False, retry_after_s: float | None = None
    ) -> None:
        assert not (permanent and uncertain)
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.uncertain = uncertain
        self.retry_after_s = retry_after_s
