"""The error tree. A domain error carries its HTTP status and a text a reader can act on.

AtiendeError
├── InvalidInput          400  what was sent cannot be used, and says why
├── NotSignedIn           401  nobody is signed in
├── Forbidden             403  known caller, not allowed (or a bad key or signature)
│   └── ForgedWebhook     403  a provider's signature is missing or wrong
├── NotFound              404  no such thing, or not for this reader
├── Conflict              409  somebody was faster, or the state does not allow it
├── TooLarge              413
├── TooMany               429  slow down; `retry_after_s` says how long
├── Unavailable           503  a dependency is down; nothing was accepted
├── Fault                 500  something that nobody foresaw; the log has it
└── MisconfiguredError    500  a setting is missing or wrong
"""

from kernel.i18n import translate


class AtiendeError(Exception):
    """Base of every error we raise on purpose.

    `text` is the Spanish source text (a msgid with `{named}` fields); `params` fill it; `field` names the input at fault.
    """

    status = 500

    def __init__(self, text: str, *, field: str | None = None, **params: object) -> None:
        super().__init__(text)
        self.text = text
        self.field = field
        self.params = params

    def public_text(self, language: str = "es") -> str:
        """What the reader sees, in their language."""
        return translate(language, self.text, **self.params)

    def __str__(self) -> str:
        return self.public_text("es")


class InvalidInput(AtiendeError):
    status = 400


class NotSignedIn(AtiendeError):
    status = 401


class Forbidden(AtiendeError):
    status = 403


class ForgedWebhook(Forbidden):
    pass


class NotFound(AtiendeError):
    status = 404


class Conflict(AtiendeError):
    status = 409


class TooLarge(AtiendeError):
    status = 413


class TooMany(AtiendeError):
    status = 429

    def __init__(self, text: str, *, retry_after_s: int, field: str | None = None, **params: object) -> None:
        super().__init__(text, field=field, **params)
        self.retry_after_s = retry_after_s


class Unavailable(AtiendeError):
    """`retry_after_s`: whoever is away has said for how long."""

    status = 503

    def __init__(
        self, text: str, *, retry_after_s: float | None = None, field: str | None = None, **params: object
    ) -> None:
        super().__init__(text, field=field, **params)
        self.retry_after_s = retry_after_s


class MisconfiguredError(AtiendeError):
    status = 500


class Fault(AtiendeError):
    """Told in place of an exception that is none of these."""
