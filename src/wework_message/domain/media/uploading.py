"""What follows the end of an upload. It is not a send: it may be repeated freely."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from wework_message.domain.media.asset import MediaFailure
from wework_message.domain.media.fetched import JITTER, MAX_RETRY_AFTER_MS, MAX_TRIES, MAX_WAIT_MS, MIN_WAIT_MS
from wework_message.domain.media.handles import Handle


class UploadOutcome(StrEnum):
    """How an upload ended."""

    UPLOADED = "UPLOADED"
    RETRY = "RETRY"
    """Not now: no answer, throttled, instance offline, an answer that cannot be read."""
    REFUSED = "REFUSED"
    """The provider will not take these bytes as this kind."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The end of one upload."""

    outcome: UploadOutcome
    handle: Handle | None = None
    """With UPLOADED."""
    error_code: int | None = None
    """The provider's, where it answered one."""
    retry_after_ms: int | None = None
    guid_offline: bool = False
    """With RETRY: another instance may take it."""


@dataclass(frozen=True, slots=True)
class UploadLater:
    """It is due again."""

    wait_ms: int
    """From now, at least `MIN_WAIT_MS`."""


@dataclass(frozen=True, slots=True)
class UploadDropped:
    """It is not tried again: nobody waits for it. A message that needs it later has it made."""


NOT_NOW: Final = Uploaded(UploadOutcome.RETRY)
"""Nobody was asked: the store, the gateway or an address is away."""

AfterUpload: TypeAlias = Handle | MediaFailure | UploadLater | UploadDropped


def after_upload(uploaded: Uploaded, *, tries: int, awaited: bool, fraction: float) -> AfterUpload:
    """A handle, a refusal, or another try.

    `tries` were made before it (`MediaJob.tries`). `awaited`: an open message needs it. `fraction` in [0, 1) spreads the waits.
    """
    if uploaded.outcome is UploadOutcome.REFUSED:
        return MediaFailure.REFUSED
    if uploaded.outcome is UploadOutcome.UPLOADED and uploaded.handle is not None:
        return uploaded.handle
    if not awaited and tries + 1 >= MAX_TRIES:
        return UploadDropped()
    backoff_ms = min(MIN_WAIT_MS << min(tries, MAX_TRIES), MAX_WAIT_MS)
    asked_ms = min(max(uploaded.retry_after_ms or 0, 0), MAX_RETRY_AFTER_MS)
    return UploadLater(int(max(backoff_ms, asked_ms) * (1 + JITTER * fraction)))
