"""Accept messages: after this returns, they are durable and will reach an honest end (D-11)."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from wework_message.application.accept.fingerprint import fingerprint
from wework_message.application.accept.media import NamedMedia, RequestMedia, store_assets, store_uses
from wework_message.application.accept.senders import RequestSenders, Sender, Senders
from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.dispatch.at_once import BeginAtOnce, Decided
from wework_message.application.errors import (
    ApplicationError,
    IdempotencyConflictError,
    PoolTakenError,
    UnfitMediaError,
)
from wework_message.application.tries import tried
from wework_message.application.webhooks.callback_urls import CallbackUrls
from wework_message.domain.account import Account
from wework_message.domain.content import Content
from wework_message.domain.errors import ConflictError
from wework_message.domain.ids import AccountId, BatchId, MediaId, MessageId, TenantId
from wework_message.domain.instants import within_calendar
from wework_message.domain.lifecycle import Lifecycle
from wework_message.domain.media.asset import MediaAsset
from wework_message.domain.media.needs import names_media
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.message import Message
from wework_message.domain.message.options import resolved
from wework_message.domain.pools import PoolChoice
from wework_message.domain.ports.repositories import IdempotencyKey, KeyOwner, NewBatch
from wework_message.domain.ports.system import Clock, IdGenerator
from wework_message.domain.trace import TraceContext

POOL_TRIES: Final = 3
"""How often a request is resolved where other processes begin its conversations at the same time."""


@dataclass(frozen=True, slots=True)
class AcceptMessage:
    """One request: a message, or the parts of a MIXED group in order."""

    tenant_id: TenantId
    drafts: tuple[Draft, ...]
    mode: str = "ASYNC"
    """SYNC, ASYNC or BATCH; `grouped` marks a MIXED group."""
    grouped: bool = False
    key: str | None = None
    """Idempotency key; where the client gave one it is also its drafts' `client_message_id`."""
    trace: TraceContext | None = None
    """The span in which it is accepted."""
    request_id: str | None = None
    """Of the request that brought it, for the log."""


class Accepted(NamedTuple):
    """What the request became. With `duplicate` it is what an earlier, equal request became."""

    target: str
    """Id of the message or group."""
    duplicate: bool
    grouped: bool
    account_id: AccountId | None = None
    """The sender of its first message; None for a duplicate."""


class Entry(NamedTuple):
    """One request, ready to be stored."""

    messages: tuple[Message, ...]
    target: str
    grouped: bool
    key: IdempotencyKey | None
    waits: bool = False
    """Its messages wait for a claim, whatever is free."""
    choices: tuple[PoolChoice, ...] = ()
    """The accounts that pools chose for its messages."""
    assets: tuple[MediaAsset, ...] = ()
    """Media of URLs that its messages name, each once."""


class StoreMessages:
    """The transaction's part: keys first, then the messages whose key is fresh."""

    def __init__(self, clock: Clock, begin_at_once: BeginAtOnce | None = None, media_fresh_ms: int = 0) -> None:
        """`clock` decides which messages are scheduled for later; without `begin_at_once` all wait for a claim.

        `media_fresh_ms`: how long a URL that was fetched is the same asset.
        """
        self._clock = clock
        self._begin_at_once = begin_at_once
        self._media_fresh_ms = media_fresh_ms

    async def __call__(self, scope: CommitScope, items: Sequence[Entry], /) -> Sequence[Accepted | Exception]:
        """One answer per entry."""
        taken = await taken_by_others(scope, items, now=self._clock.now())
        kept = items if not taken else [entry for entry in items if taken.isdisjoint(entry.choices)]
        results, fresh = await sort_out(scope, kept)
        at_once = None if any(entry.waits for entry in fresh) else self._begin_at_once
        await store(scope, fresh, now=self._clock.now(), begin_at_once=at_once, media_fresh_ms=self._media_fresh_ms)
        if not taken:
            return results
        answers = iter(results)
        return [next(answers) if taken.isdisjoint(entry.choices) else PoolTakenError() for entry in items]


async def taken_by_others(scope: CommitScope, entries: Sequence[Entry], *, now: int) -> AbstractSet[PoolChoice]:
    """Store what pools chose; the choices whose conversations have another account by now."""
    choices = [choice for entry in entries for choice in entry.choices]
    if not choices:
        return frozenset()
    stored = await scope.unit.accounts.choose(choices, now=now)
    return {choice for choice, account_id in zip(choices, stored, strict=True) if choice.account_id != account_id}


async def sort_out(scope: CommitScope, items: Sequence[Entry]) -> tuple[list[Accepted | ApplicationError], list[Entry]]:
    """Answers for all entries, and those of them that are new and must be stored."""
    keys = [item.key for item in items if item.key is not None]
    owners = iter(await scope.unit.messages.claim_keys(keys) if keys else ())
    results: list[Accepted | ApplicationError] = []
    fresh: list[Entry] = []
    for item in items:
        owner = next(owners) if item.key is not None else None
        results.append(_answer(item, owner))
        if owner is None or owner.fresh:
            fresh.append(item)
    return results, fresh


def _answer(item: Entry, owner: KeyOwner | None) -> Accepted | ApplicationError:
    if owner is None or owner.fresh:
        return Accepted(item.target, duplicate=False, grouped=item.grouped, account_id=item.messages[0].account_id)
    if item.key is not None and owner.repeats(item.key):
        return Accepted(owner.target, duplicate=True, grouped=item.grouped)
    return IdempotencyConflictError()


