"""A small HTTP/1.1 client for the calls whose outcome must be known exactly; the only adapter that other adapters may import.

It distinguishes a request that was provably not sent (`NotWrittenError`) from one whose outcome is uncertain (`LostError`).
Protocols of other packages may use it too: a change here is a change for them.
"""

from wework_message.adapters.http.calls import Transport, answer_or_outcome
from wework_message.adapters.http.client import HttpClient, verifying_context
from wework_message.adapters.http.download import Download
from wework_message.adapters.http.exchange import (
    Answer,
    ExchangeError,
    LostError,
    LostReason,
    NotWrittenError,
    NotWrittenReason,
    Timing,
    boot_ms,
)
from wework_message.adapters.http.statuses import (
    REFUSING,
    THROTTLING,
    is_success,
    outcome_of_status,
    retry_after_ms,
)

__all__ = [
    "REFUSING",
    "THROTTLING",
    "Answer",
    "Download",
    "ExchangeError",
    "HttpClient",
    "LostError",
    "LostReason",
    "NotWrittenError",
    "NotWrittenReason",
    "Timing",
    "Transport",
    "answer_or_outcome",
    "boot_ms",
    "is_success",
    "outcome_of_status",
    "retry_after_ms",
    "verifying_context",
]
