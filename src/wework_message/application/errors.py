"""Errors of use cases. Each class is mapped once per entrypoint; `code` is API (D-23)."""

import math
from collections.abc import Sequence
from typing import ClassVar

from wework_message.domain.access.rates import Limited
from wework_message.domain.access.scopes import Scope
from wework_message.domain.callers import CallbackRefusal
from wework_message.domain.errors import WeworkMessageError


class ApplicationError(WeworkMessageError):
    """A use case cannot do what the caller asked."""


class NotFoundError(ApplicationError):
    """Nothing has this id, or the caller may not see it."""

    code: ClassVar[str] = "NOT_FOUND"

    def __init__(self, what: str) -> None:
        """`what` is the kind of thing that was not found, such as ``message``."""
        super().__init__(f"no such {what}")
        self.what = what


class UnauthenticatedError(ApplicationError):
    """Nobody is known by what the caller shows: it is wrong, revoked, expired, or its tenant is disabled. All look the same."""

    code: ClassVar[str] = "UNAUTHENTICATED"

    def __init__(self) -> None:
        """The text is always the same."""
        super().__init__("a valid key or token is needed")


class ForbiddenError(ApplicationError):
    """The caller is known, and its key or token lacks a scope; nothing was changed."""

    code: ClassVar[str] = "FORBIDDEN"

    def __init__(self, scope: Scope) -> None:
        """`scope` is the missing one."""
        super().__init__(f"this needs the scope {scope.value}")
        self.scope = scope


class MediaInUseError(ApplicationError):
    """A message that does not rest needs the asset; nothing was deleted."""

    code: ClassVar[str] = "MEDIA_IN_USE"

    def __init__(self) -> None:
        """No message is named: there may be thousands."""
        super().__init__("a message that does not rest needs this media asset")


class CallbackRefusedError(ApplicationError):
    """Whoever brings a callback may not; it is answered as a path that does not exist, and `refusal` is counted."""

    code: ClassVar[str] = "NOT_FOUND"

    def __init__(self, refusal: CallbackRefusal) -> None:
        """`refusal` is no answer to the caller."""
        super().__init__("not found")
        self.refusal = refusal


class IdempotencyConflictError(ApplicationError):
    """The key was used before, for another request (D-25)."""

    code: ClassVar[str] = "IDEMPOTENCY_CONFLICT"

    def __init__(self) -> None:
        """The wording never repeats the key."""
        super().__init__("this idempotency key was used before with another request")


class UnknownNameError(ApplicationError):
    """The request names something that is not configured; `path` is the field with the name."""

    code: ClassVar[str] = "VALIDATION_FAILED"

    def __init__(self, path: str, what: str) -> None:
        """`path` such as ``providerCode``; `what` is the kind of thing that is not known."""
        super().__init__(f"{path}: no such {what}")
        self.path = path
        self.message = f"no such {what}"


class AccountDisabledError(ApplicationError):
    """The sender is switched off: nothing is accepted for it; `path` is the field that names it."""

    code: ClassVar[str] = "ACCOUNT_DISABLED"

    def __init__(self, path: str) -> None:
        """`path` is ``guid``, ``accountId`` or ``pool``."""
        self.path = path
        self.message = "the account is disabled"
        super().__init__(f"{path}: {self.message}")


class NoCapabilityError(ApplicationError):
    """No account that the request may go to can ever send this type, or this size, or at this provider; `path` is the field."""

    code: ClassVar[str] = "NO_CAPABILITY"

    def __init__(self, path: str, message: str) -> None:
        """`path` is ``pool``; `message` says whose capabilities lack it."""
        self.path = path
        self.message = message
        super().__init__(f"{path}: {message}")


class UnfitMediaError(ApplicationError):
    """The media that the request names are not there, or not what the message needs; `path` is the field."""

    code: ClassVar[str] = "VALIDATION_FAILED"

    def __init__(self, path: str, message: str) -> None:
        """`path` such as ``mediaId`` or ``messages[3].videoDuration``; `message` says what is wrong."""
        self.path = path
        self.message = message
        super().__init__(f"{path}: {message}")


