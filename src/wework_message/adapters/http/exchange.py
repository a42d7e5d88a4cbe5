"""What one exchange with an HTTP server may come to: an answer, provably nothing written, or lost."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from wework_message.domain.errors import WeworkMessageError
from wework_message.domain.outcomes import Reason

NotWrittenReason = Literal[
    Reason.POOL, Reason.DNS, Reason.CONNECT, Reason.TLS, Reason.TOO_LATE, Reason.CLOSED
]  # fmt: skip
"""POOL: no connection came free in time. DNS, CONNECT, TLS: the step that failed or outlived its time.
TOO_LATE: `Timing.write_before_boot_ms` had passed. CLOSED: the client was closed."""

LostReason = Literal[
    Reason.WRITE, Reason.READ, Reason.DEADLINE, Reason.PROTOCOL, Reason.OVERSIZE, Reason.CLOSED
]  # fmt: skip
"""WRITE, READ: the connection broke, or ended before the answer did. DEADLINE: `Timing.total_ms` passed.
PROTOCOL: not HTTP/1.x. OVERSIZE: the head or the body is over its cap. CLOSED: the client was closed."""

_BOOT_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_ms() -> float:
    """Milliseconds since boot, counting the time a machine was suspended where the system can (Linux).

    A process that was stopped or whose machine slept sees the time it missed, which the event loop's clock may hide.
    """
    return time.clock_gettime(_BOOT_CLOCK) * 1000


class ExchangeError(WeworkMessageError):
    """No answer. The text holds the reason only: nothing of the request, nothing of the answer."""

    code: ClassVar[str] = "PROVIDER_UNREACHABLE"


class NotWrittenError(ExchangeError):
    """Provably no byte of this request left us: it may be sent again."""

    def __init__(self, reason: NotWrittenReason) -> None:
        """`reason` names the step at which it ended."""
        super().__init__(f"request not written: {reason}")
        self.reason: NotWrittenReason = reason


class LostError(ExchangeError):
    """At least one byte may have left us: whether the server acted on the request is uncertain."""

    def __init__(self, reason: LostReason) -> None:
        """`reason` says how the exchange ended; it proves nothing about what the server did."""
        super().__init__(f"answer lost: {reason}")
        self.reason: LostReason = reason


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one call may take. The values are milliseconds above 0, else `ValueError`.

    Fields:
        total_ms: one deadline over everything, from waiting for a connection to the last byte of the answer.
        connect_ms: DNS, TCP and TLS together, inside `total_ms`.
        write_before_boot_ms: instant on the client's boot clock after which the first byte must not be written
            any more, such as the instant of the attempt's intent + 2000; `None` sets no limit.
    """

    total_ms: int
    connect_ms: int = 2000
    write_before_boot_ms: float | None = None

    def __post_init__(self) -> None:
        if self.total_ms <= 0 or self.connect_ms <= 0:
            raise ValueError("total_ms and connect_ms must be above 0")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, of any status, 3xx too; informational (1xx) ones are skipped.

    Fields:
        status: 200 to 999.
        headers: names in lower case; a repeated name has its values joined by ``", "``. Trailers are dropped.
        body: as it came, without the chunking; a content encoding is not undone (none is asked for).
        elapsed_ms: from the call's start, with the wait for a connection.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_ms: float
