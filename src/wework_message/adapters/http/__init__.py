"""A small HTTP/1.1 client for the calls whose outcome must be known exactly; the one adapter others may import.

It tells a request that provably never left (`NotWrittenError`) from one whose fate is uncertain (`LostError`).
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
