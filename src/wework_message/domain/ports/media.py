"""The repository of media assets, their handles, the jobs that make them, and the messages that use them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from wework_message.domain.ids import Guid, HolderToken, MediaId, MessageId, ProviderCode, TenantId
from wework_message.domain.media.asset import MediaAsset, MediaFacts, MediaFailure
from wework_message.domain.media.handles import Handle, HandleKey, UploadKind
from wework_message.domain.ports.media_store import BlobKey

REFUSAL_MS: Final = 10 * 60_000
"""How long a provider's refusal of bytes is believed."""

LONGEST_WAIT_MS: Final = 15 * 60_000
"""No job waits, and no lease lasts, for longer. One that is due later was written by a clock that has been set back: it is due."""

MAX_WAITING: Final = 50_000
"""Messages that the end of one job names at most; the others look again by themselves."""

KEPT_MS: Final = 3_600_000
"""How long bytes stay without an asset, from `MediaRepository.keep`: their asset is stored before that."""


class MediaDeletion(StrEnum):
    """What became of the deletion of an asset."""

    DELETED = "DELETED"
    UNKNOWN = "UNKNOWN"
    """There is none of this id and tenant."""
    IN_USE = "IN_USE"
    """A message that does not rest needs it, or a video has it as its preview, with which it goes."""


@dataclass(frozen=True, slots=True)
class MediaUse:
    """A message needs an asset."""

    message_id: MessageId
    media_id: MediaId
    waits: bool = False
    """It is stored as HELD for media: the end of the asset's job names it."""


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

    @property
    def handle_key(self) -> HandleKey | None:
        """What an upload makes a handle of; None for a fetch."""
        if self.sha256 is None or self.provider_code is None or self.kind is None:
            return None
        return HandleKey(self.tenant_id, self.sha256, self.provider_code, self.kind)


class MediaRepository(Protocol):
    """Assets and what is made of them, inside a unit of work."""

    async def add(self, assets: Sequence[MediaAsset]) -> None:
        """Store new ones; a PENDING one with a job that fetches its URL, due at once."""
        ...

    async def for_urls(self, assets: Sequence[MediaAsset], *, fresh_ms: int) -> Sequence[MediaId]:
        """For each asset with a URL its id, or that of a stored one of the same tenant and URL.

        A stored one counts while it is PENDING, and while it is fresh (`is_fresh`), by the `created_at` of the new one. What has no such one is stored, with a job that fetches it, due at once. Of two units of work that store the
        same one the second waits for the first, and gets that one. Raises `TryAgainError` where others are faster again and again.
        """
        ...

    async def assets(self, tenant_id: TenantId, media_ids: Collection[MediaId]) -> Mapping[MediaId, MediaAsset]:
        """Those of them that are there and of this tenant. They stay as they are, with their handles, until this unit of work ends.

        So a message that is put on hold in the same unit of work is among those that the end of the asset's job names. Ask
        for the handles afterwards.
        """
        ...

    async def use(self, uses: Sequence[MediaUse]) -> None:
        """New messages need these assets, which are kept until the messages rest."""
        ...

    async def handles(self, keys: Collection[HandleKey], *, now: int) -> Mapping[HandleKey, Handle | MediaFailure]:
        """Those of them that are known; a refusal of the provider only for `REFUSAL_MS`, then it is asked again."""
        ...

    async def request(self, jobs: Sequence[MediaJob]) -> None:
        """Make these uploads due at once, where no equal one is waiting. One that was tried in vain gets the new `guid`.

        All jobs of a unit of work in one call: they are stored in one order, so that units of work do not wait for each other.
        """
        ...

    async def claim(
        self, limit: int, *, lease_ms: int, holder: HolderToken, without: Collection[ProviderCode | None] = ()
    ) -> Sequence[MediaJob]:
        """Due jobs, oldest first; they are due again when the lease (at most `LONGEST_WAIT_MS`) ends.

        Another process passes over those that are locked. `without` leaves out the uploads to these providers; None: the fetches.
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
        """The asset of a fetch is READY, or FAILED; the job goes. Returns the messages that are HELD for it, at most `MAX_WAITING`.

        Where it is READY, those that need another asset that has a job are left out: the end of the last job names them, or, where
        two end at the same time, nobody does, and they look again by themselves.

        Nothing happens, and nothing is returned, where `holder` does not have the job any more. `preview` is stored as the
        asset's own. The messages are made due by units of work of their own (`application.media.release`): a claim that has one of
        them locked may wait for this unit of work.
        """
        ...

    async def uploaded(
        self, job: MediaJob, handle: Handle | MediaFailure, *, holder: HolderToken, now: int
    ) -> Sequence[MessageId]:
        """The handle, or the provider's refusal, is kept in the place of any other of its key; the job goes. As `fetched`.

        The messages are those that are HELD for any asset with these bytes, or for the video that has it as its preview.
        `MediaFailure.GONE` is one of the bytes: every asset that has them is FAILED.
        """
        ...

    async def later(self, job: MediaJob, *, wait_ms: int, holder: HolderToken, tried: bool = True) -> None:
        """It is due again in `wait_ms` (at most `LONGEST_WAIT_MS`), with one more try if it was `tried`, and with the `guid` that `job` has."""
        ...

    async def drop(self, job: MediaJob, *, holder: HolderToken) -> None:
        """It goes, and nothing was made of it: nobody waits for it any more. Nothing happens as in `fetched`."""
        ...

    async def forget_handle(self, key: HandleKey, file_id: str) -> None:
        """The provider refused it: it goes, if it is still this one."""
        ...

    async def revive(self, tenant_id: TenantId, media_ids: Collection[MediaId]) -> None:
        """Messages that need these assets are tried again, by hand: nothing that failed before is remembered.

        A FAILED one is READY where its bytes are known, as they may be in the store again; else it is PENDING with a job that
        fetches its URL, due at once. So are their previews. What providers have refused of their bytes is forgotten.
        """
        ...

    async def keep(self, key: BlobKey) -> bool:
        """These bytes are about to be put into the store: for `KEPT_MS` they stay without an asset.

        Committed before the put, and the asset after it. False: they are being deleted now; try again.
        """
        ...

    async def in_use(self, media_id: MediaId) -> bool:
        """Whether a message that does not rest needs it, or has it as the preview of what it needs."""
        ...

    async def delete(self, tenant_id: TenantId, media_id: MediaId) -> MediaDeletion:
        """Delete an asset that no open message needs, with its job and its preview. Its bytes and their handles: `unowned`."""
        ...

    async def unowned(self, limit: int, *, lease_ms: int, holder: HolderToken) -> Sequence[BlobKey]:
        """Bytes that no asset has, to delete from the store once this is committed, and then to report as `deleted`.

        At most `limit` are looked at. Until the lease ends nobody else gets them, and nobody puts them anew (`keep`). Their
        handles are forgotten.
        """
        ...

    async def deleted(self, keys: Collection[BlobKey], *, holder: HolderToken) -> None:
        """They are not in the store any more."""
        ...
