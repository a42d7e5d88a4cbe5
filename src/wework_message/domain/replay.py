"""A replay: a stored job that opens a new round for failed messages, so many per second (ADR 47).

It goes through what it selects once, from the oldest id to the newest. Its position is stored by the transaction that opens
the rounds, so that after a crash it goes on behind the last message that it replayed. Instants are epoch ms and arrive as
arguments.
"""

import dataclasses
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.failed_messages import FAILURES, FailureFilter, cause_of
from wework_message.domain.ids import MessageId, ReplayId, TenantId
from wework_message.domain.lifecycle import RESTING, MessageStatus
from wework_message.domain.message.message import ROUND_MS, Message
from wework_message.domain.outcomes import FailureReason

MAX_MESSAGE_IDS: Final = 1_000
"""Messages that one replay may name."""

MIN_RATE: Final = 0.1
"""Messages per second."""

MAX_RATE: Final = 1_000.0
"""Messages per second."""

DEFAULT_RATE: Final = 10.0
"""Messages per second."""

MAX_STEP: Final = 100
"""Messages of one transaction."""

BURST_MS: Final = 1_000
"""What was not used of the rate is kept for so long: a replay that stood still does not catch up."""

OUTCOME_MS: Final = ROUND_MS + 3_600_000
"""How long after its end a replay looks what became of its messages: a round ends within 24 h."""

START: Final = MessageId("")
"""The position before the first message."""

NOT_FOUND: Final = "NOT_FOUND"
NOT_SELECTED: Final = "NOT_SELECTED"
UNCONFIRMED: Final = "UNCONFIRMED"
CONTENT_ERASED: Final = "CONTENT_ERASED"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a replay is about: named messages, or those that pass a filter. Raises `InvalidValueError`."""

    filter: FailureFilter = field(default_factory=FailureFilter)
    message_ids: tuple[MessageId, ...] = ()
    """In the order of ids, which is that of acceptance, each once, however they were named; empty = by the filter."""
    unconfirmed: bool = False
    """Also what is not proven unsent: a duplicate is possible, and the message says so."""

    def __post_init__(self) -> None:
        """An empty selection would be everything that ever failed."""
        filtered = self.filter != FailureFilter()
        if not self.message_ids and not filtered:
            raise InvalidValueError("cause", "or another field that selects messages is required, such as messageIds")
        if self.message_ids and filtered:
            raise InvalidValueError("messageIds", "must not be given beside other fields that select messages")
        if len(self.message_ids) > MAX_MESSAGE_IDS:
            raise InvalidValueError("messageIds", f"may name {MAX_MESSAGE_IDS} messages")
        object.__setattr__(self, "message_ids", tuple(sorted(set(self.message_ids))))

    @property
    def takes_recalled(self) -> bool:
        """Whether it takes messages whose recall was requested: only by their cause or id."""
        return bool(self.message_ids) or self.filter.cause == FailureReason.RECALL_ASKED

    def skipped_because(self, message: Message) -> str | None:
        """Why it is not replayed: a stable word, such as its status. None where it is."""
        if message.status not in FAILURES:
            return message.status.value
        if not self.message_ids and not self.filter.matches(message):
            return NOT_SELECTED
        if not self.takes_recalled and cause_of(message) == FailureReason.RECALL_ASKED:
            return FailureReason.RECALL_ASKED.value
        if message.is_erased:
            return CONTENT_ERASED
        return UNCONFIRMED if message.confirmed is False and not self.unconfirmed else None


class ReplayState(StrEnum):
    """How far a replay is; the names are API."""

    COUNTING = "COUNTING"
    """It counts what it selects."""
    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    """By a person; what it has replayed stays replayed."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A part of what a replay selects."""

    messages: int
    unconfirmed: int
    """Messages beside them that it leaves out, as they are not proven unsent."""
    reached: MessageId | None
    """The last id that was looked at; None where there are no more."""


class ItemState(StrEnum):
    """What became of a message in a replay."""

    OPEN = "OPEN"
    """It was replayed, and does not rest yet."""
    ENDED = "ENDED"
    """It was sent or cancelled."""
    FAILED = "FAILED"
    """It failed again."""
    SKIPPED = "SKIPPED"
    """It was not replayed."""


@dataclass(frozen=True, slots=True)
class ReplayItem:
    """A message that a replay has come to."""

    message_id: MessageId
    state: ItemState
    reason: str | None = None
    """Of SKIPPED: NOT_FOUND, NOT_SELECTED, CONTENT_ERASED, UNCONFIRMED, RECALL_ASKED, or the message's status."""
    round: int | None = None
    """The round that the replay has opened."""


def outcome_of(item: ReplayItem, status: MessageStatus | None, current_round: int | None) -> ItemState:
    """What became of an OPEN item whose message has this status; None = it was deleted."""
    if status is None or current_round is None:
        return ItemState.ENDED
    if status in FAILURES or (item.round is not None and current_round > item.round):
        return ItemState.FAILED  # a later round: somebody retried it once more
    return ItemState.ENDED if status in RESTING else ItemState.OPEN


