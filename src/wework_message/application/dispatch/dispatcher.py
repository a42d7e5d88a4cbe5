"""Dispatch: claim a set, call concurrently, settle a set (D-12 and D-42)."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from wework_message.application.commit.scope import Commits
from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.dispatch.at_once import CallStarter, SlotGate
from wework_message.application.dispatch.begin_call import StartedCall
from wework_message.application.dispatch.claim import ClaimDue, Claimed, ClaimRequest
from wework_message.application.dispatch.fence import EpochFence
from wework_message.application.dispatch.in_flight import InFlight
from wework_message.application.dispatch.own_outcomes import FENCED, RAISED, SHUTDOWN
from wework_message.application.dispatch.put_off import PutOff
from wework_message.application.dispatch.record_answers import RecordAnswers
from wework_message.application.policy import Policy
from wework_message.application.waiting import set_within
from wework_message.domain.errors import ConflictError, UnavailableError
from wework_message.domain.horizon import WRITE_WITHIN_MS
from wework_message.domain.ids import MessageId, ProviderCode, ProviderMessageId
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.erasing import sendable
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import Dispatch, MessageGateway, Recall
from wework_message.domain.ports.health import RECALL, CallReport
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.notifier import Notifier, Wakeup
from wework_message.domain.ports.system import Clock
from wework_message.domain.ports.tracer import Tracer
from wework_message.domain.trace import TraceContext

UNRECORDED_PER_SLOT: Final = 2
"""Calls that are open or not recorded, at most, for each slot: so many are UNKNOWN after a crash."""

_NO_GATEWAY: Final = AttemptOutcome(OutcomeClass.REFUSED_BINDING, reason=Reason.NO_GATEWAY)

_log: Final = logging.getLogger(__name__)


class Dispatcher:
    """Keeps up to `calls_in_flight` calls open for as long as something is due.

    A slot is free when its call has ended: the next call does not wait until the answer of the last one is recorded.
    """

    def __init__(
        self,
        commits: Commits,
        claim: ClaimDue,
        record: RecordAnswers,
        gateways: Mapping[ProviderCode, MessageGateway],
        report: Callable[[CallReport], None],
        notifier: Notifier,
        in_flight: InFlight,
        pauses: PauseBoard,
        gate: SlotGate,
        fence: EpochFence,
        clock: Clock,
        policy: Policy,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        """One per process; `gateways` has one entry per enabled provider, `report` is called for every call that ended.

        `commits` takes the claims, `gate` says when accepted messages may take slots, `pauses` when nothing may be sent,
        `fence` which calls may still start.
        """
        self._commits = commits
        self._claim = claim
        self._record = record
        self._put_off = PutOff(in_flight, clock)
        self._gateways = gateways
        self._report_call = report
        self._notifier = notifier
        self._clock = clock
        self._in_flight = in_flight
        self._pauses = pauses
        self._gate = gate
        self._fence = fence
        self._tracer = tracer
        self._slots = policy.calls_in_flight
        self._poll_ms = policy.poll_due_ms
        self._calls: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.Task[None]] = set()
        """Those of them whose call has not ended."""
        self._freed = asyncio.Event()
        self._claimed_full = False
        """The last claim had no call to give away: what it was asked for is still due."""
        self._claiming = asyncio.Lock()
        self._stopping = False
        self._stopped = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """Calls that are open or whose answer is being recorded, `UNRECORDED_PER_SLOT` for each slot at most."""
        return len(self._calls)

    @property
    def free(self) -> int:
        """Sends that may start now; 0 while nothing may be sent."""
        return 0 if self._pauses.stops_all else self._room

    @property
    def _room(self) -> int:
        """Calls that are free, whether or not anything may be sent: while nothing may, wake-ups are taken all the same."""
        return min(self._in_flight.free, UNRECORDED_PER_SLOT * self._slots - len(self._calls))

    async def run(self) -> None:
        """Dispatch until `stop`. A store that is away only pauses it, and so does a defect, which is logged."""
        more, next_scan_at = True, self._clock.boot()
        while not self._stopping:
            full = self._room <= 0
            self._gate.caught_up = not (more or full)
            if full:
                self._freed.clear()
                if await set_within(self._freed, self._poll_ms / 1000):
                    continue
            try:
                # Without a free call nothing is taken from the notifier; recalls have room of their own.
                wait_ms = 0 if more else max(0, round(next_scan_at - self._clock.boot()))
                wakeup = Wakeup() if full else await self._notifier.wait(wait_ms)
                full_scan = more or not wakeup.message_ids or self._clock.boot() >= next_scan_at
                looked_at = await self.dispatch_due(None if full_scan else wakeup.message_ids, wakeup.traces)
                await self._notifier.answered(wakeup)
            except UnavailableError:
                more = await self._pause()
                continue
            except Exception:  # noqa: BLE001 -- one defect must not end all sending
                _log.exception("sendMessage claim failed")
                more = await self._pause()
                continue
            # Messages that did not fit are read from the table, in turn, as slots become free. Without a free call the claim has
            # looked at recalls alone; what was accepted during the wait may have taken the last ones.
            some_left = looked_at > 0 if full_scan else len(wakeup.message_ids) > looked_at > 0
            more = full or self._claimed_full or some_left
            if full_scan:
                next_scan_at = self._clock.boot() + self._poll_ms

    async def _pause(self) -> bool:
        """Wait for the next poll, or `stop`. A wake-up that was not answered comes again. Then the table is read."""
        await set_within(self._stopped, self._poll_ms / 1000)
        return True

    async def dispatch_due(
        self, among: frozenset[MessageId] | None = None, woken_by: Sequence[TraceContext] = ()
    ) -> int:
        """Start the calls that fit into the free slots now; returns how many due messages it looked at.

        `woken_by` are the spans of what came, as far as they are recorded.
        """
        async with self._claiming, self._gate.claiming():
            if self._stopping:
                return 0
            await self._pauses.refresh()
            self._claimed_full = self._room <= 0
            since = self._clock.now()
            claimed = await self._claim_safely(ClaimRequest(max(0, self.free), among, disown=self.disown))
            if claimed.admission is not None:
                self._in_flight.claimed(claimed.admission, claimed.last)
            messages = [call.message for call in claimed.started_calls]
            self.start(claimed.started_calls, self._tracer.claimed(messages, woken_by, since_ms=since))
            if self._in_flight.someone_waits:  # for a call that ended while the claim was decided on and committed
                await self._notifier.notify(())
            return claimed.looked_at

    def start(self, started_calls: Sequence[StartedCall], claim: TraceContext | None = None) -> None:
        """Make these calls; their intents are durable. `claim` is the span that claimed them, where it is recorded."""
        for started_call in started_calls:
            self._in_flight.started(started_call.attempt, recalling=started_call.recalling)
            task = asyncio.create_task(self._call(started_call, claim))
            self._open.add(task)
            self._keep(task)

    def disown(self, started_calls: Sequence[StartedCall]) -> None:
        """Take these sends back, if their intents are stored: it is not known whether they are, so nobody makes them."""
        for started_call in started_calls:
            self._keep(asyncio.create_task(self._record.unmade(started_call)))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._calls.add(task)
        task.add_done_callback(self._done)

    async def _claim_safely(self, claim_request: ClaimRequest) -> Claimed:
        """Claim; a message that breaks a guard of the store is put off, and the others go one by one (R-G4)."""
        try:
            return await self._commits.submit(self._claim, claim_request)
        except ConflictError:
            _log.exception("sendMessage claim of a set refused")
        try:
            return await self._commits.submit(self._claim, ClaimRequest(1, alone=True, disown=self.disown))
        except ConflictError:
            return Claimed(looked_at=await self._commits.submit(self._put_off, 1))

    async def stop(self, drain_s: float) -> None:
        """Claim nothing more and let open calls settle; calls that are open after `drain_s` are recorded as UNKNOWN."""
        self._stopping = True
        self._gate.caught_up = False
        self._stopped.set()
        self._freed.set()
        await self._notifier.notify(())
        # What is being committed has its intents: let its calls start, then drain them.
        await self.decided()
        calls = set(self._calls)
        if calls:
            await asyncio.wait(calls, timeout=drain_s)
        self._record.give_up()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    async def decided(self) -> None:
        """Return once the claim, or the transaction that accepts, which is under way now has begun its calls."""
        async with self._claiming, self._gate.claiming():
            pass

    def _done(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        self._open.discard(task)
        self._freed.set()

    async def _call(self, started_call: StartedCall, claim: TraceContext | None) -> None:
        began = self._clock.boot()
        span = self._tracer.calling(started_call.message, started_call.attempt, claim, recalling=started_call.recalling)
        try:
            outcome = await self._ask(started_call)
        except asyncio.CancelledError:
            outcome = SHUTDOWN
        except Exception:  # noqa: BLE001 -- a gateway never raises; one that does has perhaps sent
            _log.exception("sendMessage call raised")
            outcome = RAISED
        span.end(outcome.kind, failed=outcome.kind is not OutcomeClass.ACCEPTED)
        self._open.difference_update({asyncio.current_task()})
        self._in_flight.ended(started_call.attempt, recalling=started_call.recalling)
        self._freed.set()
        if self._in_flight.someone_waits:
            await self._notifier.notify(())
        try:
            self._report(started_call, outcome, self._clock.boot() - began)
        except Exception:  # noqa: BLE001 -- statistics must not cost the answer
            _log.exception("sendMessage call could not be reported")
        settling = self._tracer.recording(span.context)
        await self._record(started_call, outcome)
        settling.end()

    async def _ask(self, started_call: StartedCall) -> AttemptOutcome:
        message, attempt = started_call.message, started_call.attempt
        gateway = self._gateways.get(attempt.provider_code)
        if gateway is None:
            return _NO_GATEWAY
        if not self._fence.may_start(attempt.binding_id, started_call.epoch):
            return FENCED
        deadline = started_call.boot_ms + WRITE_WITHIN_MS
        if started_call.recalling:
            provider_message_id = attempt.provider_message_id or ProviderMessageId("")
            return await gateway.recall(
                Recall(message.id, attempt.guid, message.conversation_id, provider_message_id, deadline)
            )
        content = sendable(message) if started_call.rendered is None else started_call.rendered.content
        return await gateway.send(
            Dispatch(message.id, attempt.number, attempt.guid, message.conversation_id, content, deadline)
        )

    def _report(self, started_call: StartedCall, outcome: AttemptOutcome, elapsed_ms: float) -> None:
        attempt = started_call.attempt
        self._report_call(
            CallReport(
                provider_code=attempt.provider_code,
                binding_id=attempt.binding_id,
                guid=attempt.guid,
                message_type=RECALL if started_call.recalling else started_call.message.message_type,
                outcome=outcome.kind,
                reason=outcome.reason,
                confirmed=outcome.confirmed,
                elapsed_ms=elapsed_ms,
                at=self._clock.now(),
                retry_after_ms=outcome.retry_after_ms,
            )
        )


def _conforms(dispatcher: Dispatcher) -> CallStarter:
    return dispatcher
