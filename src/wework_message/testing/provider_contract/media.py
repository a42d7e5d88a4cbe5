"""Uploads, where a protocol takes files: whatever happens it is an end, no address is shown, and no send waits for one."""

import asyncio
from typing import Final

import pytest

from wework_message.domain.ids import Guid
from wework_message.domain.media.handles import UploadKind
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import MessageGateway
from wework_message.domain.ports.media_gateway import MediaGateway, Upload, UploadOutcome
from wework_message.domain.ports.protocols import ProviderProtocol
from wework_message.domain.ports.system import Clock
from wework_message.testing.provider_contract.faults import Fault
from wework_message.testing.provider_contract.fixtures import ProviderFixtures
from wework_message.testing.provider_contract.gateway import GatewayContract
from wework_message.testing.provider_contract.http_provider import HttpProvider

SIGNATURE: Final = "5ec2e7-4711"
"""A secret in the address of a file."""


class MediaContract(GatewayContract, ProviderFixtures):
    """Skipped for a protocol whose gateway is no `MediaGateway`."""

    def to_upload(self, guid: Guid, kind: UploadKind = UploadKind.IMAGE) -> Upload:
        """An upload of a picture; nothing serves it, as the provider of the suite fetches nothing."""
        return Upload(guid, kind, f"http://127.0.0.1:9/files/a.png?signature={SIGNATURE}", 2_000, "0" * 32)

    @pytest.mark.parametrize("kind", UploadKind)
    async def test_a_file_gets_a_handle_or_is_refused(
        self, gateway: MessageGateway, guid: Guid, kind: UploadKind
    ) -> None:
        end = await _uploader(gateway).upload(self.to_upload(guid, kind))
        assert end.outcome is not UploadOutcome.RETRY
        assert (end.handle is not None) == (end.outcome is UploadOutcome.UPLOADED)
        if end.handle is not None:
            assert end.handle.file_id or end.handle.url
            assert end.handle.md5
            assert end.handle.size > 0

    @pytest.mark.parametrize(
        "fault",
        [
            Fault.CLOSED_UNREAD, Fault.RESET_AFTER_BODY, Fault.HALF_ANSWER, Fault.HTTP_500, Fault.THROTTLED, Fault.HTML,
            Fault.EMPTY_OBJECT, Fault.DEEP_JSON,
        ],
    )  # fmt: skip
    async def test_no_fault_of_an_upload_is_a_handle_or_a_refusal(
        self, protocol: ProviderProtocol, provider: HttpProvider, guid: Guid, fault: Fault
    ) -> None:
        provider.misbehave_anywhere()
        async with provider, self.opened(protocol, provider.url) as gateway:
            uploader = _uploader(gateway)
            provider.misbehave(fault)
            end = await uploader.upload(self.to_upload(guid))
            assert (end.outcome, end.handle) == (UploadOutcome.RETRY, None)
            assert (await uploader.upload(self.to_upload(guid))).outcome is UploadOutcome.UPLOADED

    async def test_an_upload_to_an_unreachable_provider_is_to_be_tried_again(
        self, unreachable: MessageGateway, guid: Guid
    ) -> None:
        end = await _uploader(unreachable).upload(self.to_upload(guid))
        assert (end.outcome, end.handle) == (UploadOutcome.RETRY, None)

    async def test_no_send_waits_for_an_upload(
        self, protocol: ProviderProtocol, provider: HttpProvider, clock: Clock, guid: Guid
    ) -> None:
        provider.misbehave_anywhere()
        async with provider, self.opened(protocol, provider.url, calls=1) as gateway:
            uploader = _uploader(gateway)
            provider.hold()
            uploading = asyncio.ensure_future(uploader.upload(self.to_upload(guid)))
            await provider.until(lambda at: at.arrived == 1)
            sending = asyncio.ensure_future(gateway.send(self.to_send(clock, guid)))
            await provider.until(lambda at: at.arrived == 2)
            provider.release()
            provider.release()
            assert (await sending).kind is OutcomeClass.ACCEPTED
            assert (await uploading).outcome is UploadOutcome.UPLOADED

    async def test_the_address_of_a_file_is_never_shown(
        self, protocol: ProviderProtocol, provider: HttpProvider, guid: Guid, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        provider.misbehave_anywhere()
        async with provider, self.opened(protocol, provider.url) as gateway:
            uploader, upload = _uploader(gateway), self.to_upload(guid)
            shown = []
            for fault in (Fault.REPEATED_REQUEST, Fault.HTTP_500, Fault.NOT_HTTP):
                provider.misbehave(fault)
                shown.append(repr(await uploader.upload(upload)))
        assert SIGNATURE not in f"{shown} {caplog.text}"


def _uploader(gateway: MessageGateway) -> MediaGateway:
    if not isinstance(gateway, MediaGateway):
        pytest.skip("the protocol takes no files")
    return gateway