@dataclass(slots=True)
class Replay:
    """One replay. Its numbers change only by its methods."""

    id: ReplayId
    """UUIDv7: messages with a larger id were accepted later, and are not selected."""
    tenant_id: TenantId
    selection: Selection
    rate_milli: int
    """Messages per 1,000 seconds."""
    dry_run: bool
    """Only count."""
    created_at: int
    state: ReplayState = ReplayState.COUNTING
    position: MessageId = START
    """The last id that was looked at: of the count, then of the replay."""
    total: int = 0
    """What it selects, as far as it is counted."""
    unconfirmed: int = 0
    """What it leaves out beside that, as it is not proven unsent."""
    replayed: int = 0
    skipped: int = 0
    """Messages that it had selected and did not replay: they do not fail any more, or do not exist."""
    failed: int = 0
    """Messages that were replayed and failed again."""
    open: int = 0
    """Messages that were replayed and do not rest yet."""
    next_at: int = 0
    """When the rate allows the next message."""
    finished_at: int | None = None

    @property
    def done(self) -> bool:
        """Whether it replays nothing more."""
        return self.state in (ReplayState.DONE, ReplayState.CANCELLED)

    @property
    def rate_per_second(self) -> float:
        """Messages per second."""
        return self.rate_milli / 1000

    def is_active(self, now: int) -> bool:
        """Whether it has something to do: messages, or to see what became of them."""
        return self.finished_at is None or (self.open > 0 and now < self.finished_at + OUTCOME_MS)

    def start_named(self, skipped: Collection[MessageId], *, now: int) -> None:
        """The named messages need not be counted; those in `skipped` will not be replayed."""
        left = tuple(message_id for message_id in self.selection.message_ids if message_id not in skipped)
        if left:
            self.selection = dataclasses.replace(self.selection, message_ids=left)
        self.total, self.skipped = len(left), len(skipped)
        self._counted(now=now)

    def named(self, limit: int) -> tuple[tuple[MessageId, ...], MessageId | None]:
        """The next named messages, at most `limit`; and the last of them, None where there are no more."""
        left = tuple(message_id for message_id in self.selection.message_ids if message_id > self.position)
        return left[:limit], left[limit - 1] if len(left) > limit else None

    def count(self, counted: Counted, *, now: int) -> None:
        """Add a part of the count; after the last one it runs, or is done where there is nothing to do."""
        self.total += counted.messages
        self.unconfirmed += counted.unconfirmed
        if counted.reached is not None:
            self.position = counted.reached
        else:
            self._counted(now=now)

    def _counted(self, *, now: int) -> None:
        self.position = START
        if self.dry_run or not self.total:
            self._finish(ReplayState.DONE, now=now)
        else:
            self.state = ReplayState.RUNNING
            self.next_at = now

    def allowed(self, now: int) -> int:
        """How many messages the rate allows now, at most `MAX_STEP`."""
        begins_at = self._begins_at(now)
        if now < begins_at:
            return 0
        return min(MAX_STEP, 1 + (now - begins_at) * self.rate_milli // 1_000_000)

    def wait_ms(self, now: int) -> int:
        """Until the rate allows the next message."""
        return max(0, self._begins_at(now) - now)

    def _begins_at(self, now: int) -> int:
        """When the next message may go. It is never further away than one interval, unless the clock was set back."""
        next_at = self.next_at if self.next_at <= now + self._duration_ms(1) + 1 else now
        return max(next_at, now - BURST_MS)

    def _duration_ms(self, messages: int) -> int:
        return math.ceil(messages * 1_000_000 / self.rate_milli)

    def advance(self, items: Sequence[ReplayItem], reached: MessageId | None, *, now: int) -> None:
        """These messages are replayed or skipped, up to `reached`; None = there are no more."""
        replayed = sum(item.state is ItemState.OPEN for item in items)
        self.replayed += replayed
        self.open += replayed
        self.skipped += len(items) - replayed
        if replayed:
            self.next_at = self._begins_at(now) + self._duration_ms(replayed)
        if reached is not None:
            self.position = reached
        else:
            self._finish(ReplayState.DONE, now=now)

    def settle(self, *, ended: int, failed: int) -> None:
        """So many messages rest now, `failed` of them because they failed again."""
        self.open -= ended
        self.failed += failed

    def cancel(self, *, now: int) -> None:
        """Replay nothing more; without effect where it is done."""
        if not self.done:
            self._finish(ReplayState.CANCELLED, now=now)

    def _finish(self, state: ReplayState, *, now: int) -> None:
        self.state = state
        self.finished_at = now


def rate_in_milli(rate_per_second: float) -> int:
    """A rate as it is stored; raises `InvalidValueError` outside `MIN_RATE` to `MAX_RATE`."""
    if not MIN_RATE <= rate_per_second <= MAX_RATE:
        raise InvalidValueError("ratePerSecond", f"must be a number from {MIN_RATE:g} to {MAX_RATE:g}")
    return round(rate_per_second * 1000)
