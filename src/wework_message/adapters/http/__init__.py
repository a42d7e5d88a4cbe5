"""A small HTTP/1.1 client for the calls whose outcome must be known exactly; the only adapter that other adapters may import.

It distinguishes a request that was provably not sent (`NotWrittenError`) from one whose outcome is uncertain (`LostError`).
"""

from wework_message.adapters.http.client import HttpClient
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

__all__ = [
    "Answer",
    "ExchangeError",
    "HttpClient",
    "LostError",
    "LostReason",
    "NotWrittenError",
    "NotWrittenReason",
    "Timing",
    "boot_ms",
]
