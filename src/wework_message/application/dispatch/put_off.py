"""Put a message off that cannot be claimed, so that the others go on."""

from collections.abc import Sequence

from wework_message.application.commit.scope import CommitScope
from wework_message.application.dispatch.claim import RECHECK_MS
from wework_message.application.dispatch.in_flight import InFlight
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.message.handling import recheck_later
from wework_message.domain.ports.system import Clock


class PutOff:
    """The transaction that makes the first due message wait, because claiming it broke a guard of the store.

    Something holds its lane that no rule of ours knows. The message waits without a penalty, and the others go on (R-G4).
    """

    def __init__(self, in_flight: InFlight, clock: Clock) -> None:
        """`in_flight` says whose turn it is, `clock` stamps the wait."""
        self._in_flight = in_flight
        self._clock = clock

    async def __call__(self, scope: CommitScope, items: Sequence[int], /) -> Sequence[int]:
        """`items` say how many; the answer is how many were put off."""
        due = await scope.unit.messages.due(sum(items), turn=self._in_flight.turn(alone=True))
        for item in due:
            if item.message.is_waiting():
                item.message.hold(HoldReason.LANE_BLOCKED, RECHECK_MS, now=self._clock.now())
            else:
                recheck_later(item.message, wait_ms=RECHECK_MS)
        await scope.save([item.message for item in due])
        return [len(due), *[0] * (len(items) - 1)]
