"""How instants look in answers: ISO-8601 in UTC with milliseconds and ``Z`` (D-23)."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, overload

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET: Final = len("+00:00")


@overload
def iso(ms: int) -> str: ...
@overload
def iso(ms: None) -> None: ...
@overload
def iso(ms: int | None) -> str | None: ...
def iso(ms: int | None) -> str | None:
    """Epoch ms as ``2025-08-08T10:15:30.123Z``; None stays None."""
    if ms is None:
        return None
    second, ms_of_second = divmod(ms, 1000)
    return f"{_to_the_second(second)}.{ms_of_second:03d}Z"


@lru_cache(256)
def _to_the_second(second: int) -> str:
    """Cached: most instants of one answer, and of neighbouring answers, have the same second."""
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:-_OFFSET]