async def store(
    scope: CommitScope,
    entries: Sequence[Entry],
    *,
    now: int,
    batches: Sequence[NewBatch] = (),
    begin_at_once: BeginAtOnce | None = None,
    media_fresh_ms: int = 0,
) -> None:
    """Insert the messages of these entries, and the media they name: with their first call, or due at once or at their time."""
    accepted: Sequence[Message] = [message for entry in entries for message in entry.messages]
    for message in accepted:
        message.make_due(now=now)
    assets = [asset for entry in entries for asset in entry.assets]
    accepted = await store_assets(scope, assets, accepted, fresh_ms=media_fresh_ms)
    messages, placed = Decided(accepted) if begin_at_once is None else await begin_at_once(scope, accepted, now)
    if messages or batches:
        await scope.unit.messages.add(messages, batches)
        scope.accepted.extend(messages)
        scope.moved.extend([message for message in messages if message.lifecycle.moves])
        scope.became_due(messages)
    await store_uses(scope, messages)
    if placed:
        await scope.unit.messages.pace(placed)


@dataclass(frozen=True, slots=True)
class AcceptMessageHandler:
    """Accept one request."""

    commits: Commits
    operation: StoreMessages
    drafting: "Drafting"

    async def __call__(self, command: AcceptMessage) -> Accepted:
        """Durable when this returns. Raises what `Drafting.entry` does, `IdempotencyConflictError`, `UnavailableError`."""
        return await tried(POOL_TRIES, partial(self._accept, command), PoolTakenError)

    async def _accept(self, command: AcceptMessage) -> Accepted:
        try:
            entry = await self.drafting.entry(command)
        except UnfitMediaError:
            if (earlier := await self.drafting.earlier(command)) is None:
                raise
            return earlier
        try:
            return await self.commits.submit(self.operation, entry)
        except ConflictError:  # another process has just opened the lane: this message waits behind
            return await self.commits.submit(self.operation, entry._replace(waits=True))


@dataclass(frozen=True, slots=True)
class Drafting:
    """Turns drafts into messages: ids, sender, defaults."""

    ids: IdGenerator
    clock: Clock
    senders: Senders
    callback_urls: CallbackUrls
    media: NamedMedia

    async def entry(
        self,
        command: AcceptMessage,
        *,
        batch_id: BatchId | None = None,
        index: int | None = None,
        media: RequestMedia | None = None,
        senders: RequestSenders | None = None,
    ) -> Entry:
        """The messages of one request, not yet stored; `media` and `senders` are those of the request that this one is a part of.

        Raises `UnknownNameError`, `AccountDisabledError` and `NoCapabilityError` for its names, `UnquotableError` and `UnfitMediaError`.
        """
        group = self.ids.batch_id() if command.grouped else None
        senders = senders or RequestSenders(self.senders, command.tenant_id)
        media = media or self.media.of(command.tenant_id)
        chosen: list[Sender] = []
        for draft in command.drafts:
            if draft.options.status_callback_url is not None:
                await self.callback_urls.check(command.tenant_id, draft.options.status_callback_url)
            chosen.append(senders.known(draft) or await senders.resolve(draft, command.drafts))
        messages, now = [], self.clock.now()
        assets: dict[MediaId, MediaAsset] = {}
        for place, (draft, (sender, _)) in enumerate(zip(command.drafts, chosen, strict=True)):
            content = draft.content
            if names_media(content):  # else nothing in it is to be completed either
                part = "" if group is None else f"parts[{place}]."
                content = await self.senders.complete(command.tenant_id, draft, sender, now=now)
                content, fetched = await media.resolved(content, part)
                assets.update((asset.media_id, asset) for asset in fetched)
            number = place if group is not None else index
            messages.append(self._message(command, draft, content, sender, batch_id, group, number, now))
        choices = tuple(dict.fromkeys([choice for _, choice in chosen if choice is not None]))
        target = group if group is not None else messages[0].id
        key = None
        if command.key is not None:
            key = IdempotencyKey(command.tenant_id, command.key, fingerprint(command.drafts), target)
        return Entry(tuple(messages), target, command.grouped, key, choices=choices, assets=tuple(assets.values()))

    async def earlier(self, command: AcceptMessage) -> Accepted | None:
        """What an equal request with the same key became: its media may have gone since. Raises `UnavailableError`."""
        if command.key is None:
            return None
        key = IdempotencyKey(command.tenant_id, command.key, fingerprint(command.drafts), self.ids.message_id())
        async with self.media.units() as unit:  # it is not committed: the key is not taken
            (owner,) = await unit.messages.claim_keys([key])
        if owner.fresh or not owner.repeats(key):
            return None
        return Accepted(owner.target, duplicate=True, grouped=command.grouped)

    def _message(
        self,
        command: AcceptMessage,
        draft: Draft,
        content: Content,
        sender: Account,
        batch_id: BatchId | None,
        group: BatchId | None,
        index: int | None,
        now: int,
    ) -> Message:
        options = draft.options
        policy = self.senders.policy
        return Message(
            id=self.ids.message_id(),
            tenant_id=command.tenant_id,
            account_id=sender.account_id,
            guid=draft.guid,
            conversation_id=str(draft.conversation),
            content=content,
            message_type=draft.content.message_type.value,
            accepted_at=now,
            expires_at=options.expires_at
            or within_calendar(max(now, options.scheduled_at or now) + policy.expire_after_ms),
            options=resolved(options, account=sender.on_unknown, configured=policy.on_unknown),
            mode=command.mode,
            batch_id=batch_id,
            group_id=group,
            index=index,
            lifecycle=Lifecycle(updated_at=now),
            trace=command.trace,
            request_id=command.request_id,
        )


def message_id(accepted: Accepted) -> MessageId:
    """The id of a single accepted message."""
    return MessageId(accepted.target)
