"""What every MessageGateway does. Subclasses provide `gateway`, its `clock`, and `guid`, an instance that is online.

`executed` returns how many sends the provider behind it has executed. No provider answers behind `unreachable`.
"""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

from tests.support.builders.messages import CONVERSATION, a_message_id

from wework_message.domain.content import TextContent
from wework_message.domain.ids import Guid, ProviderMessageId
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import ClientState, Dispatch, MessageGateway, Recall
from wework_message.domain.ports.system import Clock


def a_dispatch(clock: Clock, guid: Guid, **changes: Any) -> Dispatch:
    fields: dict[str, Any] = {
        "message_id": a_message_id(), "attempt": 1, "guid": guid, "conversation_id": CONVERSATION,
        "content": TextContent(content="hello"), "write_before_boot_ms": clock.boot() + 2_000,
    }  # fmt: skip
    return Dispatch(**fields | changes)


def provider_message_id_of(outcome: AttemptOutcome) -> ProviderMessageId:
    assert outcome.receipt is not None
    return outcome.receipt.provider_message_id


class GatewayContract:
    async def test_an_accepted_send_has_a_receipt_with_an_id_of_its_own(
        self, gateway: MessageGateway, clock: Clock, guid: Guid, executed: Callable[[], int]
    ) -> None:
        outcomes = [await gateway.send(a_dispatch(clock, guid)) for _ in range(2)]
        assert [outcome.kind for outcome in outcomes] == [OutcomeClass.ACCEPTED] * 2
        first, second = map(provider_message_id_of, outcomes)
        assert first
        assert first != second
        assert executed() == 2

    async def test_a_call_that_would_begin_too_late_is_not_made(
        self, gateway: MessageGateway, clock: Clock, guid: Guid, executed: Callable[[], int]
    ) -> None:
        late = a_dispatch(clock, guid, write_before_boot_ms=clock.boot() - 1)
        outcome = await gateway.send(late)
        assert (outcome.kind, outcome.reason) == (OutcomeClass.NOT_SENT, "TOO_LATE")
        assert executed() == 0

    async def test_sends_at_the_same_time_do_not_mix_up(
        self, gateway: MessageGateway, clock: Clock, guid: Guid, executed: Callable[[], int]
    ) -> None:
        outcomes = await asyncio.gather(*(gateway.send(a_dispatch(clock, guid)) for _ in range(10)))
        assert {outcome.kind for outcome in outcomes} == {OutcomeClass.ACCEPTED}
        assert len({provider_message_id_of(outcome) for outcome in outcomes}) == executed() == 10

    async def test_a_sent_message_is_recalled(self, gateway: MessageGateway, clock: Clock, guid: Guid) -> None:
        sent = await gateway.send(a_dispatch(clock, guid))
        recall = Recall(a_message_id(), guid, CONVERSATION, provider_message_id_of(sent))
        assert (await gateway.recall(recall)).kind is OutcomeClass.ACCEPTED

    async def test_a_provider_that_answers_says_so(self, gateway: MessageGateway, guid: Guid) -> None:
        assert await gateway.probe() is True
        assert await gateway.client_state(guid) is ClientState.ONLINE

    async def test_an_unreachable_provider_is_an_outcome_not_an_error(
        self, unreachable: MessageGateway, clock: Clock, guid: Guid
    ) -> None:
        dispatch = a_dispatch(clock, guid)
        assert (await unreachable.send(dispatch)).kind is OutcomeClass.NOT_SENT
        recall = Recall(dispatch.message_id, guid, CONVERSATION, ProviderMessageId("1"))
        assert (await unreachable.recall(recall)).kind is OutcomeClass.NOT_SENT
        assert await unreachable.probe() is False
        assert await unreachable.client_state(guid) is ClientState.UNKNOWN

    async def test_an_outcome_never_shows_content(
        self, gateway: MessageGateway, unreachable: MessageGateway, clock: Clock, guid: Guid
    ) -> None:
        secret = a_dispatch(clock, guid, content=TextContent(content="geheim-4711"))
        for tested in (gateway, unreachable):
            outcome = await tested.send(secret)
            shown = dataclasses.replace(outcome, receipt=None)
            assert "geheim-4711" not in repr(shown)
