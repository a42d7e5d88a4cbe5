"""The results of one exchange with an HTTP server: an answer, provably nothing written, or lost."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from wework_message.domain.errors import WeworkMessageError
from wework_message.domain.outcomes import Reason

NotWrittenReason = Literal[
    Reason.POOL, Reason.DNS, Reason.CONNECT, Reason.TLS, Reason.TOO_LATE, Reason.CLOSED
]  # fmt: skip
"""POOL: no connection became free in time. DNS, CONNECT, TLS: the step that failed or took too long.
TOO_LATE: `Timing.write_before_boot_ms` had passed. CLOSED: the client was closed."""

LostReason = Literal[
    Reason.WRITE, Reason.READ, Reason.DEADLINE, Reason.PROTOCOL, Reason.OVERSIZE, Reason.CLOSED
]  # fmt: skip
"""WRITE, READ: the connection broke, or ended before the end of the answer. DEADLINE: `Timing.total_ms` passed.
PROTOCOL: not HTTP/1.x. OVERSIZE: the head or the body exceeds its cap. CLOSED: the client was closed."""

_BOOT_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_ms() -> float:
    """Milliseconds since boot, including the time in which the machine was suspended where the system counts it (Linux).

    A process that was stopped, or whose machine was suspended, sees the missed time; the clock of the event loop may not.
    """
    return time.clock_gettime(_BOOT_CLOCK) * 1000


class ExchangeError(WeworkMessageError):
    """There is no answer. The text contains the reason only, nothing of the request or the answer."""

    code: ClassVar[str] = "PROVIDER_UNREACHABLE"


class NotWrittenError(ExchangeError):
    """Provably no byte of this request was sent: it may be sent again."""

    def __init__(self, reason: NotWrittenReason) -> None:
        """`reason` is the step at which the call ended."""
        super().__init__(f"request not written: {reason}")
        self.reason: NotWrittenReason = reason


class LostError(ExchangeError):
    """At least one byte may have been sent: whether the server executed the request is uncertain."""

    def __init__(self, reason: LostReason, status: int | None = None, headers: Mapping[str, str] | None = None) -> None:
        """`reason` is how the exchange ended; it proves nothing about the server.

        `status` and `headers`, as in `Answer`, of an answer whose head came as a whole, and whose body did not.
        """
        super().__init__(f"answer lost: {reason}")
        self.reason: LostReason = reason
        self.status = status
        self.headers: Mapping[str, str] = headers or {}


@dataclass(frozen=True, slots=True)
class Timing:
    """The deadlines of one call. The values are milliseconds above 0, else `ValueError`.

    Fields:
        total_ms: deadline of the whole call, from the wait for a connection to the last byte of the answer.
        connect_ms: DNS, TCP and TLS together, within `total_ms`.
        write_before_boot_ms: instant on the boot clock of the client after which the first byte must not be written,
            such as the instant of the intent of the attempt + 2000; `None` sets no limit.
    """

    total_ms: int
    connect_ms: int = 2000
    write_before_boot_ms: float | None = None

    def __post_init__(self) -> None:
        if self.total_ms <= 0 or self.connect_ms <= 0:
            raise ValueError("total_ms and connect_ms must be above 0")


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer, of any status including 3xx; informational answers (1xx) are skipped.

    Fields:
        status: 200 to 999.
        headers: names in lower case; values of a repeated name are joined by ``", "``. Trailers are dropped.
        body: as received, without the chunking; a content encoding is not decoded (none is requested).
        elapsed_ms: since the start of the call, including the wait for a connection.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_ms: float
