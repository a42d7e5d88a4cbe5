"""Whether the cluster answers; each change is logged once."""

import logging
from threading import Lock
from typing import Final

_log: Final = logging.getLogger(__name__)


class ConnectionState:
    """The result of the last call of one use of the cluster. Its methods may run in any thread."""

    def __init__(self, what: str) -> None:
        """`what` names the use, such as publishing."""
        self.what = what
        self._lock = Lock()
        self._healthy: bool | None = None
        self._reason: str | None = None

    @property
    def healthy(self) -> bool | None:
        """None: not used yet."""
        return self._healthy

    @property
    def reason(self) -> str | None:
        """Why the last call failed."""
        return self._reason

    def answered(self) -> None:
        """A call succeeded."""
        if self._healthy:
            return
        with self._lock:
            before, self._healthy, self._reason = self._healthy, True, None
        if before is False:
            _log.warning("RocketMQ is back: %s", self.what)

    def failed(self, reason: str) -> None:
        """A call failed; `reason` contains no address and no content."""
        with self._lock:
            before, self._healthy, self._reason = self._healthy, False, reason
        if before is not False:
            _log.warning("RocketMQ is away: %s failed (%s)", self.what, reason)
