"""One upload: the provider fetches the bytes from an address that is valid for a short time."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from wework_message.application.media.jobs import ClaimedJob
from wework_message.domain.ids import Guid, ProviderCode, TenantId
from wework_message.domain.media.asset import MediaAsset, MediaFacts, MediaFailure
from wework_message.domain.media.handles import Handle
from wework_message.domain.media.uploading import NOT_NOW, UploadDropped
from wework_message.domain.ports.media_gateway import MediaGateway, Upload, Uploaded
from wework_message.domain.ports.media_store import BlobKey, MediaStore

ADDRESS_S: Final = 15 * 60
"""How long a provider may fetch from an address."""

_log: Final = logging.getLogger(__name__)


class OwnAddresses(Protocol):
    """Addresses of this service."""

    def __call__(self, asset: MediaAsset, *, valid_s: int) -> str | None:
        """Where a provider reads the bytes for `valid_s` seconds; None: this service does not know how providers reach it."""
        ...


class Instances(Protocol):
    """Instances of a provider."""

    async def __call__(self, provider_code: ProviderCode, tenant_id: TenantId, *, without: Guid) -> Sequence[Guid]:
        """Others of this tenant that are not known to be offline. Raises `UnavailableError`."""
        ...


class UploadMedia:
    """Uploads bytes of the store to the providers of this process."""

    def __init__(
        self,
        store: MediaStore,
        own_address: OwnAddresses,
        gateways: Mapping[ProviderCode, MediaGateway],
        instances: Instances,
    ) -> None:
        """`own_address` is used where the store has no addresses, `instances` where the one of the job is offline."""
        self._store = store
        self._own_address = own_address
        self._gateways = gateways
        self._instances = instances
        self._warned = False

    async def __call__(self, claimed: ClaimedJob) -> Handle | MediaFailure | Uploaded | UploadDropped:
        """How it ended; `Uploaded` is another try, or what the provider answered. Raises `UnavailableError`.

        Where the asset was deleted, nobody needs it; a message that names another one with the same bytes has it made anew.
        """
        job, asset = claimed.job, claimed.asset
        if claimed.known is not None:
            return claimed.known
        if asset is None or asset.facts is None or job.provider_code is None or job.kind is None:
            return UploadDropped()
        if await self._store.size(BlobKey(asset.tenant_id, asset.facts.sha256)) is None:
            return MediaFailure.GONE
        gateway = self._gateways.get(job.provider_code)
        address = await self._address(asset, asset.facts)
        if gateway is None or job.guid is None or address is None:
            return NOT_NOW
        upload = Upload(job.guid, job.kind, address, asset.facts.size, asset.facts.md5)
        uploaded = await gateway.upload(upload)
        if uploaded.guid_offline:
            for guid in await self._instances(job.provider_code, job.tenant_id, without=job.guid):
                uploaded = await gateway.upload(replace(upload, guid=guid))
                if not uploaded.guid_offline:
                    break
        return uploaded

    async def _address(self, asset: MediaAsset, facts: MediaFacts) -> str | None:
        """The store's own, else ours."""
        key = BlobKey(asset.tenant_id, facts.sha256)
        address = await self._store.address(key, mime_type=facts.seen.mime_type, valid_s=ADDRESS_S)
        address = address or self._own_address(asset, valid_s=ADDRESS_S)
        if address is None and not self._warned:
            self._warned = True  # once: each try of each job would say the same
            _log.warning("uploads wait: app.media.public-url is not set, so providers cannot fetch from this service")
        return address
