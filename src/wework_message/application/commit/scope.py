"""What a use case does in a transaction, and where it has that done."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

from wework_message.domain.account import Account, Binding
from wework_message.domain.errors import ConflictError, TryAgainError
from wework_message.domain.ids import BindingId, Guid, MessageId
from wework_message.domain.inbox import QuarantineReason
from wework_message.domain.message.fitting import Misfit
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import Urgency
from wework_message.domain.message.sent_message import Echo, SentMessage
from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.presence import PresenceCause, PresenceChange
from wework_message.domain.trace import TraceContext
from wework_message.domain.webhooks.event import Event, presence_event

Item = TypeVar("Item")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class Report(NamedTuple):
    """What a callback, or a pull, told about an attempt of a traced message."""

    trace: TraceContext
    message_id: MessageId
    number: int
    """Of the attempt."""
    since_ms: int
    """When it was received, epoch ms."""
    request: TraceContext | None = None
    """The span of the callback, where it is recorded and known."""


@dataclass(slots=True)
class CommitScope:
    """One transaction, and what must follow its commit."""

    unit: UnitOfWork
    accepted: list[Message] = field(default_factory=list)
    """Messages that are new."""
    moved: list[Message] = field(default_factory=list)
    """Messages whose status changed, for watchers, logs and metrics."""
    delivered: list[SentMessage] = field(default_factory=list)
    """Messages at rest whose echo came: that is all that happened to them."""
    due: dict[Urgency, list[MessageId]] = field(default_factory=dict)
    """Messages that became due now, by class: one notification carries all of a class."""
    traces: dict[Urgency, list[TraceContext]] = field(default_factory=dict)
    """Those of these messages, as far as they are recorded."""
    reports: list[Report] = field(default_factory=list)
    """What callbacks and pulls told about messages that are traced."""
    lanes_freed: bool = False
    """A lane became free, and a message that waited for it was woken, whichever that is."""
    inbox: bool = False
    """Callbacks wait to be projected."""
    callbacks: Counter[tuple[int, str]] = field(default_factory=Counter)
    """Number of callback items by notify type and result."""
    misfits: Counter[Misfit] = field(default_factory=Counter)
    """Number of records that name a message of ours and do not fit it."""
    quarantined: Counter[QuarantineReason] = field(default_factory=Counter)
    """Number of records that were quarantined for another reason."""
    guids: dict[tuple[int, str] | Misfit | QuarantineReason, Guid] = field(default_factory=dict)
    """The instance of the last item of each of these three kinds, for the log."""
    foreign_ids: int = 0
    """Number of message ids that are none of ours, in callbacks that name many such."""
    events: list[Event] = field(default_factory=list)
    """What clients are to be told beside changes of status."""
    mass: bool = False
    """Chunks of mass sends may be due."""
    media: bool = False
    """Fetches or uploads of media were requested."""
    webhooks: bool = False
    """Deliveries to clients' webhooks may be due."""
    when_ended: list[Callable[[BaseException | None], None]] = field(default_factory=list)
    """Called in any case: with None once the transaction is committed, else with its error. They must not raise."""

    def ended(self, error: BaseException | None = None) -> None:
        """The transaction is committed, or ended by an error."""
        for notice in self.when_ended:
            notice(error)

    async def save(self, messages: Sequence[Message]) -> None:
        """Save messages that this transaction has locked, and collect what must follow the commit.

        Raises `TryAgainError` where one has changed all the same: nothing that was made of it may be answered as done.
        """
        if await self.save_unchanged(messages):
            raise TryAgainError("database", "a message that was locked has changed")

    async def save_unchanged(self, messages: Sequence[Message]) -> frozenset[MessageId]:
        """Save those that are stored as they were read, and the same; returns the ids of the others, which stay as they are."""
        lost = await self.unit.messages.save(messages) if messages else frozenset()
        for message in messages:
            if message.id in lost:
                continue
            self.moved.append(message)
            self.lanes_freed |= message.lane_released
            self.became_due([message])
            message.written()
        return lost

    async def deliver(self, echoes: Sequence[Echo], at: int) -> None:
        """Write the first echoes of messages at rest, and collect what must follow the commit; `at` in epoch ms."""
        await self.unit.echoes.deliver(echoes, at)
        self.delivered += [echo.message for echo in echoes]

    async def observe(self, binding_id: BindingId, *, online: bool, cause: PresenceCause, at: int) -> None:
        """Store whether an instance is online, and collect what that changes about its account; `at` in epoch ms."""
        self._tell(await self.unit.accounts.observe(binding_id, online=online), cause, at)

    async def save_account(
        self, account: Account, bindings: Sequence[Binding] = (), *, cause: PresenceCause, at: int
    ) -> None:
        """Save an account that was changed by hand; the same. Raises `ConflictError`."""
        self._tell(await self.unit.accounts.save(account, bindings), cause, at)

    def _tell(self, change: PresenceChange | None, cause: PresenceCause, at: int) -> None:
        if change is not None:
            self.events.append(presence_event(change, cause, at))

    def became_due(self, messages: Sequence[Message]) -> None:
        """Collect for the notification those that are due at once."""
        for message in messages:
            if message.due is not None and message.due.in_ms == 0:
                if message.waits_in_chunk:
                    self.mass = True
                    continue
                urgency = Urgency.of(message.options.priority)
                self.due.setdefault(urgency, []).append(message.id)
                if message.trace is not None:
                    self.traces.setdefault(urgency, []).append(message.trace)


def may_be_committed(error: BaseException | None) -> bool:
    """Whether nobody knows if a transaction that ended with `error` is committed; None = it is."""
    return isinstance(error, Exception) and not isinstance(error, TryAgainError | ConflictError)


class Operation(Protocol[Item_contra, Result_co]):
    """Work on a set of items inside a unit of work. A result that is an exception is raised to its caller alone."""

    async def __call__(self, scope: CommitScope, items: Sequence[Item_contra], /) -> Sequence[Result_co | Exception]:
        """One result per item, in order."""
        ...


class AfterCommit(Protocol):
    """What follows a commit: notifier, watchers, metrics. It must not raise."""

    async def __call__(self, scope: CommitScope, /) -> None:
        """`scope.unit` is closed already."""
        ...


class BeforeCommit(Protocol):
    """The last step of a transaction, after all operations."""

    async def __call__(self, scope: CommitScope, /) -> None:
        """What it raises rolls the transaction back."""
        ...


class Commits(Protocol):
    """Where a use case has its part of a transaction run."""

    async def submit(self, operation: Operation[Item, Result], item: Item) -> Result:
        """Run `operation` on `item` in the next transaction and return its result once that is durable.

        Items of the same operation are handed to it together. Raises what the operation returned as this item's
        exception, `UnavailableError` if the store did not take the transaction, `DrainingError` after `close`.
        A caller that is cancelled does not undo its item.
        """
        ...
