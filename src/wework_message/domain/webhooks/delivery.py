"""One event on its way to one endpoint, and when it is tried: the schedule of Svix, with jitter."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self, TypeAlias

from wework_message.domain.ids import EventId, MessageId, TenantId, WebhookId
from wework_message.domain.outbound_answer import OutboundAnswer, OutboundOutcome
from wework_message.domain.trace import TraceContext

SCHEDULE_MS: Final = (5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 36_000_000)
"""The waits between attempts; the first attempt is at once."""

MAX_ATTEMPTS: Final = len(SCHEDULE_MS) + 1

JITTER: Final = 0.2
"""A wait is this part longer or shorter."""

BUSY_WAIT_MS: Final = 60_000
"""The shortest wait after a timeout, 429 or 503: the receiver has too much to do."""

MAX_RETRY_AFTER_MS: Final = SCHEDULE_MS[-1]
"""A receiver's `Retry-After` is kept up to the longest wait of the schedule. (A provider's up to an hour: R-T3.)"""

DEADLINE_MS: Final = 15_000
"""How long one attempt may take."""

LEASE_MS: Final = 3 * DEADLINE_MS
"""A claimed delivery is due once more after so long: then the process that claimed it has died.

It may wait for a slot as long as an attempt takes, and there is as much time again to write how its own attempt ended.
"""

MIN_KEPT_MS: Final = 4 * 24 * 3_600_000
"""How long a delivery is kept at least: all attempts take a day and a half, three days where each is asked to wait."""

MAX_FAILED: Final = 100_000
"""Failed deliveries of one endpoint that are kept: the newest."""

STEP_MS: Final = 1_000
"""The shortest wait behind an earlier event of the same message."""

GONE: Final = 410
_BUSY: Final = frozenset({429, 503})


class DeliveryState(StrEnum):
    """How far a delivery is; the names are API."""

    WAITING = "WAITING"
    """It will be tried."""
    DELIVERED = "DELIVERED"
    """The receiver answered 2xx."""
    FAILED = "FAILED"
    """All attempts failed, or the endpoint was disabled by failures when it was recorded; `recover` lets it wait anew."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event for one endpoint. It is replaced, never changed. Instants are epoch ms."""

    endpoint_id: WebhookId
    event_id: EventId
    """The `webhook-id` of every attempt."""
    tenant_id: TenantId
    type: str
    """An `EventType`, or one of a later version of the service."""
    message_id: MessageId | None
    sequence: int | None
    body: str
    """The JSON that is signed and sent."""
    created_at: int
    due_at: int | None
    """When it is tried next, or taken to be lost by the process that tries it; None once it has ended."""
    callback_url: str | None = None
    """Where it goes instead of the endpoint's URL, by the endpoint's secret."""
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    """Attempts that were begun since it was recorded or recovered; also that of a process that died before it sent anything."""
    outcome: OutboundOutcome | None = None
    """How the last attempt ended."""
    status: int | None = None
    """The last HTTP status."""
    ended_at: int | None = None
    trace: TraceContext | None = None
    """What the request tells the endpoint: the span that accepted the message, where that is recorded."""

    @property
    def blames_endpoint(self) -> bool:
        """Whether a failed attempt speaks against the endpoint: what a message's own URL answers speaks against that URL only."""
        return self.callback_url is None or self.status is None

    def claimed(self, now: int) -> Self:
        """One attempt begins."""
        return replace(self, attempts=self.attempts + 1, due_at=now + LEASE_MS)

    def has_time(self, now: int) -> bool:
        """Whether a claimed one may be sent at `now`: a whole attempt fits into its lease. Else another process could send it too."""
        return self.due_at is not None and now + DEADLINE_MS <= self.due_at

    def given_back(self, now: int) -> Self:
        """A claimed one that was not sent: as if nobody had claimed it, due at once."""
        return replace(self, attempts=self.attempts - 1, due_at=now)

    def answered(self, answer: OutboundAnswer, *, now: int, fraction: float) -> Self:
        """After an attempt; `fraction` in [0, 1) is the jitter."""
        after = replace(self, outcome=answer.outcome, status=answer.status)
        if answer.outcome is OutboundOutcome.DELIVERED:
            return replace(after, state=DeliveryState.DELIVERED, due_at=None, ended_at=now)
        if self.attempts >= MAX_ATTEMPTS or answer.status == GONE:
            return replace(after, state=DeliveryState.FAILED, due_at=None, ended_at=now)
        return replace(after, due_at=now + wait_ms(self.attempts, answer, fraction))

    def withheld(self, now: int) -> Self:
        """Recorded for an endpoint that failures have disabled: without an attempt it waits for `recover`."""
        return replace(self, state=DeliveryState.FAILED, due_at=None, ended_at=now)

    def recovered(self, now: int) -> Self:
        """Tried once more from the start."""
        return replace(self, state=DeliveryState.WAITING, attempts=0, due_at=now, ended_at=None)


def wait_ms(attempts: int, answer: OutboundAnswer, fraction: float) -> int:
    """The wait after attempt number `attempts` (1 to `MAX_ATTEMPTS` - 1), which failed so; `fraction` in [0, 1) is the jitter."""
    wait = SCHEDULE_MS[attempts - 1] * (1 - JITTER + 2 * JITTER * fraction)
    if answer.outcome is OutboundOutcome.TIMEOUT or answer.status in _BUSY:
        wait = max(wait, BUSY_WAIT_MS)
    return round(max(wait, min(answer.retry_after_ms or 0, MAX_RETRY_AFTER_MS)))


Heads: TypeAlias = Mapping[MessageId, tuple[int, int]]
"""Of messages with waiting events at one endpoint: the lowest sequence among these, and when that event is due."""


def heads_of(waiting: Iterable[tuple[MessageId, int, int]]) -> Heads:
    """From message, sequence and due time of deliveries to one endpoint that did not end."""
    heads: dict[MessageId, tuple[int, int]] = {}
    for message_id, sequence, due_at in waiting:
        head = (sequence, due_at)
        heads[message_id] = min(heads.get(message_id, head), head)
    return heads


def put_off(delivery: Delivery, heads: Heads, *, now: int) -> int | None:
    """Until when a due delivery waits for an earlier event of its message; None = it may be sent.

    The end of the earlier one makes it due at once; this time is for the case that the end passes it by. It is `STEP_MS`
    at least: an earlier one that is being claimed now looks due.
    """
    head = heads.get(delivery.message_id) if delivery.message_id is not None else None
    if head is None or delivery.sequence is None or delivery.sequence <= head[0]:
        return None
    return max(head[1], now + STEP_MS)
