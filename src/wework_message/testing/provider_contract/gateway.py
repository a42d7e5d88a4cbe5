"""What every `MessageGateway` does, over whatever transport. Its fixtures are described at `GatewayContract`."""

import asyncio
import dataclasses
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import msgspec
import pytest

from wework_message.domain.content import Content, TextContent
from wework_message.domain.ids import Guid, MessageId, ProviderMessageId
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import ClientState, Dispatch, MessageGateway, Recall
from wework_message.domain.ports.system import Clock

GUID: Final = Guid("g-1")
CONVERSATION: Final = "S:1001"

_WRITE_WITHIN_MS: Final = 20_000
"""The service allows 2 s; a test must not fail on a machine that is busy."""
_IDENTIFYING: Final = 6
"""Characters; shorter texts may appear by chance."""
_BOOT_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class BootClock:
    """The clocks of this machine, as `Clock` describes them."""

    def now(self) -> int:
        """Epoch ms."""
        return time.time_ns() // 1_000_000

    def boot(self) -> float:
        """Ms since boot, by the clock of `Dispatch.write_before_boot_ms`."""
        return time.clock_gettime(_BOOT_CLOCK) * 1000


def a_message_id() -> MessageId:
    """An id that no other message has: a UUIDv7, which has the time in it."""
    stamp = time.time_ns() // 1_000_000 << 80
    return MessageId(str(uuid.UUID(int=stamp | 7 << 76 | 2 << 62 | secrets.randbits(62))))


def a_dispatch(clock: Clock, guid: Guid, **changes: Any) -> Dispatch:
    """A call to make now: a short text, unless `changes` say something else."""
    fields: dict[str, Any] = {
        "message_id": a_message_id(), "attempt": 1, "guid": guid, "conversation_id": CONVERSATION,
        "content": TextContent(content="hello"), "write_before_boot_ms": clock.boot() + _WRITE_WITHIN_MS,
    }  # fmt: skip
    return Dispatch(**fields | changes)


def provider_message_id_of(outcome: AttemptOutcome) -> ProviderMessageId:
    """The provider's id of an accepted send."""
    assert outcome.receipt is not None
    return outcome.receipt.provider_message_id


def texts_of(content: Content) -> list[str]:
    """The texts of a content that identify it."""
    values = msgspec.to_builtins(content).values()
    return [
        text for text in values if isinstance(text, str) and len(text) >= _IDENTIFYING and text != content.message_type
    ]


class GatewayContract:
    """Subclasses provide the fixtures `gateway`, its `clock`, and `guid`, an instance that is online.

    `executed` returns how many sends the provider behind it has executed. No provider answers behind `unreachable`.
    """

    pytestmark = pytest.mark.asyncio

    conversation: ClassVar[str] = CONVERSATION
    """A conversation as clients spell it, a room where some types need one."""
    content: ClassVar[Content] = TextContent(content="geheim-4711")
    """What the suite sends where any content will do; its texts must not appear elsewhere."""
    recalls: ClassVar[bool] = True
    """Whether the provider can take a message back; a recall is refused as REFUSED_CAPABILITY where it cannot."""

    def to_send(self, clock: Clock, guid: Guid, **changes: Any) -> Dispatch:
        """A call to make now."""
        common: Mapping[str, Any] = {"conversation_id": self.conversation, "content": self.content}
        return a_dispatch(clock, guid, **{**common, **changes})

    def to_recall(self, guid: Guid, provider_message_id: ProviderMessageId) -> Recall:
        """A recall of a message with this id of the provider."""
        return Recall(a_message_id(), guid, self.conversation, provider_message_id)

    async def test_an_accepted_send_has_a_receipt_with_an_id_of_its_own(
        self, gateway: MessageGateway, clock: Clock, guid: Guid, executed: Callable[[], int]
    ) -> None:
        outcomes = [await gateway.send(self.to_send(clock, guid)) for _ in range(2)]
        assert [outcome.kind for outcome in outcomes] == [OutcomeClass.ACCEPTED] * 2
        first, second = map(provider_message_id_of, outcomes)
        assert first
        assert first != second
        assert executed() == 2

    async def test_a_call_that_would_begin_too_late_is_not_made(
        self, gateway: MessageGateway, clock: Clock, guid: Guid, executed: Callable[[], int]
    ) -> None:
        late = self.to_send(clock, guid, write_before_boot_ms=clock.boot() - 1)
        outcome = await gateway.send(late)
        assert (outcome.kind, outcome.reason) == (OutcomeClass.NOT_SENT, "TOO_LATE")
        assert executed() == 0

    async def test_sends_at_the_same_time_do_not_mix_up(
        self, gateway: MessageGateway, clock: Clock, guid: Guid, executed: Callable[[], int]
    ) -> None:
        outcomes = await asyncio.gather(*(gateway.send(self.to_send(clock, guid)) for _ in range(10)))
        assert {outcome.kind for outcome in outcomes} == {OutcomeClass.ACCEPTED}
        assert len({provider_message_id_of(outcome) for outcome in outcomes}) == executed() == 10

    async def test_a_sent_message_is_recalled(self, gateway: MessageGateway, clock: Clock, guid: Guid) -> None:
        sent = await gateway.send(self.to_send(clock, guid))
        outcome = await gateway.recall(self.to_recall(guid, provider_message_id_of(sent)))
        assert outcome.kind is (OutcomeClass.ACCEPTED if self.recalls else OutcomeClass.REFUSED_CAPABILITY)

    async def test_a_provider_that_answers_says_so(self, gateway: MessageGateway, guid: Guid) -> None:
        assert await gateway.probe() is True
        assert await gateway.client_state(guid) is ClientState.ONLINE

    async def test_an_unreachable_provider_is_an_outcome_not_an_error(
        self, unreachable: MessageGateway, clock: Clock, guid: Guid
    ) -> None:
        assert (await unreachable.send(self.to_send(clock, guid))).kind is OutcomeClass.NOT_SENT
        recalled = await unreachable.recall(self.to_recall(guid, ProviderMessageId("1")))
        assert recalled.kind is (OutcomeClass.NOT_SENT if self.recalls else OutcomeClass.REFUSED_CAPABILITY)
        assert await unreachable.probe() is False
        assert await unreachable.client_state(guid) is ClientState.UNKNOWN

    async def test_an_outcome_never_shows_content(
        self, gateway: MessageGateway, unreachable: MessageGateway, clock: Clock, guid: Guid
    ) -> None:
        secret = self.to_send(clock, guid)
        for tested in (gateway, unreachable):
            shown = repr(dataclasses.replace(await tested.send(secret), receipt=None))
            assert not [text for text in texts_of(self.content) if text in shown]
