"""After a restore: messages that the backup has as open may have been sent since, so none is sent by itself (R-X2)."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.callbacks.early_echoes import reopen
from wework_message.application.commit.scope import BeforeCommit, CommitScope
from wework_message.application.policy import Policy
from wework_message.domain.account import Binding, implicit_account_id, implicit_binding
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import Guid, MessageId, ProviderCode, TenantId
from wework_message.domain.lifecycle import WAITING, MessageStatus
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.echo_keys import echo_key
from wework_message.domain.message.message import Message
from wework_message.domain.message.restore import mark_open_call_uncertain_after_restore, mark_uncertain_after_restore
from wework_message.domain.message.timeline import Note
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.replays import ReplayReader
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory
from wework_message.domain.ports.system import Clock

BATCH_SIZE: Final = 200
"""Messages of one transaction."""

MAX_REPLAYS: Final = 10_000
"""More replays than there are."""


@dataclass(frozen=True, slots=True)
class Recover:
    """Go through a restored store, before any process serves it."""

    restored_from: int
    """When the backup was made, epoch ms: an echo stamped since then may settle an uncertain message."""
    dry_run: bool = False
    """Only count."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of the open messages."""

    marked_uncertain: Mapping[MessageStatus, int]
    """Messages that are UNKNOWN now, by their status before."""
    untouched: Mapping[MessageStatus, int]
    """Open messages that stay as they are, by status: scheduled for later than now (certainly not sent), UNKNOWN already, or being recalled."""
    cancelled_replays: int = 0
    """Replays that would have gone on: what they had not come to in the backup may have been sent since."""


class RecoverHandler:
    """Marks every message uncertain that a claim could send, or whose call was open, and cancels the replays."""

    def __init__(
        self,
        units: UnitOfWorkFactory,
        reader: MessageReader,
        replays: ReplayReader,
        policy: Policy,
        clock: Clock,
        before_commit: BeforeCommit,
    ) -> None:
        """`policy` names the provider of messages whose account has no binding yet, and H; `before_commit` as in `GroupCommit`."""
        self._units = units
        self._reader = reader
        self._replays = replays
        self._policy = policy
        self._clock = clock
        self._before_commit = before_commit

    async def __call__(self, command: Recover) -> Recovered:
        """May be repeated: UNKNOWN messages stay as they are. Raises `InvalidValueError` for a future instant."""
        if command.restored_from > self._clock.now():
            raise InvalidValueError("restored-from", "must be in the past")
        marked_uncertain: Counter[MessageStatus] = Counter()
        untouched: Counter[MessageStatus] = Counter()
        for status in _OPEN:
            await self._go_through(status, command, marked_uncertain, untouched)
        if not command.dry_run:
            await self._tear_streams()
        return Recovered(marked_uncertain, untouched, await self._cancel_replays(dry_run=command.dry_run))

    async def _tear_streams(self) -> None:
        """No absence proves anything about a call of before: it may have been made again since, by another instance."""
        async with self._units() as unit:
            await unit.streams.tear()
            await unit.commit()

    async def _cancel_replays(self, *, dry_run: bool) -> int:
        unfinished = [replay.id for replay in await self._replays.active(limit=MAX_REPLAYS)]
        if dry_run or not unfinished:
            return len(unfinished)
        async with self._units() as unit:
            for replay_id in unfinished:
                replay = await unit.replays.get(replay_id)
                if replay is not None:
                    replay.cancel(now=self._clock.now())
                    await unit.replays.save(replay, (), now=self._clock.now())
            await unit.commit()
        return len(unfinished)

    async def _go_through(
        self,
        status: MessageStatus,
        command: Recover,
        marked_uncertain: Counter[MessageStatus],
        untouched: Counter[MessageStatus],
    ) -> None:
        before: MessageId | None = None
        while True:
            page = await self._reader.page(None, MessageFilter(status=status), limit=BATCH_SIZE, before=before)
            views, before = page.messages, page.following
            now = self._clock.now()
            uncertain = [view.message.id for view in views if _may_have_been_sent(view.message, now)]
            untouched[status] += len(views) - len(uncertain)
            marked_uncertain[status] += len(uncertain)
            if uncertain and not command.dry_run:
                await self._mark_uncertain(uncertain, command.restored_from)
            if before is None:
                return

    async def _mark_uncertain(self, message_ids: Sequence[MessageId], restored_from: int) -> None:
        async with self._units() as unit:
            messages = await unit.messages.get(message_ids)
            bindings = await self._bindings(unit, list(messages.values()))
            now, ended = self._clock.now(), list[Attempt]()
            for message in messages.values():
                message.notes.append(Note("RESTORED", now, detail=f"it was {message.status}"))
                if message.status is MessageStatus.SENDING:
                    ended += [attempt for attempt in message.attempts if attempt.outcome is None]
                    mark_open_call_uncertain_after_restore(message, horizon_ms=self._policy.horizon_ms, now=now)
                else:
                    call = _forgotten_call(message, bindings[message.id], restored_from)
                    mark_uncertain_after_restore(message, call, horizon_ms=self._policy.horizon_ms, now=now)
            scope = CommitScope(unit)
            await scope.save(list(messages.values()))
            await reopen(scope, ended=ended)
            await self._before_commit(scope)
            await unit.commit()

    async def _bindings(self, unit: UnitOfWork, messages: Sequence[Message]) -> Mapping[MessageId, Binding]:
        """The instance that would have sent each of them: the best guess that the store allows."""
        stored = await unit.accounts.accounts(list({message.account_id for message in messages}))
        default = self._policy.default_code or ProviderCode("NONE")
        chosen = {}
        for message in messages:
            code = message.options.provider_code
            bindings = stored[message.account_id][1] if message.account_id in stored else ()
            fitting = [binding for binding in bindings if binding.enabled and code in (None, binding.provider_code)]
            named = [binding for binding in fitting if binding.guid == message.guid]
            implicit = implicit_binding(message.guid or Guid(""), code or default)
            chosen[message.id] = min(named or fitting, key=lambda binding: binding.priority, default=implicit)
        # An echo for an unknown guid would be quarantined.
        guids: dict[TenantId, set[tuple[Guid, ProviderCode]]] = defaultdict(set)
        for message in messages:
            binding = chosen[message.id]
            if binding.guid and binding.account_id == implicit_account_id(binding.guid):
                guids[message.tenant_id].add((binding.guid, binding.provider_code))
        for tenant_id, of_tenant in sorted(guids.items()):
            await unit.accounts.open(tenant_id, sorted(of_tenant))
        return chosen


_OPEN: Final = (MessageStatus.UNKNOWN, MessageStatus.RECALLING, MessageStatus.SENDING, *sorted(WAITING))
"""UNKNOWN first, so that only messages count there that were UNKNOWN before."""


def _may_have_been_sent(message: Message, now: int) -> bool:
    """Only a message that is scheduled for later than now is certainly unsent."""
    if message.status is MessageStatus.SCHEDULED:
        return message.options.scheduled_at is None or message.options.scheduled_at <= now
    return message.status in WAITING or message.status is MessageStatus.SENDING


def _forgotten_call(message: Message, binding: Binding, restored_from: int) -> Attempt:
    return Attempt(
        number=len(message.attempts) + 1, round=message.round, account_id=message.account_id,
        binding_id=binding.binding_id, provider_code=binding.provider_code, guid=binding.guid, epoch=binding.epoch,
        started_at=restored_from, content_key=echo_key(message.content),
    )  # fmt: skip
