"""Accept batches, of single messages or as a mass send: all valid items in one transaction (D-46)."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from wework_message.application.accept.accept import (
    POOL_TRIES,
    Accepted,
    AcceptMessage,
    Drafting,
    Entry,
    sort_out,
    store,
    taken_by_others,
)
from wework_message.application.accept.announce import MASS, AnnounceMassSend
from wework_message.application.accept.fingerprint import fingerprint
from wework_message.application.accept.media import RequestMedia
from wework_message.application.accept.senders import RequestSenders
from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.errors import (
    AccountDisabledError,
    ApplicationError,
    BatchConflictError,
    BatchRefusedError,
    IdempotencyConflictError,
    NoCapabilityError,
    PoolTakenError,
    UnfitMediaError,
    UnknownNameError,
    UnquotableError,
)
from wework_message.application.tries import tried
from wework_message.domain.batch import BatchMode, stores
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import BatchId, TenantId
from wework_message.domain.mass.chunks import MassChunk, cut
from wework_message.domain.mass.confirmation import digest_of
from wework_message.domain.ports.repositories import IdempotencyKey, NewBatch
from wework_message.domain.ports.system import Clock

_REFUSALS: Final = (
    AccountDisabledError, NoCapabilityError, UnknownNameError, UnquotableError,
)  # fmt: skip
"""Why an item is refused alone."""


@dataclass(frozen=True, slots=True)
class AcceptBatch:
    """A batch of messages."""

    tenant_id: TenantId
    items: tuple[AcceptMessage, ...]
    """The valid ones; their places are in `places`."""
    places: tuple[int, ...]
    atomic: bool = False
    key: str | None = None
    mode: BatchMode = BatchMode.FANOUT
    confirm_token: str | None = None
    """Of a mass send that was announced."""


@dataclass(frozen=True, slots=True)
class AcceptedBatch:
    """What the batch became, item by item. With `duplicate`, `items` is empty: the earlier batch has them."""

    batch_id: BatchId
    duplicate: bool
    items: tuple[Accepted | ApplicationError, ...]
    """In the order of the command's items; an error says why that item alone was refused."""
    chunks: tuple[MassChunk, ...] = ()
    """Of a mass send."""


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """A batch, ready to be stored."""

    batch: NewBatch
    entries: tuple[Entry | Accepted | ApplicationError, ...]
    """One per item; an error is an item that names something that is not configured, or not there."""
    places: tuple[int, ...]
    atomic: bool
    key: IdempotencyKey | None
    digest: bytes | None = None
    """Of the token with which a mass send is confirmed."""
    fingerprint: bytes = b""
    """Of such a mass send."""
    key_is_token: bool = False
    """The client gave no key: the token names the request, so that its repetition makes no second mass send."""


class StoreBatches:
    """The transaction's part of accepting batches."""

    def __init__(self, clock: Clock, media_fresh_ms: int = 0) -> None:
        """The arguments are those of `StoreMessages`."""
        self._clock = clock
        self._media_fresh_ms = media_fresh_ms

    async def __call__(self, scope: CommitScope, items: Sequence[BatchEntry], /) -> Sequence[AcceptedBatch | Exception]:
        """One answer per batch."""
        return [await self._store(scope, item) for item in items]

    async def _store(self, scope: CommitScope, item: BatchEntry) -> AcceptedBatch | Exception:
        taken = await taken_by_others(
            scope, [entry for entry in item.entries if isinstance(entry, Entry)], now=self._clock.now()
        )
        if taken:
            return PoolTakenError()
        if item.key is not None:
            (owner,) = await scope.unit.messages.claim_keys([item.key])
            if not owner.fresh:
                if owner.repeats(item.key):
                    return AcceptedBatch(BatchId(owner.target), duplicate=True, items=())
                return _not_the_token() if item.key_is_token else IdempotencyConflictError()
        await self._confirm(scope, item)
        answered, fresh = await sort_out(scope, [entry for entry in item.entries if isinstance(entry, Entry)])
        answers = iter(answered)
        results = tuple(next(answers) if isinstance(entry, Entry) else entry for entry in item.entries)
        refusals = [
            (place, result)
            for place, result in zip(item.places, results, strict=True)
            if isinstance(result, ApplicationError)
        ]
        valid = len(results) - len(refusals)
        if refusals and not stores(valid=valid, rejected=len(refusals), atomic=item.atomic):
            raise _refused(refusals)  # leaving the unit of work gives the fresh keys back
        batch = dataclasses.replace(item.batch, total=sum(len(entry.messages) for entry in fresh))
        chunks = cut([message for entry in fresh for message in entry.messages]) if _is_mass(item.batch) else ()
        if chunks:
            await scope.unit.mass.add(chunks)
        await store(scope, fresh, now=self._clock.now(), batches=(batch,), media_fresh_ms=self._media_fresh_ms)
        return AcceptedBatch(item.batch.id, duplicate=False, items=results, chunks=tuple(chunks))

    async def _confirm(self, scope: CommitScope, item: BatchEntry) -> None:
        """Use the token up. Raises `InvalidValueError`: leaving the unit of work gives the key of the batch back."""
        if item.digest is None:
            return
        if not await scope.unit.mass.confirm(item.digest, item.fingerprint, now=self._clock.now()):
            raise _not_the_token()


