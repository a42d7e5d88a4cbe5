"""Record what calls came to: durably, however long the store is away."""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeAlias

from wework_message.application.commit.scope import Commits
from wework_message.application.dispatch.begin_call import StartedCall
from wework_message.application.dispatch.settle import SettleCalls, Settlement
from wework_message.application.dispatch.spooled import DISK_S, SettleSpooled
from wework_message.application.errors import DrainingError
from wework_message.domain.errors import UnavailableError
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.spooled import SpooledAnswer, is_worth_spooling
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.observers import Observer
from wework_message.domain.ports.spool import AnswerSpool
from wework_message.domain.ports.system import Clock

RECORD_RETRY_S: Final = 0.5
"""Pause between tries to record an answer while the store is away."""

_COMMIT_LOST: Final = AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.COMMIT_LOST)
_UNRECORDED: Final = AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.UNRECORDED)

_Record: TypeAlias = Callable[[], Awaitable[None]]
"""Has it recorded; raises as `Commits.submit` does."""

_log: Final = logging.getLogger(__name__)


class RecordAnswers:
    """Settles calls through a committer, and takes claims back through another one."""

    def __init__(
        self,
        settlements: Commits,
        settle: SettleCalls,
        looks: Commits,
        settle_spooled: SettleSpooled,
        spool: AnswerSpool,
        observer: Observer,
        clock: Clock,
    ) -> None:
        """Nothing is given up before `give_up`; `spool` keeps what the store did not take at the first try.

        `settle_spooled` looks first whether a call is stored, in transactions of `looks`: each may wait for the lock of a transaction
        whose COMMIT did not come through, for as long as the server keeps that one, and no answer may wait with it.
        """
        self._settlements = settlements
        self._settle = settle
        self._looks = looks
        self._settle_spooled = settle_spooled
        self._spool = spool
        self._observer = observer
        self._clock = clock
        self._unspooled = 0
        """Answers that are in memory only."""
        self._on_disk: set[asyncio.Task[Any]] = set()
        self._gives_up = False

    def give_up(self) -> None:
        """The process ends: from now on a store that is away is not waited for."""
        self._gives_up = True

    async def __call__(self, started_call: StartedCall, outcome: AttemptOutcome) -> None:
        """Record the answer. An answer on which our rules raise is our defect: logged, and kept as uncertain.

        Where even that fails, the intent is stored, and the message becomes UNKNOWN at the end of its lease, unless the
        next process finds the answer in the spool.
        """
        handles = None if started_call.rendered is None else started_call.rendered.handles
        settlement = Settlement(
            started_call.message, started_call.attempt.number, outcome, started_call.recalling, handles
        )
        for recorded in (settlement, dataclasses.replace(settlement, outcome=_UNRECORDED)):
            record = partial(self._settlements.submit, self._settle, recorded)
            try:
                await self._durably(started_call, recorded.outcome, record)
            except (UnavailableError, DrainingError):  # "uncertain" would be less than what the spool has
                _log.exception("sendMessage answer is not recorded", extra={"message_id": started_call.message.id})
                return
            except Exception:  # noqa: BLE001 -- nothing awaits the task: the log is the only place
                _log.exception("sendMessage answer could not be settled", extra={"message_id": started_call.message.id})
            else:
                return

    async def unmade(self, started_call: StartedCall) -> None:
        """Take a claim back whose COMMIT had no answer: its send was not made and never will be (ADR 64).

        Whether it is stored is looked at under the lock of its message, for which a COMMIT that is under way is waited.
        """
        answer = self._answer(started_call, _COMMIT_LOST)
        try:
            record = partial(self._looks.submit, self._settle_spooled, answer)
            await self._durably(started_call, _COMMIT_LOST, record)
        except Exception:  # noqa: BLE001 -- nothing awaits the task: the log is the only place
            _log.exception("sendMessage claim is not taken back", extra={"message_id": started_call.message.id})

    async def _durably(self, started_call: StartedCall, outcome: AttemptOutcome, record: _Record) -> None:
        """A failure to record is never a failure to send: keep the answer and retry (M-4.4)."""
        try:
            await record()
        except UnavailableError:
            await self._later(started_call, outcome, record)

    async def _later(self, started_call: StartedCall, outcome: AttemptOutcome, record: _Record) -> None:
        """The store did not take it: from now on the answer outlives the process.

        It stays in the spool where the process ends first. Where our rules raise it does not: they would at every start.
        """
        answer = self._answer(started_call, outcome)
        spools = not started_call.recalling and is_worth_spooling(outcome)
        kept = spools and await self._keep(answer)
        self._count(int(not kept))
        try:
            error = await self._retry(record)
            if spools and not isinstance(error, UnavailableError | DrainingError):
                await self._forget(answer)
        finally:
            self._count(-int(not kept))
        if error is not None:
            raise error

    async def _keep(self, answer: SpooledAnswer) -> bool:
        """False also where the disk takes longer than `DISK_S`: it may keep the answer later."""
        keeping = asyncio.create_task(self._spool.keep(answer))
        await asyncio.wait({keeping}, timeout=DISK_S)
        self._disk_has(keeping)
        return keeping.done() and keeping.result()

    async def _forget(self, answer: SpooledAnswer) -> None:
        """After it was kept, however late."""
        forgetting = asyncio.create_task(self._spool.forget(answer))
        await asyncio.wait({forgetting}, timeout=DISK_S)
        self._disk_has(forgetting)

    def _disk_has(self, work: "asyncio.Task[Any]") -> None:
        """Keep hold of what a disk that hangs has not done yet."""
        if not work.done():
            self._on_disk.add(work)
            work.add_done_callback(self._on_disk.discard)

    def _answer(self, started_call: StartedCall, outcome: AttemptOutcome) -> SpooledAnswer:
        return SpooledAnswer.of(started_call.message.id, started_call.attempt, outcome, at=self._clock.now())

    async def _retry(self, record: _Record) -> Exception | None:
        """Until it is recorded; the error that ends the tries."""
        while not self._gives_up:
            await asyncio.sleep(RECORD_RETRY_S)
            try:
                await record()
            except UnavailableError:
                continue
            except Exception as error:  # noqa: BLE001 -- the caller raises it
                return error
            return None
        return UnavailableError("database")

    def _count(self, more: int) -> None:
        self._unspooled += more
        self._observer.spooled(self._spool.waiting)
        self._observer.unspooled(self._unspooled)
