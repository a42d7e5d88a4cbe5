"""The root of our error taxonomy and the errors a domain rule raises.

``code`` is API (stable, upper snake case); the wording of a message is not.
"""

from typing import ClassVar


class WeworkMessageError(Exception):
    """Root of every error this package raises on purpose; `code` is stable, the text is safe to show."""

    code: ClassVar[str] = "INTERNAL"


class DomainError(WeworkMessageError):
    """A rule of the domain refused; nothing was changed."""

    code: ClassVar[str] = "VALIDATION_FAILED"


class InvalidValueError(DomainError, ValueError):
    """A value is outside what the field allows; `path` names the field in the JSON's own spelling.

    It is a `ValueError` so that msgspec turns it into a located validation error when it is raised while decoding.
    """

    def __init__(self, path: str, message: str) -> None:
        """`path` such as ``content`` or ``messages[3].fileId``; `message` never contains the value."""
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class IllegalTransitionError(DomainError):
    """The status of the message forbids the change; the message is unchanged."""

    code: ClassVar[str] = "ILLEGAL_STATE"

    def __init__(self, status: str, trigger: str) -> None:
        """`status` of the message, and the refused `trigger`."""
        super().__init__(f"a message that is {status} cannot be moved by {trigger}")
        self.status = status
        self.trigger = trigger


class ContentErasedError(IllegalTransitionError):
    """The content of the message is erased: nothing is left that could be sent. The message is unchanged."""

    code: ClassVar[str] = "CONTENT_ERASED"

    def __init__(self, status: str, trigger: str) -> None:
        """As for any refused change; the text says why."""
        super().__init__(status, trigger)
        self.args = (f"the content of the message is erased: it cannot be moved by {trigger}",)


class ConflictError(WeworkMessageError):
    """A guard of the store refused a write: another writer was faster, or an invariant would break; nothing was changed."""

    code: ClassVar[str] = "CONFLICT"


class UnavailableError(WeworkMessageError):
    """A dependency did not answer. Nothing was accepted; the same request may be repeated (503)."""

    code: ClassVar[str] = "UNAVAILABLE"

    def __init__(self, dependency: str, cause: str = "does not answer") -> None:
        """`dependency` such as ``database``; `cause` is safe text."""
        super().__init__(f"{dependency}: {cause}")
        self.dependency = dependency
        self.cause = cause


class TryAgainError(UnavailableError):
    """The store gave the transaction up: nothing was written, and a repetition of the whole transaction may succeed."""

    def __init__(self, dependency: str, cause: str, *, lost_connection: bool = False) -> None:
        """`lost_connection`: the connection was lost; else another transaction was in the way."""
        super().__init__(dependency, cause)
        self.lost_connection = lost_connection
