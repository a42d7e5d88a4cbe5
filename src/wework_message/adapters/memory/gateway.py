"""A provider in memory: it does what its script says, and keeps a ledger of what it was asked."""

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
"""What a send answers; a function may wait, and is cancelled with its caller."""

_TOO_LATE: Final = AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.TOO_LATE)
_RECALLED: Final = AttemptOutcome(OutcomeClass.ACCEPTED)


class MemoryGateway:
    """Accepts every send unless scripted otherwise.

    `calls` has every send that was begun, `executed` those that may have reached the customer: what a duplicate or a
    loss is counted by.
    """

    def __init__(self, clock: Clock, *, busy: Callable[[], bool] = lambda: False) -> None:
        """`busy` tells whether a unit of work is open (`MemoryDatabase.busy`): a call made then is a programming error."""
        self._clock = clock
        self._busy = busy
        self._serial = itertools.count(7_000_001)
        self._script: deque[Script] = deque()
        self._recall_script: deque[AttemptOutcome] = deque()
        self.calls: list[Dispatch] = []
        self.executed: list[Dispatch] = []
        self.recalls: list[Recall] = []
        self.answers = True
        """What a provider probe finds."""
        self.states: dict[Guid, ClientState] = {}
        """What a probe of an instance finds; UNKNOWN for a guid that is not here."""

    def script(self, *steps: Script) -> None:
        """What the next sends answer, one after the other."""
        self._script.extend(steps)

    def script_recalls(self, *outcomes: AttemptOutcome) -> None:
        """What the next recalls answer."""
        self._recall_script.extend(outcomes)

    def accepted(self) -> AttemptOutcome:
        """An acceptance with an id that was not used before."""
        name = ProviderMessageId(str(next(self._serial)))
        receipt = Receipt(name, seq=name, app_info_key=f"key-{name}", sent_at=self._clock.now())
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
        """The next scripted answer, or yes. Raises `RuntimeError` inside a unit of work."""
        self._refuse_in_a_unit()
        self.recalls.append(recall)
        return self._recall_script.popleft() if self._recall_script else _RECALLED

    async def probe(self) -> bool:
        """As set."""
        self._refuse_in_a_unit()
        return self.answers

    async def client_state(self, guid: Guid) -> ClientState:
        """As set."""
        self._refuse_in_a_unit()
        return self.states.get(guid, ClientState.UNKNOWN)

    def _refuse_in_a_unit(self) -> None:
        if self._busy():
            raise RuntimeError("a provider was called while a unit of work was open (D-12)")


def _conforms(gateway: MemoryGateway) -> MessageGateway:
    return gateway
