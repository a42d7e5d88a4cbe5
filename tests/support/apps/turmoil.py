"""A provider whose stream is late, whose answers are lost and whose sends are executed late; and a process that is restarted."""

import heapq
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any, Final

from tests.support.apps.stream_app import OWN, StreamApp
from tests.support.apps.stream_gateway import StreamGateway

from wework_message.application.erasures.start import StartErasure
from wework_message.domain.erasure import Subject
from wework_message.domain.ids import DEFAULT_TENANT, Guid, MessageId, ProviderMessageId
from wework_message.domain.message.attempt import AttemptOutcome, Receipt
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import Dispatch
from wework_message.domain.ports.streams import PulledPage
from wework_message.domain.stream import PageEnd, PullOutcome, StreamSupport

CONVERSATIONS: Final = ("S:7881300000001001", "S:7881300000001002", "R:7881300000001003")
OTHERS: Final = "7881300000000009"
LOST: Final = AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.READ)

SHAPES: Final[dict[str, dict[str, Any]]] = {
    "text": {},
    "changed": {"text": "hello, changed"},
    "picture": {"text": None},
    "nowhere": {"conversations": ()},
    "timeless": {"sent_at": None},
    "recalled later": {"refers_to": "99", "late": True},
}
"""How the provider shows a send whose answer was lost: only the first can be matched."""


@dataclass(frozen=True)
class Fate:
    """What becomes of a send."""

    answered: bool = True
    executed: bool = True
    after_ms: int = 0
    """When it is executed, from the end of its call on."""
    shape: str = "text"


class Turmoil(StreamApp):
    """The provider's stream has a record of every own send in the order of the executions, `late_ms` after each."""

    def __init__(self, late_ms: int = 0, provider_ms: int = 0) -> None:
        super().__init__(StreamSupport.COMPLETE)
        self.late_ms = late_ms
        self.provider_ms = provider_ms
        """How far its clock is ahead."""
        self.fates: deque[Fate] = deque()
        self.executions: Counter[MessageId] = Counter()
        self.page = ("good", 100)
        self._coming: list[tuple[int, int, dict[str, Any], str]] = []
        self._serial = 0
        self.vendor.send = self._send  # type: ignore[method-assign]  # what it does is decided here
        self.vendor.pull = self._pull  # type: ignore[method-assign]

    async def tick(self, ms: int) -> None:
        """So much later: what was executed meanwhile is in the stream, and what is due is sent."""
        self.clock.advance(ms)
        while self._coming and self._coming[0][0] + self.late_ms <= self.clock.now():
            _, serial, changes, conversation = heapq.heappop(self._coming)
            self.vendor.appear(self.record(**changes), raw=f"{serial} {conversation.partition(':')[2]}")
        self.online()
        await self.dispatch()

    async def submit(self, conversation: int, *fates: Fate) -> None:
        """A message whose first sends have these fates; later ones are accepted."""
        self.fates.extend(fates)
        await self.accept_text(to=CONVERSATIONS[conversation])
        await self.dispatch()
        self.fates.clear()

    async def by_hand(self, conversation: int, sender: str = OWN) -> None:
        """Somebody types in the conversation, the same text."""
        self._appears(self.clock.now(), {"sender": sender}, CONVERSATIONS[conversation])

    async def look(self, how: str, size: int) -> None:
        """Pull what is due, in pages of this size."""
        self.page = (how, size)
        await self.pauses.refresh()
        await self.pulling.round()

    async def callback(self, place: int, *, projected: bool) -> None:
        """One of the records comes by a callback, too."""
        if self.vendor.stream:
            item = self.vendor.stream[place % len(self.vendor.stream)]
            await self.ingesting(item.raw.encode())
        if projected:
            await self.projector.project_pending()

    async def begin_anew(self) -> None:
        """The process is killed, and another one begins."""
        await self.restart()

    async def erase(self, conversation: int) -> None:
        """All that is held of the conversation."""
        await self.application.start_erasure(StartErasure(DEFAULT_TENANT, Subject.of(CONVERSATIONS[conversation])))
        for _ in range(8):
            await self.erasure_runner.round()

    @property
    def absent(self) -> int:
        """How many calls were proven not to have been sent."""
        outcomes = [
            attempt.outcome for message in self.database.messages.committed_rows() for attempt in message.attempts
        ]
        return sum(outcome is not None and outcome.reason is Reason.ABSENT for outcome in outcomes)

    async def _send(self, dispatch: Dispatch) -> AttemptOutcome:
        fate = self.fates.popleft() if self.fates else Fate()
        at = self.clock.now() + fate.after_ms
        provider_message_id = ProviderMessageId(str(5_000_000 + self._serial))
        if fate.executed:
            self.executions[dispatch.message_id] += 1
            changes = {"sender": OWN, "provider_message_id": provider_message_id} | SHAPES[fate.shape]
            self._appears(at, changes, dispatch.conversation_id)
        if not fate.answered:
            return LOST
        receipt = Receipt(provider_message_id, seq=provider_message_id, sender_id=OWN, sent_at=at + self.provider_ms)
        return AttemptOutcome(OutcomeClass.ACCEPTED, receipt=receipt)

    def _appears(self, at: int, changes: dict[str, Any], conversation: str) -> None:
        self._serial += 1
        fields = {"conversations": (conversation,), "sent_at": at + self.provider_ms} | changes
        if fields.pop("late", False):
            fields["sent_at"] = at + self.provider_ms + 600_000
        heapq.heappush(self._coming, (at, self._serial, fields, conversation))

    async def _pull(self, guid: Guid, cursor: str, limit: int) -> PulledPage:
        how, size = self.page
        if how == "lost":
            return PulledPage(PageEnd(PullOutcome.UNREACHABLE))
        self.vendor.page_size = size
        page = await StreamGateway.pull(self.vendor, guid, cursor, limit)
        if how == "torn":
            return PulledPage(PageEnd(PullOutcome.READ, page.end.cursor, more=page.end.more), (), page.notify_types)
        return page
