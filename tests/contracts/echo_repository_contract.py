"""What every EchoRepository does: an echo of a message at rest has the effect that `Message` gives it, and nothing else has."""

from collections.abc import Callable
from typing import Final

import pytest
from tests.contracts.message_repository_contract import RepositorySteps
from tests.support.builders.messages import (
    A_TRACE,
    GUID,
    HORIZON_MS,
    NOW,
    PROVIDER,
    a_due_message,
    a_receipt,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.ids import Guid, ProviderCode, ProviderKey, ProviderMessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.recall import RecallState
from wework_message.domain.message.sent_message import Echo, SentMessage
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.retry import RetryAt

PROVIDER_MESSAGE_ID: Final = ProviderMessageId("4711")
KEY: Final = (PROVIDER, GUID, PROVIDER_MESSAGE_ID)
ACCEPTED: Final = an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(PROVIDER_MESSAGE_ID))


def learn(message: Message, fact: FactKind, **ids: ProviderMessageId) -> None:
    note = Note(fact, NOW, attempt=message.attempts[-1].number, event_key="key", source="callback")
    message.learn(message.attempts[-1].number, fact, horizon_ms=HORIZON_MS, now=NOW, note=note, **ids)


def accepted(message: Message) -> None:
    begin_call(message)
    settle(message, ACCEPTED)


def retried(message: Message) -> None:
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.NOT_SENT), verdict=RetryAt(1))
    accepted(message)


def delivered(message: Message) -> None:
    accepted(message)
    learn(message, FactKind.ECHO)


def recall_refused(message: Message) -> None:
    accepted(message)
    message.ask_recall(now=NOW)
    message.settle_recall(an_outcome(OutcomeClass.REFUSED_BINDING), retry_ms=1, horizon_ms=HORIZON_MS, now=NOW)


def revoked(message: Message) -> None:
    accepted(message)
    learn(message, FactKind.REVOKED)


def recalled(message: Message) -> None:
    accepted(message)
    message.ask_recall(now=NOW)


def to_be_recalled(message: Message) -> None:
    accepted(message)
    message.recall.state = RecallState.WAITING


def failed(message: Message) -> None:
    accepted(message)
    learn(message, FactKind.SEND_FAIL)


def replayed(message: Message) -> None:
    failed(message)
    message.replay(force=False, by="test", now=NOW)


def uncertain(message: Message) -> None:
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE))


def matched_by_content(message: Message) -> None:
    uncertain(message)
    learn(message, FactKind.ECHO, provider_message_id=PROVIDER_MESSAGE_ID)


def echoed_before_the_answer(message: Message) -> None:
    begin_call(message)
    learn(message, FactKind.ECHO)
    message.settle(1, ACCEPTED, RetryAt(1), horizon_ms=HORIZON_MS, now=NOW)


AT_REST = [accepted, retried, delivered, recall_refused, echoed_before_the_answer]
NOT_AT_REST = [revoked, recalled, to_be_recalled, failed, replayed, uncertain, matched_by_content]


class EchoRepositoryContract(RepositorySteps):
    async def stored(self, units: UnitOfWorkFactory, history: Callable[[Message], None]) -> Message:
        message = a_due_message(trace=A_TRACE)
        await self.add(units, message)
        history(message)
        await self.save(units, message)
        return await self.load(units, message)

    async def sent(self, units: UnitOfWorkFactory, *keys: ProviderKey) -> dict[ProviderKey, SentMessage]:
        async with units() as unit:
            return dict(await unit.echoes.sent(keys))

    @pytest.mark.parametrize("history", [*AT_REST, *NOT_AT_REST])
    async def test_those_at_rest_are_read_as_the_message_says(
        self, history: Callable[[Message], None], units: UnitOfWorkFactory
    ) -> None:
        message = await self.stored(units, history)
        expected = {KEY: SentMessage.of(message)} if history in AT_REST else {}
        assert await self.sent(units, KEY) == expected
        assert (SentMessage.of(message) is not None) == (history in AT_REST)

    async def test_an_id_of_another_provider_or_instance_names_none(self, units: UnitOfWorkFactory) -> None:
        await self.stored(units, accepted)
        strange = [(ProviderCode("BACKUP"), *KEY[1:]), (PROVIDER, Guid("x"), KEY[2])]
        assert await self.sent(units, *strange) == {}

    async def test_the_id_of_an_older_attempt_names_none(self, units: UnitOfWorkFactory) -> None:
        newest = a_receipt(ProviderMessageId("4712"))

        def accepted_twice(message: Message) -> None:
            uncertain(message)
            message.replay(force=True, by="test", now=NOW)
            begin_call(message)
            settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=newest))
            message.settle(1, ACCEPTED, RetryAt(1), horizon_ms=HORIZON_MS, now=NOW)

        message = await self.stored(units, accepted_twice)
        key = (*KEY[:2], newest.provider_message_id)
        assert message.status is MessageStatus.SENT
        assert await self.sent(units, KEY, key) == {key: SentMessage.of(message)}

    @pytest.mark.parametrize("history", [accepted, retried, recall_refused])
    async def test_an_echo_has_the_effect_that_the_message_gives_it(
        self, history: Callable[[Message], None], units: UnitOfWorkFactory, clock: SettableClock, reader: MessageReader
    ) -> None:
        message = await self.stored(units, history)
        before = await reader.timeline(None, message.id)
        learn(message, FactKind.ECHO)
        (note,) = message.notes
        async with units() as unit:
            (sent,) = (await unit.echoes.sent([KEY])).values()
            assert sent.deliver()
            await unit.echoes.deliver([Echo(sent, "key")], NOW)
            await unit.commit()
        message.written()
        message.lifecycle.moves = []
        message.version += 1
        assert sent.version == message.version
        assert message.status is MessageStatus.DELIVERED
        assert await self.load(units, message) == message
        assert [*await reader.timeline(None, message.id)] == [*before, note]
        assert not sent.deliver()

    async def test_without_a_commit_nothing_is_delivered(self, units: UnitOfWorkFactory) -> None:
        message = await self.stored(units, accepted)
        async with units() as unit:
            (sent,) = (await unit.echoes.sent([KEY])).values()
            await unit.echoes.deliver([Echo(sent, "key")], NOW)
        assert await self.load(units, message) == message

    async def test_nothing_is_asked_and_nothing_is_written(self, units: UnitOfWorkFactory) -> None:
        async with units() as unit:
            assert await unit.echoes.sent([]) == {}
            await unit.echoes.deliver([], NOW)
