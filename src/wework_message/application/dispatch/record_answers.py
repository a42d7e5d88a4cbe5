"""Record what calls came to: durably, however long the store is away."""

import asyncio
import dataclasses
import logging
from typing import Final

from wework_message.application.commit.scope import Commits
from wework_message.application.dispatch.begin_call import StartedCall
from wework_message.application.dispatch.settle import SettleCalls, Settlement
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

_UNRECORDED: Final = AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.UNRECORDED)

_log: Final = logging.getLogger(__name__)


class RecordAnswers:
    """Settles calls through a committer."""

    def __init__(
        self, settlements: Commits, settle: SettleCalls, spool: AnswerSpool, observer: Observer, clock: Clock
    ) -> None:
        """Nothing is given up before `give_up`; `spool` keeps what the store did not take at the first try."""
        self._settlements = settlements
        self._settle = settle
        self._spool = spool
        self._observer = observer
        self._clock = clock
        self._unspooled = 0
        """Answers that are in memory only."""
        self._gives_up = False

    def give_up(self) -> None:
        """The process ends: from now on a store that is away is not waited for."""
        self._gives_up = True

    async def __call__(self, started_call: StartedCall, outcome: AttemptOutcome) -> None:
        """Record the answer. An answer on which our rules raise is our defect: logged, and kept as uncertain.

        Where even that fails, the intent is stored, and the message becomes UNKNOWN at the end of its lease, unless the
        next process finds the answer in the spool.
        """
        settlement = Settlement(started_call.message, started_call.attempt.number, outcome, started_call.recalling)
        for recorded in (settlement, dataclasses.replace(settlement, outcome=_UNRECORDED)):
            try:
                await self._settle_durably(recorded, started_call)
            except (UnavailableError, DrainingError):  # "uncertain" would be less than what the spool has
                _log.exception("sendMessage answer is not recorded", extra={"message_id": started_call.message.id})
                return
            except Exception:  # noqa: BLE001 -- nothing awaits the task: the log is the only place
                _log.exception("sendMessage answer could not be settled", extra={"message_id": started_call.message.id})
            else:
                return

    async def _settle_durably(self, settlement: Settlement, started_call: StartedCall) -> None:
        """A failure to record is never a failure to send: keep the answer and retry (M-4.4)."""
        try:
            await self._settlements.submit(self._settle, settlement)
        except UnavailableError:
            await self._settle_later(settlement, started_call)

    async def _settle_later(self, settlement: Settlement, started_call: StartedCall) -> None:
        """The store did not take it: from now on the answer outlives the process.

        It stays in the spool where the process ends first. Where our rules raise it does not: they would at every start.
        """
        answer = SpooledAnswer.of(settlement.message.id, started_call.attempt, settlement.outcome, at=self._clock.now())
        spools = not settlement.recalling and is_worth_spooling(settlement.outcome)
        kept = spools and await self._spool.keep(answer)
        self._count(int(not kept))
        try:
            error = await self._retry(settlement)
            if kept and not isinstance(error, UnavailableError | DrainingError):
                await self._spool.forget(answer)
        finally:
            self._count(-int(not kept))
        if error is not None:
            raise error

    async def _retry(self, settlement: Settlement) -> Exception | None:
        """Until it is recorded; the error that ends the tries."""
        while not self._gives_up:
            await asyncio.sleep(RECORD_RETRY_S)
            try:
                await self._settlements.submit(self._settle, settlement)
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
