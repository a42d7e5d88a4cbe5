"""Message statuses and the one table of what *we* may decide (D-15).

This file has every change of status that is a decision. Evidence (an answer, an echo, a revoke) is a set of facts, which
`message/projection.py` folds without regard to order.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from wework_message.domain.errors import IllegalTransitionError


class MessageStatus(StrEnum):
    """The status of a message; the names are API."""

    ACCEPTED = "ACCEPTED"
    """Stored; not yet made due."""
    SCHEDULED = "SCHEDULED"
    """Waits for its `scheduledAt`."""
    HELD = "HELD"
    """Waits for a reason (`HoldReason`); costs no attempt."""
    QUEUED = "QUEUED"
    """Claimable in its lane."""
    SENDING = "SENDING"
    """An intent is committed; a call is open or its process died."""
    RETRY_WAIT = "RETRY_WAIT"
    """The last attempt was provably not sent; another one follows automatically."""
    UNKNOWN = "UNKNOWN"
    """Perhaps sent. Only evidence, a person or the `onUnknown` policy ends it; it is never re-sent automatically."""
    SENT = "SENT"
    """The provider accepted it and named its id."""
    DELIVERED = "DELIVERED"
    """Seen in the account's server message stream, nothing more (D-18)."""
    RECALLING = "RECALLING"
    """A recall was requested, and is not confirmed yet."""
    RECALLED = "RECALLED"
    """Recalled, as the stream showed (`recallConfirmed`) or as the provider answered."""
    FAILED = "FAILED"
    """Not sent, and not retried automatically; `confirmed` says whether that is proven."""
    EXPIRED = "EXPIRED"
    """Its `expiresAt` came before the first byte left."""
    CANCELLED = "CANCELLED"
    """Withdrawn before it was claimed."""


class HoldReason(StrEnum):
    """Why a message waits in HELD."""

    BUDGET = "BUDGET"
    LANE_BLOCKED = "LANE_BLOCKED"
    PROVIDER_DOWN = "PROVIDER_DOWN"
    ALL_OFFLINE = "ALL_OFFLINE"
    STANDBY_ONLY = "STANDBY_ONLY"
    """The account is online, but only a standby could carry the message: a person activates that one, or it expires."""
    BREAKERS_OPEN = "BREAKERS_OPEN"
    QUIET_HOURS = "QUIET_HOURS"
    INTERVAL = "INTERVAL"
    """The last call of its conversation began too short a time ago."""
    THROTTLED = "THROTTLED"
    PAUSED = "PAUSED"
    """An operator stopped it (`Pause`)."""
    ACCOUNT_DISABLED = "ACCOUNT_DISABLED"
    """The account is switched off; the message goes out when it is on again (ADR 44)."""
    NO_BINDING = "NO_BINDING"
    """The account has no binding at this moment; it goes out by the next one (ADR 44)."""
    MEDIA = "MEDIA"
    """A file that it needs is being fetched, or uploaded to the provider (ADR 66)."""


LIMITS: Final = frozenset({HoldReason.BUDGET, HoldReason.QUIET_HOURS, HoldReason.INTERVAL})
"""Reasons that follow from the limits of an account, or of a provider."""


class Trigger(StrEnum):
    """What we may decide about a message."""

    QUEUE = "queue"
    CLAIM = "claim"
    HOLD = "hold"
    RETRY_LATER = "retry later"
    CANCEL = "cancel"
    EXPIRE = "expire"
    FAIL = "fail"
    LOSE = "lose"
    RECALL = "recall"
    REPLAY = "retry"
    FORCE_REPLAY = "forced retry"
    GIVE_UP = "give up"


_S, _T = MessageStatus, Trigger

WAITING: Final = frozenset({_S.ACCEPTED, _S.SCHEDULED, _S.HELD, _S.QUEUED, _S.RETRY_WAIT})
"""Statuses from which a due message is claimed; no call is open and none is unsettled."""

RESTING: Final = frozenset({_S.SENT, _S.DELIVERED, _S.RECALLED, _S.FAILED, _S.EXPIRED, _S.CANCELLED})
"""Statuses in which nothing is due any more (D-40)."""

FINAL: Final = RESTING - {_S.SENT}
"""Resting statuses that only new evidence or an explicit retry can leave (D-40)."""

