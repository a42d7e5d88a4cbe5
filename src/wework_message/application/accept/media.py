"""Media of requests: URLs become assets, assets are checked, and messages are stored with what they use (ADR 66)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from wework_message.application.commit.scope import CommitScope
from wework_message.application.errors import UnfitMediaError, UnquotableError
from wework_message.domain.content import Content, QuoteContent
from wework_message.domain.ids import MediaId, TenantId
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.media.asset import MediaAsset, MediaState
from wework_message.domain.media.file_names import name_of_url
from wework_message.domain.media.needs import misfit, names_media, needs, placed, urls
from wework_message.domain.message.message import Message
from wework_message.domain.message.snapshot import snapshot
from wework_message.domain.ports.media import MediaUse
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.system import Clock, IdGenerator


class WithMedia(NamedTuple):
    """A content whose URLs are assets."""

    content: Content
    assets: tuple[MediaAsset, ...] = ()
    """Those of its URLs: new, not yet stored."""


@dataclass(frozen=True, slots=True)
class NamedMedia:
    """Makes and reads what requests name."""

    units: UnitOfWorkFactory
    ids: IdGenerator
    clock: Clock
    new_key: Callable[[], bytes]
    """Makes `MediaAsset.address_key`."""

    def of(self, tenant_id: TenantId) -> "RequestMedia":
        """The media of one request."""
        return RequestMedia(self, tenant_id)

    async def read(self, tenant_id: TenantId, media_ids: Iterable[MediaId]) -> Mapping[MediaId, MediaAsset]:
        """Those that are there, and their previews."""
        async with self.units() as unit:
            assets = dict(await unit.media.assets(tenant_id, [*media_ids]))
            shown = {asset.preview_id for asset in assets.values() if asset.preview_id is not None}
            return assets | dict(await unit.media.assets(tenant_id, shown)) if shown else assets

    def of_url(self, tenant_id: TenantId, url: str) -> MediaAsset:
        """A new asset that is to be fetched."""
        return MediaAsset(
            media_id=self.ids.media_id(),
            tenant_id=tenant_id,
            state=MediaState.PENDING,
            created_at=self.clock.now(),
            address_key=self.new_key(),
            file_name=name_of_url(url),
            url=url,
        )


@dataclass(slots=True)
class RequestMedia:
    """The media of one request, whose messages may name the same: each is read, or made, once."""

    media: NamedMedia
    tenant_id: TenantId
    _assets: dict[MediaId, MediaAsset] = field(default_factory=dict)
    _looked_up: set[MediaId] = field(default_factory=set)
    _of_urls: dict[str, MediaAsset] = field(default_factory=dict)

    async def look_up(self, contents: Iterable[Content]) -> None:
        """Read the assets that these contents name, all at once."""
        named = {need.media_id for content in contents for need in needs(content)} - self._looked_up
        if named:
            self._looked_up |= named
            self._assets |= await self.media.read(self.tenant_id, named)

    async def resolved(self, content: Content, prefix: str = "") -> WithMedia:
        """The content with assets in the place of its URLs; where it has no media it is returned as it is.

        Raises `UnfitMediaError`, whose path begins with `prefix`, and `UnquotableError` for a file of a message of ours that is quoted.
        """
        if not names_media(content):
            return WithMedia(content)
        await self.look_up([content])
        fetched = [self._of_url(url) for url in urls(content)]
        if fetched:
            content = placed(content, {asset.url or "": asset.media_id for asset in fetched})
        for need in needs(content):
            if (problem := misfit(need, self._assets)) is not None:
                if isinstance(content, QuoteContent) and content.quote_message_id is not None:
                    raise UnquotableError("its file is not there any more")
                raise UnfitMediaError(prefix + problem.path, problem.problem)
        return WithMedia(content, tuple(fetched))

    def _of_url(self, url: str) -> MediaAsset:
        asset = self._of_urls.get(url)
        if asset is None:
            asset = self._of_urls[url] = self.media.of_url(self.tenant_id, url)
            self._assets[asset.media_id] = asset
            self._looked_up.add(asset.media_id)
        return asset


async def store_assets(
    scope: CommitScope, assets: Sequence[MediaAsset], messages: Sequence[Message], *, fresh_ms: int
) -> Sequence[Message]:
    """Store these new assets of URLs, with the jobs that fetch them; returns the messages with the assets as they are stored.

    One that is stored already, for the same URL of the tenant, stands for a new one. Messages that change by that are
    copies: a transaction that is tried again begins with the messages as they were.
    """
    if not assets:
        return messages
    by_url = {(asset.tenant_id, asset.url): asset for asset in assets}
    stored = await scope.unit.media.for_urls([*by_url.values()], fresh_ms=fresh_ms)
    scope.media = True
    of_url = dict(zip(by_url, stored, strict=True))
    ids: dict[str, MediaId] = {asset.media_id: of_url[asset.tenant_id, asset.url] for asset in assets}
    return [_with_assets(message, ids) for message in messages]


def _with_assets(message: Message, ids: Mapping[str, MediaId]) -> Message:
    if message.content is None or not names_media(message.content):
        return message
    content = placed(message.content, ids)
    if content is message.content:
        return message
    copied = snapshot(message)
    copied.content = content
    return copied


async def store_uses(scope: CommitScope, messages: Iterable[Message]) -> None:
    """Store which of the new messages need which assets."""
    uses = dict.fromkeys(
        MediaUse(message.id, need.media_id, waits=message.reason == HoldReason.MEDIA)
        for message in messages
        for need in needs(message.content)
    )
    if uses:
        await scope.unit.media.use([*uses])
