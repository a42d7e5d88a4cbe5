"""One process whose first provider's streams are pulled."""

import dataclasses
from typing import Any, Final

from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.apps.stream_gateway import StreamGateway
from tests.support.builders.messages import GUID, HORIZON_MS, PROVIDER, a_stream_record

from wework_message.application.streams.pull import PullStreams
from wework_message.domain.account import implicit_binding
from wework_message.domain.ids import MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.projection import StreamRecord
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.stream import StreamPosition, StreamSupport, clocks_ms

OWN: Final = "1688850000000001"
INTERVAL_MS: Final = 60_000
CLOCKS_MS: Final = clocks_ms(HORIZON_MS)
OVER_MS: Final = HORIZON_MS + CLOCKS_MS
"""From the end of a call on; a record that was sent later shows that the call is not in the stream."""


class StreamApp(InMemoryApp):
    """One process whose first provider's streams are pulled."""

    def __init__(self, support: StreamSupport = StreamSupport.POSITIVE, **changes: Any) -> None:
        policy = a_policy(sync_interval_ms=INTERVAL_MS, **changes)
        first = dataclasses.replace(policy.providers[PROVIDER], sync=support)
        super().__init__(policy=dataclasses.replace(policy, providers={**policy.providers, PROVIDER: first}))
        self.vendor = StreamGateway(self.clock, self.callbacks, busy=lambda: self.database.busy)
        self.gateways[PROVIDER] = self.gateway = self.vendor
        self.answered_by: str | None = OWN
        """The sender that accepted answers name."""

    @property
    def pulling(self) -> PullStreams:
        (pulling,) = self.use_cases.streams().pulls
        return pulling

    def record(self, **changes: Any) -> StreamRecord:
        return a_stream_record(**{"sent_at": self.clock.now(), "sender": OWN, "marked_own": False} | changes)

    async def pull(self, after_ms: int = INTERVAL_MS) -> None:
        """Let so much time pass, pull, and apply what came."""
        self.clock.advance(after_ms)
        await self.pauses.refresh()
        await self.pulling.round()
        await self.projector.project_pending()

    async def status(self, message_id: MessageId) -> MessageStatus:
        return (await self.message(message_id)).status

    def position(self) -> StreamPosition | None:
        return self.database.streams.committed((PROVIDER, GUID))

    def online(self) -> None:
        """A probe finds the instance online."""
        self.board.binding_state(implicit_binding(GUID, PROVIDER).binding_id, ClientState.ONLINE, self.clock.now())

    async def send_another(self, after_ms: int = OVER_MS + 1, outcome: AttemptOutcome | None = None) -> None:
        """So much later a message is accepted, and its record appears: the stream shows what we send."""
        self.clock.advance(after_ms)
        outcome = outcome or self.accepted()
        self.gateway.script(outcome)
        await self.accept_text("later", to="S:9")
        await self.dispatch()
        sender = outcome.receipt.sender_id if outcome.receipt is not None else None
        self.vendor.appear(self.record_of(outcome, text="later", conversations=("S:9",), sender=sender or OWN))

    async def place(self, **changes: Any) -> None:
        """The stream was read whole, until now."""
        stored = self.position()
        assert stored is not None
        now = self.clock.now()
        position = dataclasses.replace(stored, whole_since=0, reached_at=now, pulled_at=now, **changes)
        async with self.units() as unit:
            await unit.streams.save(PROVIDER, GUID, position)
            await unit.commit()

    def record_of(self, outcome: AttemptOutcome, **changes: Any) -> StreamRecord:
        """The echo of a send that had this outcome."""
        assert outcome.receipt is not None
        return self.record(provider_message_id=outcome.receipt.provider_message_id, **changes)

    async def known(self) -> None:
        """An accepted send, by which the place in the stream and the own user id are known; its echo is in the stream."""
        outcome = self.accepted()
        await self.sent(outcome, content="first")
        self.vendor.appear(self.record_of(outcome, text="first"))

    def accepted(self) -> AttemptOutcome:
        outcome = self.vendor.accepted()
        assert outcome.receipt is not None
        return dataclasses.replace(outcome, receipt=dataclasses.replace(outcome.receipt, sender_id=self.answered_by))
