"""Changes of a stored message that a person or client asks for: cancel, retry, recall (W-3)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wework_message.application.actions.own_messages import own_messages
from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.errors import NotFoundError
from wework_message.application.media.revive import revive_media
from wework_message.domain.errors import IllegalTransitionError
from wework_message.domain.ids import Guid, MessageId, ProviderMessageId, TenantId
from wework_message.domain.message.message import Message
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.system import Clock


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one message."""

    tenant_id: TenantId
    message_id: MessageId
    apply: Callable[[Message], None]
    request_id: str | None
    """Of the request that asked for it, for the log."""


class ChangeMessages:
    """The transaction's part: lock, change, save."""

    async def __call__(self, scope: CommitScope, items: Sequence[Change], /) -> Sequence[MessageId | Exception]:
        """The id, or `NotFoundError`, or the `IllegalTransitionError` of the rule that refused."""
        messages = await own_messages(scope.unit, [(item.tenant_id, item.message_id) for item in items])
        rounds = {message.id: message.round for message in messages.values()}
        results = [_apply(messages.get((item.tenant_id, item.message_id)), item) for item in items]
        by_id = {message.id: message for message in messages.values()}
        changed = {result: by_id[result] for result in results if not isinstance(result, Exception)}
        await revive_media(scope, [message for message in changed.values() if message.round != rounds[message.id]])
        await scope.save(list(changed.values()))
        return results


def _apply(message: Message | None, item: Change) -> MessageId | Exception:
    if message is None:
        return NotFoundError("message")
    try:
        item.apply(message)
        message.request_id = item.request_id
    except IllegalTransitionError as refused:
        return refused
    return message.id


@dataclass(frozen=True, slots=True)
class CancelMessage:
    """Withdraw a message that is not claimed yet."""

    tenant_id: TenantId
    message_id: MessageId
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class CancelMessageHandler:
    """Withdraw it."""

    commits: Commits
    operation: ChangeMessages
    clock: Clock

    async def __call__(self, command: CancelMessage) -> MessageId:
        """Raises `NotFoundError`, and `IllegalTransitionError` once it is claimed (a recall is the way then)."""

        def cancel(message: Message) -> None:
            message.cancel(now=self.clock.now())

        change = Change(command.tenant_id, command.message_id, cancel, command.request_id)
        return await self.commits.submit(self.operation, change)


@dataclass(frozen=True, slots=True)
class RetryMessage:
    """Open a new round for a message that failed or expired; `force` also for one that is UNKNOWN."""

    tenant_id: TenantId
    message_id: MessageId
    force: bool = False
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class RetryMessageHandler:
    """Retry by hand."""

    commits: Commits
    operation: ChangeMessages
    clock: Clock

    async def __call__(self, command: RetryMessage) -> MessageId:
        """Raises `NotFoundError`, and `IllegalTransitionError` where the state forbids it."""

        def replay(message: Message) -> None:
            message.replay(force=command.force, by="api", now=self.clock.now())

        change = Change(command.tenant_id, command.message_id, replay, command.request_id)
        return await self.commits.submit(self.operation, change)


@dataclass(frozen=True, slots=True)
class RecallMessage:
    """Recall a sent message, named by our id or by the provider's id at this guid."""

    tenant_id: TenantId
    guid: Guid
    message_id: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecallMessageHandler:
    """Ask for a recall; the dispatcher makes the call."""

    commits: Commits
    operation: ChangeMessages
    reader: MessageReader
    clock: Clock

    async def __call__(self, command: RecallMessage) -> MessageId:
        """Raises `NotFoundError`, and `IllegalTransitionError` where the message was not sent."""

        def ask_recall(message: Message) -> None:
            message.ask_recall(now=self.clock.now())

        change = Change(command.tenant_id, await self._find(command), ask_recall, command.request_id)
        return await self.commits.submit(self.operation, change)

    async def _find(self, command: RecallMessage) -> MessageId:
        message_id = MessageId(command.message_id)
        view = (await self.reader.messages(command.tenant_id, [message_id])).get(message_id)
        if view is not None and command.guid in {
            view.message.guid,
            *(attempt.guid for attempt in view.message.attempts),
        }:
            return message_id
        provider_message_id = ProviderMessageId(command.message_id)
        owner_id = await self.reader.sent_as(command.tenant_id, command.guid, provider_message_id)
        if owner_id is None:
            raise NotFoundError("message")
        return owner_id
