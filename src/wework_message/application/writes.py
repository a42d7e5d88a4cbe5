"""Whether the database takes writes, as this process observes it (D-48)."""

import logging
from collections.abc import Callable
from typing import Final

from wework_message.domain.errors import TryAgainError, UnavailableError

_log: Final = logging.getLogger(__name__)


class Writes:
    """The result of the newest write of this process. A change is logged with its cause."""

    def __init__(self, boot_s: Callable[[], float]) -> None:
        """`boot_s` is a clock that is never set back, seconds."""
        self._boot_s = boot_s
        self._succeeded_at: float | None = None
        self.cause: str | None = None
        """Why nothing can be written; None = the newest write succeeded, or there was none."""

    def succeeded(self) -> None:
        """A transaction was committed."""
        self._succeeded_at = self._boot_s()
        if self.cause is not None:
            self.cause = None
            _log.warning("the database takes writes again")

    def failed(self, error: UnavailableError) -> None:
        """A transaction was not. One that another transaction was in the way of says nothing about the database."""
        if isinstance(error, TryAgainError) and not error.lost_connection:
            return
        if self.cause is None:
            _log.warning("nothing can be written, readiness is down: %s", error)
        self.cause = str(error)

    def succeeded_within(self, seconds: float) -> bool:
        """Whether a transaction was committed in the last `seconds`."""
        return self._succeeded_at is not None and self._boot_s() - self._succeeded_at <= seconds
