"""What messages with media need before their call: handles of their provider, or jobs that make them (ADR 66).

Texts pass by: nothing is read where no message of a set has media.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

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

NO_HANDLES: Final[Mapping[HandleKey, str]] = MappingProxyType({})


class Rendered(NamedTuple):
    """A content as it is sent."""

    content: Content
    handles: Mapping[HandleKey, str] = NO_HANDLES
    """The file ids in it that the provider gave us; empty for what has a URL."""


class Unmade:
    """Something of a content is not made yet: its message waits."""


UNMADE: Final = Unmade()

_Known: TypeAlias = tuple[HandleKey, Handle | MediaFailure | None]

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
        self._useless: dict[HandleKey, str] = {}
        """Handles that lack what their contents need."""

    async def prepare(
        self, unit: UnitOfWork, messages: Sequence[Message], providers: Callable[[AccountId], Collection[ProviderCode]]
    ) -> None:
        """Read the assets of these messages, and their handles at the `providers` of their accounts."""
        self._requested, self._useless = {}, {}
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

    def size(self, message: Message) -> int | None:
        """The bytes of its largest asset, as far as they are known."""
        if not self._needs:
            return None
        assets = self._assets.get(message.tenant_id, {})
        named = (assets.get(need.media_id) for need in self._needs.get(message.id, ()))
        return max((asset.facts.size for asset in named if asset is not None and asset.facts is not None), default=None)

    def of(self, message: Message, provider_code: ProviderCode, guid: Guid) -> Rendering:
        """What this provider is sent; uploads that are missing are requested through the instance `guid` (`request`)."""
        content = sendable(message)
        if message.id not in self._needs:
            return Rendered(content)
        assets = self._assets[message.tenant_id]
        for need in self._needs[message.id]:
            if (problem := misfit(need, assets)) is not None:
                return problem.failure
        if any(assets[need.media_id].state is MediaState.PENDING for need in self._needs[message.id]):
            return UNMADE
        known = {
            upload: (key, self._handles.get(key))
            for upload, sha256 in self._uploads(message).items()
            for key in (_key(message, sha256, provider_code, upload),)
        }
        if (failure := _first_failure(known)) is not None:
            return failure
        return self._rendered(message, assets, known, guid)

    def _rendered(
        self, message: Message, assets: Mapping[MediaId, MediaAsset], known: Mapping[Upload, _Known], guid: Guid
    ) -> Rendering:
        made = {upload: handle for upload, (_, handle) in known.items() if isinstance(handle, Handle)}
        if len(made) < len(known):
            self._requested |= {
                key: _job(key, upload, guid) for upload, (key, handle) in known.items() if handle is None
            }
            return UNMADE
        used = {known[upload][0]: handle.file_id for upload, handle in made.items()}
        try:
            return Rendered(rendered(sendable(message), assets, made), used)
        except (
            InvalidValueError
        ):  # as where the answers of the provider are read wrongly: once that is mended, it is asked again
            self._useless |= used
            return MediaFailure.REFUSED

    async def request(self, scope: CommitScope) -> None:
        """Have what messages of the set wait for made, and forget what is of no use."""
        for key, file_id in self._useless.items():
            await scope.unit.media.forget_handle(key, file_id)
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


def _first_failure(known: Mapping[Upload, _Known]) -> MediaFailure | None:
    return next((handle for _, handle in known.values() if isinstance(handle, MediaFailure)), None)


def _job(key: HandleKey, upload: Upload, guid: Guid) -> MediaJob:
    return MediaJob(upload[0], key.tenant_id, key.provider_code, key.kind, guid, key.sha256)


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
