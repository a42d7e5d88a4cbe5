"""Record answers that ended processes left in the spool (ADR 60)."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Final

from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.dispatch.settle import SettleCalls, Settlement
from wework_message.application.errors import DrainingError
from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.message.spooled import SpooledAnswer
from wework_message.domain.ports.observers import Observer
from wework_message.domain.ports.spool import AnswerSpool

POLL_S: Final = 5.0
"""How often the spools of ended processes are looked for."""

DISK_S: Final = 5.0
"""So long a disk is waited for; one that hangs stops neither the start nor the recording."""

BATCH_SIZE: Final = 100
"""Answers that are recorded together."""

_log: Final = logging.getLogger(__name__)


class SettleSpooled:
    """The transaction's part: an answer whose call is there, and has no definite outcome, is settled as if it came now."""

    def __init__(self, settle: SettleCalls) -> None:
        """`settle` applies them."""
        self._settle = settle

    async def __call__(self, scope: CommitScope, items: Sequence[SpooledAnswer], /) -> Sequence[None]:
        """At most one answer of each message. One that is recorded already, or whose call is not stored, changes nothing."""
        stored = await scope.unit.messages.get(sorted({item.message_id for item in items}))
        settlements = []
        for item in items:
            message = stored.get(item.message_id)
            if message is not None and any(item.answers(attempt) for attempt in message.attempts):
                settlements.append(Settlement(message, item.attempt, item.outcome, late=True))
        if settlements:
            await self._settle(scope, settlements)
        return [None] * len(items)


class RecordSpooled:
    """Takes over what ended processes left, and records it. Any number of processes may: each file has one reader."""

    def __init__(self, spool: AnswerSpool, looks: Commits, settle: SettleSpooled, observer: Observer) -> None:
        """`looks` are those of `RecordAnswers`; `observer` is told how many answers wait."""
        self._spool = spool
        self._looks = looks
        self._settle = settle
        self._observer = observer
        self._left: list[SpooledAnswer] = []
        """Taken over and not recorded."""
        self._taking: asyncio.Task[Sequence[SpooledAnswer]] | None = None
        self._stopped = asyncio.Event()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the batch at hand."""
        self._stopped.set()

    async def run(self) -> None:
        """Until `stop`."""
        while not await set_within(self._stopped, POLL_S):
            await self.round()

    async def round(self) -> None:
        """Record what there is; it never raises. What the store does not take waits for the next round."""
        try:
            self._left += await self._taken_over()
            for batch in _batches(self._left):
                if self._stopped.is_set() or not await self._record(batch):
                    break
                self._left = self._left[len(batch) :]
        except Exception:  # noqa: BLE001 -- one defect must not end the loop
            _log.exception("spooled answers could not be recorded")
        self._observer.spooled(self._spool.waiting)

    async def _taken_over(self) -> Sequence[SpooledAnswer]:
        """Nothing where the disk hangs: the next round asks for the result of the same look."""
        taking = self._taking or asyncio.create_task(self._spool.take_over())
        await asyncio.wait({taking}, timeout=DISK_S)
        self._taking = None if taking.done() else taking
        return taking.result() if taking.done() else ()

    async def _record(self, batch: Sequence[SpooledAnswer]) -> bool:
        """False where the store is away. An answer on which our rules raise is logged and left out: it would raise again."""
        results = await asyncio.gather(
            *(self._looks.submit(self._settle, answer) for answer in batch), return_exceptions=True
        )
        if any(isinstance(result, UnavailableError | DrainingError) for result in results):
            return False
        for answer, result in zip(batch, results, strict=True):
            if isinstance(result, BaseException):
                _log.error(
                    "a spooled answer could not be settled", exc_info=result, extra={"message_id": answer.message_id}
                )
            await self._spool.forget(answer)
        _log.info("%d answers from the spool are recorded", len(batch))
        return True


def _batches(answers: Sequence[SpooledAnswer]) -> Iterator[Sequence[SpooledAnswer]]:
    """In their order, and no message twice in one."""
    batch: dict[str, SpooledAnswer] = {}
    for answer in answers:
        if len(batch) == BATCH_SIZE or answer.message_id in batch:
            yield list(batch.values())
            batch = {}
        batch[answer.message_id] = answer
    if batch:
        yield list(batch.values())
