"""A provider in memory: it does what its script says, and records its calls."""

import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from wework_message.domain.ids import Guid, ProviderMessageId
from wework_message.domain.message.attempt import AttemptOutcome, Receipt
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState, Dispatch, MessageGateway, Recall
from wework_message.domain.ports.system import Clock

Script = AttemptOutcome | Callable[[Dispatch], Awaitable[AttemptOutcome]]
"""The outcome of a send; a function may wait, and is cancelled with its caller."""

_TOO_LATE: Final = AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.TOO_LATE)
_RECALLED: Final = AttemptOutcome(OutcomeClass.ACCEPTED)


class MemoryGateway:
    """Accepts every send unless scripted otherwise.

    `calls` has every send that began, `executed` those that may have reached the customer: tests count duplicates and
    losses by it.
    """

    def __init__(self, clock: Clock, *, busy: Callable[[], bool] = lambda: False) -> None:
        """`busy` returns whether a unit of work is open (`MemoryDatabase.busy`): a call made then is a programming error."""
        self._clock = clock
        self._busy = busy
        self._serial = itertools.count(7_000_001)
        self._script: deque[Script] = deque()
        self._recall_script: deque[AttemptOutcome] = deque()
        self.calls: list[Dispatch] = []
        self.executed: list[Dispatch] = []
        self.recalls: list[Recall] = []
        self.answers = True
        """The result of a provider probe."""
        self.states: dict[Guid, ClientState] = {}
        """The results of probes of instances; UNKNOWN for a guid that is not here."""

    def script(self, *steps: Script) -> None:
        """Set the outcomes of the next sends, in order."""
        self._script.extend(steps)

    def script_recalls(self, *outcomes: AttemptOutcome) -> None:
        """Set the outcomes of the next recalls, in order."""
        self._recall_script.extend(outcomes)

    def accepted(self) -> AttemptOutcome:
        """An acceptance with an id that was not used before."""
        provider_message_id = ProviderMessageId(str(next(self._serial)))
        receipt = Receipt(
            provider_message_id,
            seq=provider_message_id,
            app_info_key=f"key-{provider_message_id}",
            sent_at=self._clock.now(),
        )
        return AttemptOutcome(OutcomeClass.ACCEPTED, receipt=receipt)

    async def send(self, dispatch: Dispatch) -> AttemptOutcome:
        """The next step of the script, or an acceptance. Raises `RuntimeError` inside a unit of work."""
        self._refuse_in_a_unit()
        if self._clock.boot() > dispatch.write_before_boot_ms:
            return _TOO_LATE
        self.calls.append(dispatch)
        step = self._script.popleft() if self._script else self.accepted()
        outcome = step if isinstance(step, AttemptOutcome) else await step(dispatch)
        if outcome.kind in (OutcomeClass.ACCEPTED, OutcomeClass.UNCERTAIN):
            self.executed.append(dispatch)
        return outcome

    async def recall(self, recall: Recall) -> AttemptOutcome:
        """The next scripted outcome, or an acceptance. Raises `RuntimeError` inside a unit of work."""
        self._refuse_in_a_unit()
        if recall.write_before_boot_ms is not None and self._clock.boot() > recall.write_before_boot_ms:
            return _TOO_LATE
        self.recalls.append(recall)
        return self._recall_script.popleft() if self._recall_script else _RECALLED

    async def probe(self) -> bool:
        self._refuse_in_a_unit()
        return self.answers

    async def client_state(self, guid: Guid) -> ClientState:
        self._refuse_in_a_unit()
        return self.states.get(guid, ClientState.UNKNOWN)

    def _refuse_in_a_unit(self) -> None:
        if self._busy():
            raise RuntimeError("a provider was called while a unit of work was open (D-12)")


def _conforms(gateway: MemoryGateway) -> MessageGateway:
    return gateway
