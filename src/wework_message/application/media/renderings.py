"""What messages with media need before their call: handles of their provider, or jobs that make them (ADR 66).

Texts pass by: nothing is read where no message of a set has media.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from wework_message.application.commit.scope import CommitScope
from wework_message.domain.content import Content
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import AccountId, Guid, MediaId, MessageId, ProviderCode, TenantId
from wework_message.domain.media.asset import MediaAsset, MediaFailure, MediaState
from wework_message.domain.media.handles import Handle, HandleKey
from wework_message.domain.media.needs import Need, Upload, misfit, needs, previews, rendered, uploads
from wework_message.domain.message.erasing import sendable
from wework_message.domain.message.message import Message
from wework_message.domain.ports.media import MediaJob, MediaRepository
from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.ports.system import Clock

_Assets: TypeAlias = Mapping[MediaId, MediaAsset]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A content as it is sent."""

    content: Content
    handles: Mapping[HandleKey, str] = field(default_factory=dict)
    """The file ids in it that the provider gave us; empty for what has a URL."""


class Unmade:
    """Something of a content is not made yet: its message waits."""


UNMADE: Final = Unmade()

Rendering: TypeAlias = Rendered | Unmade | MediaFailure


class Renderings:
    """Of one process. What is read counts for the set that was prepared last."""

    def __init__(self, clock: Clock) -> None:
        """`clock` says which refusals of providers still count."""
        self._clock = clock
        self._needs: dict[MessageId, tuple[Need, ...]] = {}
        self._assets: dict[TenantId, dict[MediaId, MediaAsset]] = {}
        self._handles: Mapping[HandleKey, Handle | MediaFailure] = {}
        self._requested: dict[HandleKey, MediaJob] = {}
        """Uploads that messages of the set wait for."""

    async def prepare(
        self, unit: UnitOfWork, messages: Sequence[Message], providers: Callable[[AccountId], Collection[ProviderCode]]
    ) -> None:
        """Read the assets of these messages, and their handles at the `providers` of their accounts."""
        self._requested = {}
        self._needs = {message.id: named for message in messages if (named := needs(message.content))}
        if not self._needs:
            return
        self._assets = await _assets_of(unit.media, messages, self._needs)
        keys = {
            _key(message, sha256, code, upload)
            for message in messages
            if message.id in self._needs
            for upload, sha256 in self._uploads(message).items()
            for code in providers(message.account_id)
        }
        self._handles = await unit.media.handles(keys, now=self._clock.now()) if keys else {}

    def has_media(self, message: Message) -> bool:
        """Whether this message, of the set, names assets."""
        return message.id in self._needs

    def size(self, message: Message) -> int | None:
        """The bytes of its largest asset, as far as they are known."""
        assets = self._assets.get(message.tenant_id, {})
        named = (assets.get(need.media_id) for need in self._needs.get(message.id, ()))
        return max((asset.facts.size for asset in named if asset is not None and asset.facts is not None), default=None)

    def of(self, message: Message, provider_code: ProviderCode, guid: Guid) -> Rendering:
        """What this provider is sent; uploads that are missing are requested through the instance `guid` (`request`)."""
        content = sendable(message)
        if message.id not in self._needs:
            return Rendered(content)
        assets = self._assets[message.tenant_id]
        pending = False
        for need in self._needs[message.id]:
            if (problem := misfit(need, assets)) is not None:
                return problem.failure
            pending |= assets[need.media_id].state is MediaState.PENDING
        if pending:
            return UNMADE
        made: dict[Upload, Handle] = {}
        used: dict[HandleKey, str] = {}
        missing: dict[HandleKey, MediaJob] = {}
        for upload, sha256 in self._uploads(message).items():
            key = _key(message, sha256, provider_code, upload)
            handle = self._handles.get(key)
            if isinstance(handle, MediaFailure):
                return handle
            if handle is None:
                missing[key] = MediaJob(upload[0], message.tenant_id, provider_code, upload[1], guid, sha256)
            else:
                made[upload] = handle
                used[key] = handle.file_id
        if missing:
            self._requested |= missing
            return UNMADE
        return _rendered(content, assets, made, used)

    async def request(self, scope: CommitScope) -> None:
        """Have what messages of the set wait for made."""
        if self._requested:
            await scope.unit.media.request(list(self._requested.values()))
            scope.media = True

    def _uploads(self, message: Message) -> Mapping[Upload, str]:
        """The handles that it needs, with the hash of their bytes; nothing as long as an asset is not there."""
        assets = self._assets[message.tenant_id]
        if any(misfit(need, assets) or assets[need.media_id].facts is None for need in self._needs[message.id]):
            return {}
        listed = uploads(sendable(message), assets)
        return {upload: facts.sha256 for upload in listed if (facts := assets[upload[0]].facts) is not None}


async def used_handles(
    unit: UnitOfWork, message: Message, provider_code: ProviderCode, clock: Clock
) -> Mapping[HandleKey, str]:
    """The handles that a call of this message would use now."""
    renderings = Renderings(clock)
    if message.content is None:
        return {}
    await renderings.prepare(unit, [message], lambda _: [provider_code])
    rendering = renderings.of(message, provider_code, Guid(""))
    return rendering.handles if isinstance(rendering, Rendered) else {}


def _key(message: Message, sha256: str, provider_code: ProviderCode, upload: Upload) -> HandleKey:
    return HandleKey(message.tenant_id, sha256, provider_code, upload[1])


def _rendered(
    content: Content, assets: _Assets, made: Mapping[Upload, Handle], used: Mapping[HandleKey, str]
) -> Rendering:
    try:
        return Rendered(rendered(content, assets, made), used)
    except InvalidValueError:  # the provider's handle lacks what its own request for this type needs
        return MediaFailure.REFUSED


async def _assets_of(
    media: MediaRepository, messages: Sequence[Message], named: Mapping[MessageId, tuple[Need, ...]]
) -> dict[TenantId, dict[MediaId, MediaAsset]]:
    """By tenant; pictures of videos are read after the videos that name them."""
    ids: defaultdict[TenantId, set[MediaId]] = defaultdict(set)
    for message in messages:
        ids[message.tenant_id].update(need.media_id for need in named.get(message.id, ()))
    read = {tenant_id: dict(await media.assets(tenant_id, own)) for tenant_id, own in ids.items() if own}
    for tenant_id, assets in read.items():
        own = (message for message in messages if message.tenant_id == tenant_id and message.id in named)
        shown = {media_id for message in own for media_id in previews(sendable(message), assets)} - assets.keys()
        if shown:
            assets.update(await media.assets(tenant_id, shown))
    return read