class PoolTakenError(ApplicationError):
    """Another process has just given a conversation of a pool to another account: nothing was stored, and it must be resolved again."""

    code: ClassVar[str] = "UNAVAILABLE"

    def __init__(self) -> None:
        """The text is always the same."""
        super().__init__("another process begins this conversation: try again")


class BatchRefusedError(ApplicationError):
    """Nothing of a batch was accepted, or one item of an atomic batch was not; nothing was stored (D-46)."""

    code: ClassVar[str] = "VALIDATION_FAILED"

    def __init__(self, refusals: Sequence[tuple[int, ApplicationError]]) -> None:
        """`refusals` are the refused items' places, from 0, and why."""
        super().__init__(f"{len(refusals)} of the batch's items were refused")
        self.refusals = tuple(refusals)


class BatchConflictError(BatchRefusedError):
    """The same, and every refused item's key was used before with another request (409)."""

    code: ClassVar[str] = "IDEMPOTENCY_CONFLICT"


class ConfirmationRequiredError(ApplicationError):
    """A mass send to so many needs a second request with this token; nothing of it was stored."""

    code: ClassVar[str] = "CONFIRMATION_REQUIRED"

    def __init__(self, token: str, *, recipients: int, chunks: int, expires_at: int) -> None:
        """`expires_at` in epoch ms; the wording never has the token."""
        super().__init__("the same request with confirmToken sends it")
        self.token = token
        self.recipients = recipients
        self.chunks = chunks
        self.expires_at = expires_at


class NotImplementedYetError(ApplicationError):
    """Not at this provider: its protocol has no such thing, or its settings do not allow it; `path` names the field or route."""

    code: ClassVar[str] = "NOT_IMPLEMENTED"

    def __init__(self, path: str, message: str) -> None:
        """`message` says what is missing."""
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class InstanceOnlineError(ApplicationError):
    """The instance is logged in already; nobody is asked for a login."""

    code: ClassVar[str] = "ILLEGAL_STATE"

    def __init__(self) -> None:
        """The text is always the same."""
        super().__init__("the instance is online already")


class ProviderRefusedError(ApplicationError):
    """The provider answered that it does not do what was asked of it."""

    code: ClassVar[str] = "PROVIDER_REFUSED"

    def __init__(self, error_code: int | None) -> None:
        """`error_code` is the provider's, where it has one."""
        shown = "" if error_code is None else f" with code {error_code}"
        super().__init__(f"the provider refused{shown}")


class DrainingError(ApplicationError):
    """The process is shutting down and takes no new work (503, connection closed)."""

    code: ClassVar[str] = "UNAVAILABLE"

    def __init__(self) -> None:
        """The text is always the same."""
        super().__init__("shutting down")


class TooManyWaitersError(ApplicationError):
    """As many requests of this process wait for a change as may (503); the message is as it was."""

    code: ClassVar[str] = "UNAVAILABLE"

    def __init__(self) -> None:
        """The text is always the same."""
        super().__init__("too many requests wait already: ask again later, or without waiting")


class OverloadedError(ApplicationError):
    """The process has as much to do as it can do in time (503); nothing was done."""

    code: ClassVar[str] = "OVERLOADED"

    def __init__(self) -> None:
        """The text is always the same."""
        super().__init__("overloaded: repeat it later")


class RateLimitedError(ApplicationError):
    """More requests than the caller may make (429); nothing was done."""

    code: ClassVar[str] = "RATE_LIMITED"

    def __init__(self, limited: Limited, wait_ms: float) -> None:
        """`limited` says whose limit it is; after `wait_ms` a repetition succeeds, unless other requests are faster."""
        super().__init__(f"more requests than this {limited} may make: repeat it after the time of Retry-After")
        self.retry_after_s = max(1, math.ceil(wait_ms / 1000))


class UnquotableError(ApplicationError):
    """The message that `quoteMessageId` names cannot be quoted."""

    code: ClassVar[str] = "VALIDATION_FAILED"
    path: ClassVar[str] = "quoteMessageId"

    def __init__(self, message: str) -> None:
        """`message` says why."""
        super().__init__(f"{self.path}: {message}")
        self.message = message
