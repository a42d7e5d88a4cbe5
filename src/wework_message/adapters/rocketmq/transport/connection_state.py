"""Whether the other side answers: what changes is told to the log, once each time."""

import logging
from threading import Lock
from typing import Final

_log: Final = logging.getLogger(__name__)


class ConnectionState:
    """What one use of the cluster has observed. Any thread may tell it."""

    def __init__(self, what: str) -> None:
        """`what` names the use, such as publishing."""
        self.what = what
        self._lock = Lock()
        self._here: bool | None = None
        self._reason: str | None = None

    @property
    def healthy(self) -> bool | None:
        """None = not used yet."""
        return self._here

    @property
    def reason(self) -> str | None:
        """Why it is away."""
        return self._reason

    def answered(self) -> None:
        """It did what it was asked."""
        if self._here:
            return
        with self._lock:
            was, self._here, self._reason = self._here, True, None
        if was is False:
            _log.warning("RocketMQ is back: %s", self.what)

    def failed(self, reason: str) -> None:
        """It did not; `reason` carries no address and no content."""
        with self._lock:
            was, self._here, self._reason = self._here, False, reason
        if was is not False:
            _log.warning("RocketMQ is away: %s failed (%s)", self.what, reason)