DECISIONS: Final[dict[MessageStatus, dict[Trigger, MessageStatus]]] = {
    **{
        status: {
            _T.QUEUE: _S.QUEUED,
            _T.CLAIM: _S.SENDING,
            _T.HOLD: _S.HELD,
            _T.CANCEL: _S.CANCELLED,
            _T.EXPIRE: _S.EXPIRED,
            _T.FAIL: _S.FAILED,
        }
        for status in WAITING
    },
    _S.SENDING: {
        _T.RETRY_LATER: _S.RETRY_WAIT,
        _T.HOLD: _S.HELD,
        _T.FAIL: _S.FAILED,
        _T.LOSE: _S.UNKNOWN,
        _T.EXPIRE: _S.EXPIRED,
    },
    _S.UNKNOWN: {
        _T.FORCE_REPLAY: _S.QUEUED,
        _T.GIVE_UP: _S.FAILED,
        # Only by a late, definite answer that proves the uncertain attempt unsent:
        _T.RETRY_LATER: _S.RETRY_WAIT,
        _T.HOLD: _S.HELD,
        _T.FAIL: _S.FAILED,
        _T.EXPIRE: _S.EXPIRED,
    },
    _S.SENT: {_T.RECALL: _S.RECALLING},
    _S.DELIVERED: {_T.RECALL: _S.RECALLING},
    _S.RECALLING: {},
    _S.RECALLED: {},
    _S.FAILED: {_T.REPLAY: _S.QUEUED, _T.FORCE_REPLAY: _S.QUEUED},
    _S.EXPIRED: {_T.REPLAY: _S.QUEUED, _T.FORCE_REPLAY: _S.QUEUED},
    _S.CANCELLED: {},
}
"""Every transition we may decide, on one screen."""


def decide(status: MessageStatus, trigger: Trigger) -> MessageStatus:
    """The status after `trigger`; raises `IllegalTransitionError` where the table has no such edge."""
    try:
        return DECISIONS[status][trigger]
    except KeyError:
        raise IllegalTransitionError(status, trigger) from None


@dataclass(frozen=True, slots=True)
class Moved:
    """A change of status, for observers."""

    before: MessageStatus
    after: MessageStatus
    reason: str | None


@dataclass(slots=True)
class Lifecycle:
    """The status fields of one message, and the only ways in which they change."""

    status: MessageStatus = MessageStatus.QUEUED
    reason: str | None = None
    """Why it is HELD, UNKNOWN, FAILED ...; a stable word."""
    confirmed: bool | None = None
    """For FAILED: whether it is proven that nothing was sent."""
    updated_at: int = 0
    """Epoch ms."""
    moves: list[Moved] = field(default_factory=list)
    """Changes that were not reported yet."""

    @property
    def is_waiting(self) -> bool:
        """Whether no call is open and none is unsettled."""
        return self.status in WAITING

    def schedule(self) -> None:
        """A new message waits for its time."""
        self.status = MessageStatus.SCHEDULED

    def must_wait(self, trigger: Trigger) -> None:
        """Raises `IllegalTransitionError` unless it waits: the message was, or may have been, sent."""
        if not self.is_waiting:
            raise IllegalTransitionError(self.status, trigger)

    def decide(self, trigger: Trigger, *, now: int, reason: str | None = None) -> None:
        """Our decision, by the table; raises `IllegalTransitionError` and changes nothing where it has no such edge."""
        self.become(decide(self.status, trigger), reason, now=now)

    def become(self, status: MessageStatus, reason: str | None, *, now: int) -> None:
        """Take the status that evidence proves, from any status."""
        if status is not self.status or reason != self.reason:
            self.moves.append(Moved(self.status, status, reason))
        self.status = status
        self.reason = reason
        self.updated_at = now


_OLD_STATES: Final = {
    **dict.fromkeys(WAITING, "pending"),
    _S.SENDING: "sending",
    _S.UNKNOWN: "sending",
    **dict.fromkeys((_S.SENT, _S.RECALLING, _S.RECALLED), "sent"),
    _S.DELIVERED: "delivered",
    **dict.fromkeys((_S.FAILED, _S.EXPIRED, _S.CANCELLED), "failed"),
}


def old_state(status: MessageStatus) -> str:
    """The five-value view for old clients: pending, sending, sent, delivered, failed (W-3)."""
    return _OLD_STATES[status]


def success(status: MessageStatus) -> bool | None:
    """True for SENT and DELIVERED, false for a failure, None while open and once recalled (W-3)."""
    if status in (_S.SENT, _S.DELIVERED):
        return True
    return False if status in (_S.FAILED, _S.EXPIRED, _S.CANCELLED) else None
