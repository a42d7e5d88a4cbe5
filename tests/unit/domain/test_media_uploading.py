"""What follows an upload: a handle, a refusal, or another try, for as long as somebody waits."""

from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.media.asset import MediaFailure
from wework_message.domain.media.fetched import MAX_RETRY_AFTER_MS, MAX_TRIES, MAX_WAIT_MS, MIN_WAIT_MS
from wework_message.domain.media.handles import Handle
from wework_message.domain.media.uploading import NOT_NOW, UploadDropped, UploadLater, after_upload
from wework_message.domain.ports.media_gateway import Uploaded, UploadOutcome

HANDLE = Handle("file-1")


def test_a_handle_and_a_refusal_are_final() -> None:
    made = Uploaded(UploadOutcome.UPLOADED, HANDLE)
    assert after_upload(made, tries=0, awaited=True, fraction=0) is HANDLE
    refused = Uploaded(UploadOutcome.REFUSED, error_code=7)
    assert after_upload(refused, tries=0, awaited=True, fraction=0) is MediaFailure.REFUSED


def test_success_without_a_handle_is_tried_again() -> None:
    assert after_upload(Uploaded(UploadOutcome.UPLOADED), tries=0, awaited=True, fraction=0) == UploadLater(1_000)


def test_it_is_given_up_only_where_nobody_waits() -> None:
    last = MAX_TRIES - 1
    assert after_upload(NOT_NOW, tries=last, awaited=False, fraction=0) == UploadDropped()
    assert after_upload(NOT_NOW, tries=last, awaited=True, fraction=0) == UploadLater(MAX_WAIT_MS)
    assert after_upload(NOT_NOW, tries=last - 1, awaited=False, fraction=0) == UploadLater(MAX_WAIT_MS)


@given(st.integers(0, 10_000), st.none() | st.integers(-5, 10**9), st.floats(0, 1, exclude_max=True))
def test_waits_grow_and_are_bounded(tries: int, retry_after_ms: int | None, fraction: float) -> None:
    end = Uploaded(UploadOutcome.RETRY, retry_after_ms=retry_after_ms)
    later = after_upload(end, tries=tries, awaited=True, fraction=fraction)
    assert isinstance(later, UploadLater)
    assert MIN_WAIT_MS <= later.wait_ms <= 1.2 * max(MAX_WAIT_MS, MAX_RETRY_AFTER_MS)
    assert later.wait_ms >= min(retry_after_ms or 0, MAX_RETRY_AFTER_MS)