def _not_the_token() -> InvalidValueError:
    return InvalidValueError(
        "confirmToken", "is not the token of this request, or was used for another one, or is too old"
    )


def _is_mass(batch: NewBatch) -> bool:
    return batch.mode == BatchMode.MASS_SEND


def _refused(refusals: Sequence[tuple[int, ApplicationError]]) -> BatchRefusedError:
    conflict = all(isinstance(error, IdempotencyConflictError) for _, error in refusals)
    return BatchConflictError(refusals) if conflict else BatchRefusedError(refusals)


@dataclass(frozen=True, slots=True)
class AcceptBatchHandler:
    """Accept a batch."""

    commits: Commits
    operation: StoreBatches
    drafting: Drafting
    announce: AnnounceMassSend

    async def __call__(self, command: AcceptBatch) -> AcceptedBatch:
        """Durable when this returns. Raises `BatchRefusedError`, `IdempotencyConflictError`, `UnavailableError`.

        A mass send to many raises `ConfirmationRequiredError` the first time, and `InvalidValueError` for a token that is not good.
        """
        if command.mode is BatchMode.MASS_SEND and command.confirm_token is None:
            await self.announce([draft for item in command.items for draft in item.drafts])
        return await tried(POOL_TRIES, partial(self._accept, command), PoolTakenError)

    async def _accept(self, command: AcceptBatch) -> AcceptedBatch:
        batch_id = self.drafting.ids.batch_id()
        media = self.drafting.media.of(command.tenant_id)
        await media.look_up(draft.content for item in command.items for draft in item.drafts)
        senders = RequestSenders(self.drafting.senders, command.tenant_id)
        entries = tuple(
            [
                await self._entry(item, batch_id, place, media, senders)
                for item, place in zip(command.items, command.places, strict=True)
            ]
        )
        batch = NewBatch(batch_id, command.tenant_id, command.mode.value, total=0, created_at=self.drafting.clock.now())
        drafts = [draft for item in command.items for draft in item.drafts]
        digest = None if command.confirm_token is None else digest_of(command.confirm_token)
        name = command.key or (None if digest is None else f"confirmed {digest.hex()}")
        request, key = b"", None
        if name is not None:
            request = fingerprint(drafts, mode="batch" if command.mode is BatchMode.FANOUT else MASS)
            key = IdempotencyKey(command.tenant_id, name, request, batch_id)
        entry = BatchEntry(
            batch, entries, command.places, command.atomic, key, digest, request, key_is_token=command.key is None
        )
        return await self.commits.submit(self.operation, entry)

    async def _entry(
        self, item: AcceptMessage, batch_id: BatchId, place: int, media: RequestMedia, senders: RequestSenders
    ) -> Entry | Accepted | ApplicationError:
        try:
            return await self.drafting.entry(item, batch_id=batch_id, index=place, media=media, senders=senders)
        except UnfitMediaError as refused:
            return await self.drafting.earlier(item) or refused
        except _REFUSALS as refused:
            return refused
