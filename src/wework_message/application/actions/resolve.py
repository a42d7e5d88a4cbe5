"""A person says what became of UNKNOWN messages: of one, or of all that pass the filters of the list (W-5, ADR 54)."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.actions.own_messages import own_messages
from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.dispatch.groups import stop_groups
from wework_message.application.errors import NotFoundError
from wework_message.application.policy import Policy
from wework_message.domain.errors import IllegalTransitionError, InvalidValueError
from wework_message.domain.ids import MessageId, TenantId
from wework_message.domain.message.fitting import SKEW_MS
from wework_message.domain.message.message import Message
from wework_message.domain.message.resolution import Word, resolve
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.system import Clock

SLICE: Final = 20
"""Messages that one transaction resolves: what others commit with it must not wait for more."""

PAGE: Final = 100
"""Messages of one query; each may be as long as a request."""

MAX_PAGES: Final = 20
"""Pages that one request reads at most: a filter that few messages pass makes empty ones, which cost as much."""

MAX_SAMPLES: Final = 10
"""Ids that an answer shows."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Matching:
    """Which UNKNOWN messages: those that pass `filters`, and have not changed since `as_of` (epoch ms)."""

    tenant_id: TenantId
    filters: MessageFilter
    """With the status UNKNOWN."""
    as_of: int

    def check(self, now: int) -> None:
        """Raises `InvalidValueError` for a time to come: what becomes UNKNOWN until then would count as seen.

        It may be the present of another process, whose clock is ahead of `now` (epoch ms) by `SKEW_MS` at most.
        """
        if self.as_of > now + SKEW_MS:
            raise InvalidValueError("asOf", "must not be in the future: it is the time of the first look")

    def has(self, message: Message) -> bool:
        """Whether it is one of them now. What became UNKNOWN later is none: nobody has seen it when they decided."""
        return message.lifecycle.updated_at <= self.as_of and self.filters.matches(message)


@dataclass(frozen=True, slots=True)
class ResolveMatching:
    """One step of a resolution in bulk: it goes on at `before` with at most `limit` messages."""

    matching: Matching
    word: Word
    limit: int
    before: MessageId | None = None
    dry_run: bool = False


@dataclass(slots=True)
class Resolved:
    """What one step did."""

    matched: int = 0
    """Messages that it came to."""
    resolved: int = 0
    """The others were settled by evidence, or by somebody else, in the meantime. None of a dry run."""
    samples: tuple[MessageId, ...] = ()
    """The first of them."""
    following: MessageId | None = None
    """`before` of the next step; None where there are no more."""


@dataclass(frozen=True, slots=True)
class ResolveNamed:
    """A word about one message, whatever it matches."""

    tenant_id: TenantId
    message_id: MessageId
    word: Word


@dataclass(frozen=True, slots=True)
class Slice:
    """A word about some messages, of which those are resolved that match still."""

    matching: Matching
    message_ids: Sequence[MessageId]
    word: Word


@dataclass(frozen=True, slots=True)
class _Settling:
    """What both parts of a transaction do."""

    horizon_ms: int
    clock: Clock

    def settle(self, message: Message, word: Word) -> bool:
        """Whether it changed. Raises `IllegalTransitionError`."""
        return resolve(message, word, horizon_ms=self.horizon_ms, now=self.clock.now())

    async def save(self, scope: CommitScope, changed: Iterable[Message]) -> None:
        """Save each once, and stop the groups of those that failed."""
        messages = list({message.id: message for message in changed}.values())
        await scope.save(messages)
        await stop_groups(scope, messages, now=self.clock.now())


@dataclass(frozen=True, slots=True)
class SettleNamed:
    """The transaction's part of a word about one message."""

    settling: _Settling

    async def __call__(self, scope: CommitScope, items: Sequence[ResolveNamed], /) -> Sequence[MessageId | Exception]:
        """The id, or `NotFoundError`, or the `IllegalTransitionError` of the rule that refused."""
        messages = await own_messages(scope.unit, [(item.tenant_id, item.message_id) for item in items])
        changed: list[Message] = []
        results = [self._settle(messages.get((item.tenant_id, item.message_id)), item, changed) for item in items]
        await self.settling.save(scope, changed)
        return results

    def _settle(self, message: Message | None, item: ResolveNamed, changed: list[Message]) -> MessageId | Exception:
        if message is None:
            return NotFoundError("message")
        try:
            if self.settling.settle(message, item.word):
                changed.append(message)
        except IllegalTransitionError as refused:
            return refused
        return message.id


@dataclass(frozen=True, slots=True)
class SettleSlices:
    """The transaction's part of a word about all that match."""

    settling: _Settling

    async def __call__(self, scope: CommitScope, items: Sequence[Slice], /) -> Sequence[int]:
        """How many of each slice it resolved: those that match still."""
        messages = await scope.unit.messages.get(sorted({id_ for item in items for id_ in item.message_ids}))
        resolved: list[dict[MessageId, Message]] = []
        for item in items:
            known = [messages[id_] for id_ in item.message_ids if id_ in messages]
            own = [message for message in known if item.matching.has(message)]
            resolved.append({message.id: message for message in own if self.settling.settle(message, item.word)})
        await self.settling.save(scope, [message for part in resolved for message in part.values()])
        return [len(part) for part in resolved]


class ResolveMessages:
    """Use cases of settling by hand. Each step is durable when it returns; a repetition changes nothing."""

    def __init__(self, commits: Commits, reader: MessageReader, policy: Policy, clock: Clock) -> None:
        """`policy` has H, and `clock` stamps the decisions."""
        self._commits = commits
        self._reader = reader
        self._clock = clock
        settling = _Settling(policy.horizon_ms, clock)
        self._named = SettleNamed(settling)
        self._slices = SettleSlices(settling)

    async def message(self, command: ResolveNamed) -> MessageId:
        """Raises `NotFoundError`, and `IllegalTransitionError` where nothing is open, or the opposite was said."""
        return await self._commits.submit(self._named, command)

    async def matching(self, command: ResolveMatching) -> Resolved:
        """The next messages, newest first; `following` tells whether there are more. Raises `UnavailableError`.

        Raises `InvalidValueError` where `as_of` is in the future.
        """
        command.matching.check(self._clock.now())
        done, matching = Resolved(following=command.before), command.matching
        for _ in range(MAX_PAGES):
            limit = min(PAGE, command.limit - done.matched)
            page = await self._reader.page(matching.tenant_id, matching.filters, limit=limit, before=done.following)
            message_ids = [view.message.id for view in page.messages if matching.has(view.message)]
            done.samples = (*done.samples, *message_ids)[:MAX_SAMPLES]
            done.matched += len(message_ids)
            if not command.dry_run:
                done.resolved += await self._resolve(matching, message_ids, command.word)
            done.following = page.following
            if done.following is None or done.matched >= command.limit:
                break
        if done.resolved:
            _log.info("%d messages are resolved in bulk: %s", done.resolved, command.word.outcome.value)
        return done

    async def _resolve(self, matching: Matching, message_ids: Sequence[MessageId], word: Word) -> int:
        resolved = 0
        for begin in range(0, len(message_ids), SLICE):
            part = Slice(matching, message_ids[begin : begin + SLICE], word)
            resolved += await self._commits.submit(self._slices, part)
        return resolved
