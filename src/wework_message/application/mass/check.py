"""Ask the provider what became of calls that it named, once or twice: it may know more of each recipient than its answer said (P-6)."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.dispatch.settle import SettleCalls, Settlement
from wework_message.application.errors import DrainingError
from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import ProviderCode
from wework_message.domain.message.attempt import Attempt, AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.mass import MassReader, MassTask
from wework_message.domain.ports.mass_gateway import MassGateway, MassResult
from wework_message.domain.ports.system import Clock

INTERVAL_S: Final = 10.0
LIMIT: Final = 5
"""Tasks of one round."""
RECHECK_MS: Final = 10 * 60_000
MAX_CHECKS: Final = 2

_log: Final = logging.getLogger(__name__)


class ClaimChecks:
    """The transaction that takes tasks to ask about. One that dies then is asked about later."""

    async def __call__(self, scope: CommitScope, items: Sequence[int], /) -> Sequence[Sequence[MassTask]]:
        """`items` say how many; all go to the first."""
        tasks = await scope.unit.mass.checks(max(items), again_in_ms=RECHECK_MS)
        return [tasks, *[()] * (len(items) - 1)]


@dataclass(frozen=True, slots=True)
class Results:
    """What the provider said of a task; None: it gave no answer."""

    task: MassTask
    by_recipient: Mapping[str, MassResult] | None


@dataclass(frozen=True, slots=True)
class ApplyResults:
    """The transaction that believes it: as a late answer where the call was uncertain, as a report of its server where it was accepted."""

    settle: SettleCalls
    horizon_ms: int
    clock: Clock

    async def __call__(self, scope: CommitScope, items: Sequence[Results], /) -> Sequence[None]:
        """One None per task."""
        for item in items:
            again_in_ms = RECHECK_MS if item.task.checks + 1 < MAX_CHECKS else None
            await scope.unit.mass.checked(item.task, check_in_ms=again_in_ms)
            if item.by_recipient:
                await self._apply(scope, item.task, item.by_recipient)
        return [None] * len(items)

    async def _apply(self, scope: CommitScope, task: MassTask, by_recipient: Mapping[str, MassResult]) -> None:
        messages = await scope.unit.messages.get(await scope.unit.mass.recipients(task.chunk))
        late, failed = list[Settlement](), list[Message]()
        for message in messages.values():
            result, attempt = by_recipient.get(message.conversation_id), message.attempts.last
            if result is None or attempt is None or not _is_of(task, attempt):
                continue
            if attempt.unsettled:
                late.append(Settlement(message, attempt.number, _outcome(result), late=True))
            elif not result.sent and attempt.outcome is not None and attempt.outcome.kind is OutcomeClass.ACCEPTED:
                self._fail(message, attempt)
                failed.append(message)
        await scope.save(failed)
        if late:
            await self.settle(scope, late)

    def _fail(self, message: Message, attempt: Attempt) -> None:
        """An echo outweighs it, before or after: no answer of a status is documented."""
        now = self.clock.now()
        note = Note(FactKind.TASK_FAILED, now, attempt=attempt.number)
        message.learn(attempt.number, FactKind.TASK_FAILED, horizon_ms=self.horizon_ms, now=now, note=note)


def _is_of(task: MassTask, attempt: Attempt) -> bool:
    """Whether it is of the call that this is about, and has ended. A later call of the same recipient is another matter."""
    call = (attempt.provider_code, attempt.guid, attempt.started_at)
    return attempt.outcome is not None and call == (task.provider_code, task.guid, task.started_at)


def _outcome(result: MassResult) -> AttemptOutcome:
    if result.sent:
        return AttemptOutcome(OutcomeClass.ACCEPTED)
    return AttemptOutcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.LEFT_OUT, error_code=result.error_code)


class CheckTasks:
    """A loop: any number of processes may run it, each task is asked about by one."""

    def __init__(
        self,
        commits: Commits,
        claim: ClaimChecks,
        apply: ApplyResults,
        gateways: Mapping[ProviderCode, MassGateway],
        reader: MassReader,
    ) -> None:
        """`gateways` has the enabled providers that make mass sends."""
        self._commits = commits
        self._claim = claim
        self._apply = apply
        self._gateways = gateways
        self._reader = reader
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`. A store that is away is asked again in the next round."""
        while not await set_within(self._stopped, INTERVAL_S):
            try:
                await self.round()
            except (UnavailableError, DrainingError):
                _log.info("checks of mass sends wait for the database")
            except Exception:  # noqa: BLE001 -- one defect must not end it
                _log.exception("checks of mass sends failed")

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the round at hand."""
        self._stopped.set()

    async def round(self) -> None:
        """Ask about what is due. Raises `UnavailableError`."""
        if not await self._reader.check_due():
            return
        for task in await self._commits.submit(self._claim, LIMIT):
            gateway = self._gateways.get(task.provider_code)
            by_recipient = None if gateway is None else await gateway.mass_results(task.guid, task.task_id)
            await self._commits.submit(self._apply, Results(task, by_recipient))
