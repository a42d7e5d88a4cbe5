"""Dispatch: claim a set, call concurrently, settle a set (decisions 12 and 42)."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from wework_message.application.commands.claim_due import ClaimDue, Departure
from wework_message.application.commands.settle import SettleCalls, Settlement
from wework_message.application.group_commit import GroupCommit
from wework_message.application.policy import Policy
from wework_message.domain.attempt import AttemptOutcome
from wework_message.domain.errors import ConflictError, UnavailableError
from wework_message.domain.horizon import WRITE_WITHIN_MS
from wework_message.domain.ids import ProviderCode
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.doorbell import Doorbell
from wework_message.domain.ports.gateway import Dispatch, MessageGateway, Recall
from wework_message.domain.ports.health import CallReport
from wework_message.domain.ports.system import Clock

IDLE_MS: Final = 1_000
"""How often the due table is looked at without a ring: scheduled messages, retries, and rings that were lost."""

RECORD_RETRY_S: Final = 0.5
"""Pause between tries to record an answer while the store is away."""

_SHUTDOWN: Final = AttemptOutcome(OutcomeClass.UNCERTAIN, reason="SHUTDOWN")


class Dispatcher:
    """Keeps up to `calls_in_flight` calls open for as long as something is due."""

    def __init__(
        self,
        commits: GroupCommit,
        claim: ClaimDue,
        settle: SettleCalls,
        gateways: Mapping[ProviderCode, MessageGateway],
        report: Callable[[CallReport], None],
        doorbell: Doorbell,
        clock: Clock,
        policy: Policy,
    ) -> None:
        """One per process; `gateways` has one entry per enabled provider, `report` hears of every call that ended."""
        self._commits = commits
        self._claim = claim
        self._settle = settle
        self._gateways = gateways
        self._tell = report
        self._doorbell = doorbell
        self._clock = clock
        self._slots = policy.calls_in_flight
        self._calls: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._stopping = False

    @property
    def in_flight(self) -> int:
        """Calls that are open or whose answer is being recorded."""
        return len(self._calls)

    async def run(self) -> None:
        """Dispatch until `stop`. A store that is away, or a claim that somebody else was faster with, only pauses it."""
        while not self._stopping:
            try:
                looked_at = await self.dispatch_due()
            except (ConflictError, UnavailableError):
                looked_at = 0
            if self.in_flight >= self._slots:
                self._freed.clear()
                await self._freed.wait()
            elif looked_at == 0 and not self._stopping:
                await self._doorbell.wait(IDLE_MS)

    async def dispatch_due(self) -> int:
        """Start the calls that fit into the free slots now; returns how many due messages were looked at."""
        async with self._claiming:
            free = self._slots - self.in_flight
            if free <= 0 or self._stopping:
                return 0
            claimed = await self._commits.submit(self._claim, free)
            for departure in claimed.departures:
                task = asyncio.create_task(self._call(departure))
                self._calls.add(task)
                task.add_done_callback(self._done)
            return claimed.looked_at

    async def stop(self, drain_s: float) -> None:
        """Claim nothing more and let open calls settle; what is open after `drain_s` is recorded as UNKNOWN."""
        self._stopping = True
        self._freed.set()
        await self._doorbell.ring(())
        async with self._claiming:  # what is being claimed now has its intents: let its calls start, then drain them
            calls = set(self._calls)
        if calls:
            await asyncio.wait(calls, timeout=drain_s)
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        self._freed.set()

    async def _call(self, departure: Departure) -> None:
        began = self._clock.boot()
        try:
            outcome = await self._ask(departure)
        except asyncio.CancelledError:
            outcome = _SHUTDOWN
        self._report(departure, outcome, self._clock.boot() - began)
        await self._record(departure, outcome)

    async def _ask(self, departure: Departure) -> AttemptOutcome:
        message, attempt = departure.message, departure.attempt
        gateway = self._gateways[attempt.provider_code]
        if departure.recalling and attempt.provider_message_id is not None:
            recall = Recall(message.id, attempt.guid, message.conversation_id, attempt.provider_message_id)
            return await gateway.recall(recall)
        deadline = departure.boot_ms + WRITE_WITHIN_MS
        dispatch = Dispatch(
            message.id, attempt.number, attempt.guid, message.conversation_id, message.content, deadline
        )
        return await gateway.send(dispatch)

    async def _record(self, departure: Departure, outcome: AttemptOutcome) -> None:
        """A bookkeeping failure is never a send failure: keep the answer and try again (domain D4.4)."""
        settlement = Settlement(departure.message, departure.attempt.number, outcome, departure.recalling)
        while True:
            try:
                await self._commits.submit(self._settle, settlement)
            except UnavailableError:
                await asyncio.sleep(RECORD_RETRY_S)
            else:
                return

    def _report(self, departure: Departure, outcome: AttemptOutcome, elapsed_ms: float) -> None:
        attempt = departure.attempt
        self._tell(
            CallReport(
                provider_code=attempt.provider_code,
                binding_id=attempt.binding_id,
                guid=attempt.guid,
                message_type="RECALL" if departure.recalling else departure.message.message_type,
                outcome=outcome.kind,
                reason=outcome.reason,
                confirmed=outcome.confirmed,
                elapsed_ms=elapsed_ms,
                at=self._clock.now(),
            )
        )
