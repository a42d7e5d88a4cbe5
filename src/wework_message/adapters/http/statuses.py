"""What the HTTP status of an answer proves where its body proves nothing."""

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason

REFUSING: Final = frozenset({400, 401, 403, 404, 405, 413, 422})
"""Statuses of a server that did not do what it was asked for."""
THROTTLING: Final = 429

_SECONDS: Final = re.compile(r"[0-9]{1,9}")


def is_success(status: int) -> bool:
    """Whether an HTTP status means success."""
    return 200 <= status < 300  # noqa: PLR2004 -- numbers of HTTP


def outcome_of_status(status: int, headers: Mapping[str, str]) -> AttemptOutcome:
    """The outcome of an answer without success and without a body in the provider's form; `headers` have lower-case names.

    THROTTLED for 429, REFUSED_PERMANENT for `REFUSING`, UNCERTAIN for any other status: a proxy may have given up after
    the provider had done it.
    """
    if status == THROTTLING:
        return AttemptOutcome(
            OutcomeClass.THROTTLED, reason=Reason.of_status(THROTTLING), retry_after_ms=retry_after_ms(headers)
        )
    kind = OutcomeClass.REFUSED_PERMANENT if status in REFUSING else OutcomeClass.UNCERTAIN
    return AttemptOutcome(kind, reason=Reason.of_status(status))


def retry_after_ms(headers: Mapping[str, str]) -> int | None:
    """`Retry-After` in ms, from seconds or a date relative to the `Date` of the answer, at least 0; None without a readable one.

    It is what the server asks for. How much of it is kept, the rules say: those of providers, and those of webhooks.
    """
    retry_after = headers.get("retry-after", "")
    if _SECONDS.fullmatch(retry_after):
        return int(retry_after) * 1_000
    until, now = _date(retry_after), _date(headers.get("date", ""))
    if until is None or now is None:
        return None
    return max(int((until - now).total_seconds() * 1_000), 0)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year, or an offset, of 20 digits
        return None
    return date if date.tzinfo is not None else None
