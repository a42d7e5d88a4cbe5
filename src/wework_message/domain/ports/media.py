"""The repository of media assets, their handles, the jobs that make them, and the messages that use them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from wework_message.domain.ids import Guid, HolderToken, MediaId, MessageId, ProviderCode, TenantId
from wework_message.domain.media.asset import MediaAsset, MediaFacts, MediaFailure
from wework_message.domain.media.handles import Handle, HandleKey, UploadKind

REFUSAL_MS: Final = 10 * 60_000
"""How long a provider's refusal of bytes is believed."""


@dataclass(frozen=True, slots=True)
class MediaUse:
    """A message needs an asset."""

    message_id: MessageId
    media_id: MediaId


@dataclass(frozen=True, slots=True)
class MediaJob:
    """Work to do once, whoever asked for it: fetch an asset's URL, or upload an asset's bytes to a provider."""

    media_id: MediaId
    tenant_id: TenantId
    provider_code: ProviderCode | None = None
    """None: fetch."""
    kind: UploadKind | None = None
    """Of an upload."""
    guid: Guid | None = None
    """Of an upload: through which instance, as the claim that asked for it chose."""
    sha256: str | None = None
    """Of an upload: the bytes; jobs of equal bytes, provider and kind are one."""
    tries: int = 0


class MediaRepository(Protocol):
    """Assets and what is made of them, inside a unit of work."""

    async def add(self, assets: Sequence[MediaAsset]) -> None:
        """Store new ones."""
        ...

    async def for_urls(self, assets: Sequence[MediaAsset], *, fresh_ms: int) -> Sequence[MediaId]:
        """For each asset with a URL its id, or that of a stored one of the same tenant and URL.

        A stored one counts while it is PENDING, and for `fresh_ms` after it was made READY. What has no such one is stored, with a job
        that fetches it, due at once.
        """
        ...

    async def assets(self, tenant_id: TenantId, media_ids: Collection[MediaId]) -> Mapping[MediaId, MediaAsset]:
        """Those of them that are there and of this tenant."""
        ...

    async def use(self, uses: Sequence[MediaUse]) -> None:
        """New messages need these assets, which are kept until the messages rest."""
        ...

    async def handles(self, keys: Collection[HandleKey], *, now: int) -> Mapping[HandleKey, Handle | MediaFailure]:
        """Those of them that are known; a refusal of the provider only for `REFUSAL_MS`, then it is asked again."""
        ...

    async def request(self, jobs: Sequence[MediaJob]) -> None:
        """Make these uploads due at once, where no equal one is waiting."""
        ...

    async def claim(
        self, limit: int, *, lease_ms: int, holder: HolderToken, without: Collection[ProviderCode | None] = ()
    ) -> Sequence[MediaJob]:
        """Due jobs, oldest first; they are due again when the lease ends. Another process passes over those that are locked.

        `without`: no uploads to these providers, and no fetches where None is among them.
        """
        ...

    async def fetched(
        self,
        job: MediaJob,
        facts: MediaFacts | MediaFailure,
        *,
        holder: HolderToken,
        now: int,
        preview: MediaAsset | None = None,
    ) -> Sequence[MessageId]:
        """The asset of a fetch is READY, or FAILED; the job goes. The waiting messages that use it, for `release`.

        Nothing happens, and nothing is returned, where `holder` does not have the job any more.
        """
        ...

    async def uploaded(
        self, job: MediaJob, handle: Handle | MediaFailure, *, holder: HolderToken, now: int
    ) -> Sequence[MessageId]:
        """The handle, or the provider's refusal, is kept in the place of any other of its key; the job goes. As `fetched`.

        `MediaFailure.GONE` is one of the asset: it is FAILED.
        """
        ...

    async def later(self, job: MediaJob, *, wait_ms: int, holder: HolderToken) -> None:
        """It is due again in `wait_ms`, with one more try."""
        ...

    async def drop(self, job: MediaJob, *, holder: HolderToken) -> None:
        """Forget an upload that nobody waits for; nothing happens where `holder` does not have it any more."""
        ...

    async def forget_handle(self, key: HandleKey, file_id: str) -> None:
        """The provider refused it: it goes, if it is still this one."""
        ...
