"""What every MediaGateway does. Subclasses provide `uploading`: a gateway, its provider's files, and ways to spoil it."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import pytest

from wework_message.domain.ids import Guid
from wework_message.domain.media.handles import UploadKind
from wework_message.domain.ports.media_gateway import MediaGateway, Upload, UploadOutcome

FILE: Final = b"\x89PNG" * 500
BY_URL: Final = frozenset({UploadKind.PREVIEW, UploadKind.PICTURE_URL})
FAULTS: Final = ("answer_lost", "reset", "http_500", "html", "slow", "throttle", "offline")
"""After each of them an upload may be made again; the last one belongs to the instance."""


@dataclass(frozen=True, slots=True)
class Uploading:
    """A gateway and what is around it."""

    gateway: MediaGateway
    hasty: MediaGateway
    """The same, with a deadline that a slow provider misses."""
    address: str
    """A URL with `FILE` behind it."""
    missing: str
    """A URL with nothing behind it."""
    spoil: Callable[[str], Awaitable[None]]
    """Let one of `FAULTS`, or ``refuse``, happen to the next upload."""
    taken: Callable[[], Awaitable[int]]
    """How many uploads the provider has taken, as it says itself."""

    def upload(self, kind: UploadKind = UploadKind.IMAGE, *, address: str | None = None, guid: str = "g-1") -> Upload:
        md5 = hashlib.md5(FILE, usedforsecurity=False).hexdigest()
        return Upload(Guid(guid), kind, address or self.address, len(FILE), md5)


class MediaGatewayContract:
    @pytest.mark.parametrize("kind", UploadKind)
    async def test_each_kind_gets_a_handle_with_what_it_needs(self, uploading: Uploading, kind: UploadKind) -> None:
        end = await uploading.gateway.upload(uploading.upload(kind))
        assert end.outcome is UploadOutcome.UPLOADED
        handle = end.handle
        assert handle is not None
        assert (handle.md5, handle.size) == (uploading.upload().md5, len(FILE))
        assert (bool(handle.url), bool(handle.file_id)) == (kind in BY_URL, kind not in BY_URL)
        assert bool(handle.aes_key) is (kind not in BY_URL | {UploadKind.BIG})

    async def test_an_upload_may_be_repeated(self, uploading: Uploading) -> None:
        ends = [await uploading.gateway.upload(uploading.upload()) for _ in range(2)]
        assert [end.outcome for end in ends] == [UploadOutcome.UPLOADED] * 2
        assert await uploading.taken() == 2

    async def test_bytes_that_the_provider_will_not_take_are_refused(self, uploading: Uploading) -> None:
        await uploading.spoil("refuse")
        end = await uploading.gateway.upload(uploading.upload())
        assert (end.outcome, end.handle, end.guid_offline) == (UploadOutcome.REFUSED, None, False)
        assert end.error_code is not None

    @pytest.mark.parametrize("fault", FAULTS)
    async def test_whatever_else_happens_it_is_to_be_tried_again(self, uploading: Uploading, fault: str) -> None:
        await uploading.spoil(fault)
        gateway = uploading.hasty if fault == "slow" else uploading.gateway
        end = await gateway.upload(uploading.upload())
        assert (end.outcome, end.handle) == (UploadOutcome.RETRY, None)
        assert end.guid_offline is (fault == "offline")
        assert end.retry_after_ms == (2_000 if fault == "throttle" else None)

    @pytest.mark.parametrize("guid", ["", "\ud83d", "g\0"], ids=ascii)
    async def test_nothing_raises(self, uploading: Uploading, guid: str) -> None:
        assert (await uploading.gateway.upload(uploading.upload(guid=guid))).outcome in UploadOutcome

    async def test_the_address_is_in_no_text(self, uploading: Uploading, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG")
        upload = uploading.upload(address=uploading.missing)
        end = await uploading.gateway.upload(upload)
        assert uploading.missing not in f"{upload!r} {end!r} {caplog.text}"
