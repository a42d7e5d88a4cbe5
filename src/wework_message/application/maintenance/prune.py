"""Maintenance tasks: delete old rows, and report unmatched callbacks (D-45, R-A6, M-4.3)."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from wework_message.application.policy import DAY_MS, Policy
from wework_message.domain.inbox import KEPT_FOR_PEOPLE, MAX_PARKED, InboxState
from wework_message.domain.lifecycle import RESTING, MessageStatus
from wework_message.domain.ports.maintenance import START, Pruned, Pruning
from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.ports.system import Clock
from wework_message.domain.webhooks.delivery import MAX_FAILED, MIN_KEPT_MS

KEY_RETENTION_MS: Final = 72 * 3_600_000
"""How long keys are kept at least; they stay until their message rests (D-45)."""

ROWS_PER_STEP: Final = 200
"""Rows that one transaction examines."""

INTERVAL_S: Final = 3_600.0

PRUNED_STATES: Final = (InboxState.APPLIED, InboxState.ORPHAN)
"""States of callbacks that are finished; failed and unreadable ones stay longer or shorter, for people."""

_log: Final = logging.getLogger(__name__)

MASS_DAYS_MS: Final = 3 * DAY_MS
"""Whichever zone an account has, its day has ended by then."""

Range = Callable[[Pruning, str], Awaitable[Pruned]]
"""One kind of old rows: deletes its next step, from a position on."""


class Prune:
    """Deletes everything that is old, range after range, `ROWS_PER_STEP` rows in a transaction."""

    name: Final = "prune"
    interval_s: Final = INTERVAL_S

    def __init__(self, policy: Policy, step: int = ROWS_PER_STEP) -> None:
        """Rows that `policy` keeps for ever are not examined. Keys go first: none may outlive its message."""
        self._ranges: list[tuple[str, Range]] = [
            ("keys", partial(_keys, step)),
            *[
                (
                    f"callbacks {state}",
                    partial(_callbacks, step, state, policy.keep_callbacks_ms, policy.inbox.max_finished),
                )
                for state in PRUNED_STATES
            ],
            *[
                (f"callbacks {state}", partial(_callbacks, step, state, policy.keep_quarantine_ms, None))
                for state in KEPT_FOR_PEOPLE
            ],
            *[
                (f"messages {status}", partial(_messages, step, status, policy.keep_messages_ms))
                for status in sorted(RESTING)
                if policy.keep_messages_ms is not None
            ],
        ]
        self._ranges.append(("days of mass sends", partial(_mass_days, step)))
        self._ranges.append(("deliveries", partial(_deliveries, step, max(policy.keep_callbacks_ms, MIN_KEPT_MS))))
        self._ranges.append(("media", partial(_media, step, policy.keep_media_ms)))
        self._ranges.append(("audit trail", partial(_audit, step, policy.keep_audit_ms)))
        if policy.keep_messages_ms is not None:
            self._ranges.append(("replays", partial(_replays, step, policy.keep_messages_ms)))
            self._ranges.append(("erasures", partial(_erasures, step, policy.keep_messages_ms)))
            # Behind the messages: a choice is in use for as long as one of them is there.
            self._ranges.append(("choices of pools", partial(_choices, step, policy.keep_messages_ms)))
        self._round = _Round()

    def begin(self) -> None:
        """Start with the first range."""
        self._round = _Round()

    async def step(self, unit: UnitOfWork) -> bool:
        """Delete the next step of the current range."""
        at = self._round
        what, prune = self._ranges[at.range]
        pruned = await prune(unit.pruning, at.after)
        at.deleted += pruned.deleted
        if pruned.after is not None:
            at.after = pruned.after
            return True
        if at.deleted:
            _log.info("pruned %s: %d", what, at.deleted)
        self._round = _Round(at.range + 1)
        return self._round.range < len(self._ranges)


@dataclass(slots=True)
class _Round:
    range: int = 0
    after: str = field(default=START)
    deleted: int = 0


def _mass_days(step: int, pruning: Pruning, after: str) -> Awaitable[Pruned]:
    return pruning.mass_days(older_than_ms=MASS_DAYS_MS, limit=step, after=after)


def _keys(step: int, pruning: Pruning, after: str) -> Awaitable[Pruned]:
    return pruning.keys(older_than_ms=KEY_RETENTION_MS, limit=step, after=after)


def _callbacks(
    step: int, state: InboxState, older_than_ms: int, beyond: int | None, pruning: Pruning, after: str
) -> Awaitable[Pruned]:
    return pruning.callbacks(state, older_than_ms=older_than_ms, limit=step, after=after, beyond=beyond)


def _messages(step: int, status: MessageStatus, older_than_ms: int, pruning: Pruning, after: str) -> Awaitable[Pruned]:
    return pruning.messages(status, older_than_ms=older_than_ms, limit=step, after=after)


def _replays(step: int, older_than_ms: int, pruning: Pruning, after: str) -> Awaitable[Pruned]:
    return pruning.replays(older_than_ms=older_than_ms, limit=step, after=after)


def _erasures(step: int, older_than_ms: int, pruning: Pruning, after: str) -> Awaitable[Pruned]:
    return pruning.erasures(older_than_ms=older_than_ms, limit=step, after=after)


def _choices(step: int, older_than_ms: int, pruning: Pruning, after: str) -> Awaitable[Pruned]:
    return pruning.choices(older_than_ms=older_than_ms, limit=step, after=after)


def _deliveries(step: int, older_than_ms: int, pruning: Pruning, after: str) -> Awaitable[Pruned]:
    return pruning.deliveries(older_than_ms=older_than_ms, limit=step, after=after, beyond=MAX_FAILED)


def _audit(step: int, older_than_ms: int, pruning: Pruning, after: str) -> Awaitable[Pruned]:
    return pruning.audit(older_than_ms=older_than_ms, limit=step, after=after)


def _media(step: int, older_than_ms: int, pruning: Pruning, after: str) -> Awaitable[Pruned]:
    return pruning.media(older_than_ms=older_than_ms, limit=step, after=after)


class GiveUpUnmatched:
    """Marks own records that matched nothing for a day, and the oldest beyond a number, as ORPHAN, and reports how many."""

    name: Final = "orphans"
    interval_s: Final = 60.0
    """In seconds: what is parked in the meantime is all that can be beyond its number."""

    def __init__(self, clock: Clock, max_parked: int = MAX_PARKED, limit: int = ROWS_PER_STEP) -> None:
        """`clock` gives the time of a day ago; `limit` is how many one transaction gives up of either kind."""
        self._clock = clock
        self._max_parked = max_parked
        self._limit = limit

    def begin(self) -> None:
        """A round has no state."""

    async def step(self, unit: UnitOfWork) -> bool:
        """Up to `limit` of either kind."""
        old = await unit.inbox.orphan(limit=self._limit, before=self._clock.now() - DAY_MS)
        if old:
            _log.warning("callback records of our own accounts matched no message for a day: %d", old)
        many = await unit.inbox.orphan(limit=self._limit, keep=self._max_parked)
        if many:
            _log.warning("callback records of our own accounts were given up early, as too many wait: %d", many)
        return self._limit in (old, many)
