"""The loop that makes the calls of mass sends: with slots of its own, so that no single message waits for one (ADR 67)."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.dispatch.begin_call import StartedCall
from wework_message.application.dispatch.fence import EpochFence
from wework_message.application.dispatch.own_outcomes import FENCED, RAISED, SHUTDOWN
from wework_message.application.dispatch.record_answers import RecordAnswers
from wework_message.application.errors import DrainingError
from wework_message.application.mass.begin_chunk import StartedChunk
from wework_message.application.mass.claim import ChunkRequest, ClaimChunks
from wework_message.application.waiting import rounds_until
from wework_message.domain.content.mass import MassContent
from wework_message.domain.errors import UnavailableError
from wework_message.domain.horizon import WRITE_WITHIN_MS
from wework_message.domain.ids import BatchId, ProviderCode
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.health import CallReport
from wework_message.domain.ports.mass import MassReader, MassTask
from wework_message.domain.ports.mass_gateway import MassCall, MassGateway, MassOutcome
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.system import Clock
from wework_message.domain.ports.tracer import Tracer

SLOTS: Final = 2
"""Calls of mass sends that a process makes at a time."""

POLL_S: Final = 1.0
"""How soon is seen what another process has accepted, and what a wait was for."""

FIRST_CHECK_MS: Final = 60_000
"""When the provider is asked what became of a call."""

QUESTION_S: Final = WRITE_WITHIN_MS / 2_000
"""How long it is waited for who may get a mass send: without an answer all are called, while there is time to begin."""

_PERHAPS_SENT: Final = frozenset({OutcomeClass.ACCEPTED, OutcomeClass.UNCERTAIN})
_NOT_BEGUN: Final = AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.SHUTDOWN)
_INELIGIBLE: Final = AttemptOutcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.NOT_ELIGIBLE)
_NO_GATEWAY: Final = AttemptOutcome(OutcomeClass.REFUSED_CAPABILITY, reason=Reason.NO_GATEWAY)

_log: Final = logging.getLogger(__name__)


class NameTasks:
    """The transaction that remembers how the provider named a call."""

    async def __call__(self, scope: CommitScope, items: Sequence[MassTask], /) -> Sequence[None]:
        """One None per call."""
        for task in items:
            await scope.unit.mass.called(task, check_in_ms=FIRST_CHECK_MS)
        return [None] * len(items)


class MassSender:
    """Claims due chunks, makes their calls, and has what they proved written. Any number of processes may do it."""

    def __init__(
        self,
        commits: Commits,
        claim: ClaimChunks,
        record: RecordAnswers,
        name_tasks: NameTasks,
        gateways: Mapping[ProviderCode, MassGateway],
        reader: MassReader,
        report: Callable[[CallReport], None],
        pauses: PauseBoard,
        fence: EpochFence,
        clock: Clock,
        wake: asyncio.Event,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        """`gateways` has the enabled providers that make mass sends; `wake` is set when a chunk may be due.

        `record` is that of single messages: an answer is kept however long the store is away.
        """
        self._commits = commits
        self._claim = claim
        self._record = record
        self._name_tasks = name_tasks
        self._gateways = gateways
        self._reader = reader
        self._report = report
        self._pauses = pauses
        self._fence = fence
        self._clock = clock
        self._wake = wake
        self._tracer = tracer
        self._open: set[asyncio.Task[None]] = set()
        """Calls that have not ended."""
        self._tasks: set[asyncio.Task[None]] = set()
        """The same, and those whose answers are being recorded."""
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`. A store that is away only pauses it, and so does a defect, which is logged."""
        await rounds_until(
            self._stopped,
            self.round,
            wake=self._wake,
            poll_s=POLL_S,
            log=_log,
            what="mass sends",
            failed="mass sends could not be claimed",
        )

    async def stop(self, drain_s: float = 0.0) -> None:
        """Claim nothing more, and let open calls settle; those that are open after `drain_s` are recorded as UNKNOWN."""
        self._stopped.set()
        self._wake.set()
        tasks = set(self._tasks)
        if tasks and (await asyncio.wait(tasks, timeout=drain_s))[1]:
            self._record.give_up()  # the time of all is over
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def settled(self) -> None:
        """Wait for the calls that are open now, and their answers."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def round(self) -> bool:
        """Start the calls that fit into the free slots; whether there were any. Raises `UnavailableError`."""
        free = SLOTS - len(self._tasks)
        if free <= 0 or not await self._reader.chunk_due():
            return False
        await self._pauses.refresh()
        if self._pauses.stops_all or self._stopped.is_set():
            return False
        started = await self._commits.submit(self._claim, ChunkRequest(free, self._disown))
        for chunk in started:
            task = asyncio.create_task(self._call(chunk), name="mass send")
            self._open.add(task)
            self._keep(task)
        return bool(started)

    def _disown(self, calls: Sequence[StartedCall]) -> None:
        """Nobody makes these calls: take their intents back, if they are stored."""
        for call in calls:
            self._keep(asyncio.create_task(self._record.unmade(call)))

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._open.discard(task)
        self._wake.set()

    async def _call(self, started: StartedChunk) -> None:
        began = self._clock.boot()
        span = self._tracer.calling(started.calls[0].message, started.calls[0].attempt)  # there is one call for all
        outcome, ineligible = await self._made(started)
        span.end(outcome.outcome.kind, failed=outcome.outcome.kind is not OutcomeClass.ACCEPTED)
        self._open.difference_update({asyncio.current_task()})
        self._told(started, outcome.outcome, self._clock.boot() - began)
        await asyncio.gather(*[self._settle(call, outcome, ineligible) for call in started.calls])
        if outcome.task_id is not None and outcome.outcome.kind in _PERHAPS_SENT:
            attempt = started.calls[0].attempt
            task = MassTask(started.chunk, attempt.provider_code, attempt.guid, outcome.task_id, attempt.started_at)
            await self._name(task)

    async def _made(self, started: StartedChunk) -> tuple[MassOutcome, frozenset[str]]:
        """The end of the call, and recipients that it was made without, because the provider said that they get none.

        Until the call itself begins nothing is sent, whatever ends it.
        """
        first, gateway = started.calls[0], self._gateways.get(started.calls[0].attempt.provider_code)
        content = None if first.rendered is None else first.rendered.content
        if gateway is None or not isinstance(content, MassContent):
            return MassOutcome(_NO_GATEWAY), frozenset()
        if not self._fence.may_start(first.attempt.binding_id, first.epoch):
            return MassOutcome(FENCED), frozenset()
        ineligible = frozenset[str]()
        unbegun = _NOT_BEGUN
        try:
            ineligible = await _ineligible(gateway, started)
            unbegun = SHUTDOWN
            call = _mass_call(started, content, ineligible)
            return MassOutcome(_INELIGIBLE) if call is None else await gateway.send_mass(call), ineligible
        except asyncio.CancelledError:
            return MassOutcome(unbegun), ineligible
        except Exception:  # noqa: BLE001 -- a gateway never raises; one that does has perhaps sent
            _log.exception("a call of a mass send raised")
            return MassOutcome(RAISED), ineligible

    async def _settle(self, call: StartedCall, outcome: MassOutcome, ineligible: frozenset[str]) -> None:
        recipient = call.message.conversation_id
        await self._record(call, _INELIGIBLE if recipient in ineligible else outcome.of(recipient))

    async def _name(self, task: MassTask) -> None:
        """What the provider calls it is of use to people; nothing is lost without."""
        try:
            await self._commits.submit(self._name_tasks, task)
        except (UnavailableError, DrainingError) as error:
            _log.info("the name of a mass send's task is not recorded: %s", error)

    def _told(self, started: StartedChunk, outcome: AttemptOutcome, elapsed_ms: float) -> None:
        first = started.calls[0]
        try:
            self._report(
                CallReport(
                    provider_code=first.attempt.provider_code,
                    binding_id=first.attempt.binding_id,
                    guid=first.attempt.guid,
                    message_type=first.message.message_type,
                    outcome=outcome.kind,
                    reason=outcome.reason,
                    confirmed=outcome.confirmed,
                    elapsed_ms=elapsed_ms,
                    at=self._clock.now(),
                    retry_after_ms=outcome.retry_after_ms,
                )
            )
        except Exception:  # noqa: BLE001 -- statistics must not cost the answer
            _log.exception("a call of a mass send could not be reported")


async def _ineligible(gateway: MassGateway, started: StartedChunk) -> frozenset[str]:
    """Whom the provider says to get none; nobody where it does not say so in time."""
    guid, recipients = started.calls[0].attempt.guid, tuple([call.message.conversation_id for call in started.calls])
    try:
        async with asyncio.timeout(QUESTION_S):
            answer = await gateway.ineligible(guid, recipients, are_rooms=started.chunk.are_rooms)
    except Exception:  # noqa: BLE001 -- a question that has no answer stops no call
        _log.info("a provider does not say who may get a mass send", exc_info=True)
        return frozenset()
    return answer or frozenset()


def _mass_call(started: StartedChunk, content: MassContent, ineligible: frozenset[str]) -> MassCall | None:
    """None where nobody may get it."""
    first = started.calls[0]
    recipients = [call.message.conversation_id for call in started.calls]
    rest = tuple([recipient for recipient in recipients if recipient not in ineligible])
    if not rest:
        return None
    return MassCall(
        batch_id=first.message.batch_id or BatchId(""),
        chunk=started.chunk.number,
        attempt=max(call.attempt.number for call in started.calls),
        guid=first.attempt.guid,
        recipients=rest,
        are_rooms=started.chunk.are_rooms,
        content=content,
        write_before_boot_ms=first.boot_ms + WRITE_WITHIN_MS,
    )
