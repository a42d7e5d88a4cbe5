"""The use cases on memory adapters, with providers that take files."""

from typing import Any

from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.builders.media import an_asset
from tests.support.builders.messages import CONVERSATION

from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.adapters.memory.instances import MemoryInstanceGateway
from wework_message.adapters.memory.uploads import MemoryMediaGateway
from wework_message.application.media.worker import MediaWorker
from wework_message.domain.content import Content, ImageContent
from wework_message.domain.conversation import PEERS_AND_ROOMS
from wework_message.domain.ids import DEFAULT_TENANT, MediaId, MessageId, ProviderCode
from wework_message.domain.media.asset import MediaAsset
from wework_message.domain.ports.media_gateway import Upload, Uploaded
from wework_message.domain.ports.media_store import BlobKey

PICTURE = b"GIF89a\x02\x00\x02\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x02\x00\x02\x00\x00\x02\x03D\x02\x05\x00;"
"""A GIF of 2 x 2 pixels."""


class FileGateway(MemoryInstanceGateway):
    """A provider that takes files, too."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.files = MemoryMediaGateway(**options)

    async def upload(self, upload: Upload) -> Uploaded:
        return await self.files.upload(upload)


class MediaApp(InMemoryApp):
    """`uploading`: the providers that take files; all unless given."""

    def __init__(self, *, uploading: frozenset[ProviderCode] | None = None, **changes: Any) -> None:
        policy = changes.pop("policy", None) or a_policy(**changes)
        self._uploading = frozenset(policy.providers) if uploading is None else uploading
        super().__init__(policy=policy.taking_files(self._uploading))

    def _gateway(self, code: ProviderCode) -> MemoryGateway:
        if code not in self._uploading:
            return super()._gateway(code)
        return FileGateway(self.clock, busy=lambda: self.database.busy)

    def files(self, code: ProviderCode | None = None) -> MemoryMediaGateway:
        """The uploads of a provider; of the first one unless given."""
        gateway = self.gateway if code is None else self.gateways[code]
        assert isinstance(gateway, FileGateway)
        return gateway.files

    @property
    def worker(self) -> MediaWorker:
        return self.use_cases.media_worker()

    async def upload(self, content: bytes = PICTURE, name: str = "a.gif") -> MediaAsset:
        """A file of a client."""
        receive = self.application.receive_media
        async with receive.file() as staged:
            await staged.write(content)
            return await receive(DEFAULT_TENANT, staged, name)

    async def store_asset(self, **changes: Any) -> MediaAsset:
        """The same without a look at the bytes, which takes a thread."""
        asset = an_asset(**changes)
        assert asset.facts is not None
        self.media_store._blobs[BlobKey(asset.tenant_id, asset.facts.sha256)] = b"picture"
        async with self.units() as unit:
            await unit.media.add([asset])
            await unit.commit()
        return asset

    async def accept_picture(
        self, media_id: MediaId | None = None, *, url: str | None = None, to: str = CONVERSATION, **changes: Any
    ) -> MessageId:
        """A picture by an asset, or by a URL; the plain inspector reads no pixels."""
        named: dict[str, Any] = {"media_id": media_id} if url is None else {"url": url}
        return await self.accept_content(ImageContent(**named, image_width=2, image_height=2), to=to, **changes)

    async def accept_content(self, content: Content, *, to: str = CONVERSATION, **changes: Any) -> MessageId:
        accepted = await self.accept(conversation=PEERS_AND_ROOMS.parse(to), content=content, **changes)
        return MessageId(accepted.target)

    async def make(self) -> None:
        """Do the jobs that are due, until none is."""
        while await self.worker.round():
            await self.worker.settled()

    async def settle_all(self, rounds: int = 8) -> None:
        """Dispatch, and make what messages wait for, until nothing more happens."""
        for _ in range(rounds):
            await self.dispatch()
            await self.make()
