"""Record what calls came to: durably, however long the store is away."""

import asyncio
import dataclasses
import logging
from typing import Final

from wework_message.application.commit.scope import Commits
from wework_message.application.dispatch.begin_call import StartedCall
from wework_message.application.dispatch.settle import SettleCalls, Settlement
from wework_message.domain.errors import UnavailableError
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason

RECORD_RETRY_S: Final = 0.5
"""Pause between tries to record an answer while the store is away."""

_UNRECORDED: Final = AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.UNRECORDED)

_log: Final = logging.getLogger(__name__)


class RecordAnswers:
    """Settles calls through a committer."""

    def __init__(self, settlements: Commits, settle: SettleCalls) -> None:
        """Nothing is given up before `give_up`."""
        self._settlements = settlements
        self._settle = settle
        self._gives_up = False

    def give_up(self) -> None:
        """The process ends: from now on a store that is away is not waited for."""
        self._gives_up = True

    async def __call__(self, started_call: StartedCall, outcome: AttemptOutcome) -> None:
        """Record the answer. An answer on which our rules raise is our defect: logged, and kept as uncertain.

        Where even that fails, the intent is stored, and the message becomes UNKNOWN at the end of its lease.
        """
        settlement = Settlement(started_call.message, started_call.attempt.number, outcome, started_call.recalling)
        for recorded in (settlement, dataclasses.replace(settlement, outcome=_UNRECORDED)):
            try:
                await self._settle_durably(recorded)
            except Exception:  # noqa: BLE001 -- nothing awaits the task: the log is the only place
                _log.exception("sendMessage answer could not be settled", extra={"message_id": started_call.message.id})
            else:
                return

    async def _settle_durably(self, settlement: Settlement) -> None:
        """A failure to record is never a failure to send: keep the answer and retry (M-4.4)."""
        while True:
            try:
                await self._settlements.submit(self._settle, settlement)
            except UnavailableError:
                if self._gives_up:
                    raise
                await asyncio.sleep(RECORD_RETRY_S)
            else:
                return
