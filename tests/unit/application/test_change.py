import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import DAY_MS, GUID, HORIZON_MS, NOW, a_receipt, a_stream_record, an_outcome

from wework_message.adapters.memory.messages import MemoryMessageRepository
from wework_message.application.actions.change import CancelMessage, RecallMessage, RetryMessage
from wework_message.application.commit import group_commit
from wework_message.application.errors import NotFoundError
from wework_message.domain.errors import IllegalTransitionError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, Guid, MessageId, ProviderMessageId, TenantId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.recall import RecallState
from wework_message.domain.outcomes import OutcomeClass, Reason

TIMED_OUT = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)
REFUSED = an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.CODE)
PROVIDER_MESSAGE_ID = ProviderMessageId("4711")
ACCEPTED = an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(PROVIDER_MESSAGE_ID))


async def sent(app: InMemoryApp, outcome: AttemptOutcome, **changes: Any) -> MessageId:
    app.gateway.script(outcome)
    message_id = await app.accept_text(**changes)
    await app.dispatch()
    return message_id


async def cancel(app: InMemoryApp, message_id: MessageId, tenant_id: TenantId = DEFAULT_TENANT) -> None:
    await app.cancelling(CancelMessage(tenant_id, message_id))


async def retry(app: InMemoryApp, message_id: MessageId, *, force: bool = False) -> None:
    await app.retrying(RetryMessage(DEFAULT_TENANT, message_id, force=force))


async def recall(app: InMemoryApp, message_id: str, guid: Guid = GUID) -> MessageId:
    return await app.recalling(RecallMessage(DEFAULT_TENANT, guid, message_id))


async def test_a_message_that_is_not_claimed_is_withdrawn() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        await cancel(app, message_id)
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.CANCELLED, "CANCELLED_BY_CLIENT")
        assert app.gateway.calls == []


@pytest.mark.parametrize("outcome", [ACCEPTED, TIMED_OUT, REFUSED])
async def test_what_was_called_cannot_be_withdrawn(outcome: AttemptOutcome) -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, outcome)
        before = await app.message(message_id)
        with pytest.raises(IllegalTransitionError):
            await cancel(app, message_id)
        assert await app.message(message_id) == before


async def test_a_message_of_another_tenant_cannot_be_changed() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        for tenant_id, unknown_id in ((TenantId("elsewhere"), message_id), (DEFAULT_TENANT, MessageId("none"))):
            with pytest.raises(NotFoundError, match=r"^no such message$"):
                await cancel(app, unknown_id, tenant_id)
        assert (await app.message(message_id)).status is MessageStatus.QUEUED


async def test_of_two_changes_at_once_each_gets_its_own_answer() -> None:
    async with InMemoryApp() as app:
        first, second = await app.accept_text(), await app.accept_text(to="R:2")
        results = await asyncio.gather(
            cancel(app, first), cancel(app, first), cancel(app, second), return_exceptions=True
        )
        assert [type(result) for result in results] == [type(None), IllegalTransitionError, type(None)]


async def test_a_failed_message_is_retried_in_a_new_round() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, REFUSED)
        app.clock.advance(1_000)
        await retry(app, message_id)
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.round, len(message.attempts)) == (MessageStatus.SENT, 2, 2)
        assert (message.possible_duplicate, message.expires_at) == (False, NOW + 1_000 + DAY_MS)
        assert [attempt.round for attempt in message.attempts] == [1, 2]


async def test_an_unknown_message_is_retried_by_force_only_and_says_so() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, TIMED_OUT)
        with pytest.raises(IllegalTransitionError):
            await retry(app, message_id)
        await retry(app, message_id, force=True)
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.possible_duplicate) == (MessageStatus.SENT, True)
        assert [attempt.unsettled for attempt in message.attempts] == [False, False]


async def test_a_retry_of_an_unproven_failure_may_be_a_duplicate() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, TIMED_OUT, on_unknown=OnUnknown.FAIL)
        await app.pass_time(DAY_MS)
        await app.pass_time(DAY_MS)
        assert (await app.message(message_id)).status is MessageStatus.FAILED
        await retry(app, message_id)
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.possible_duplicate) == (MessageStatus.SENT, True)


async def test_a_sent_message_cannot_be_retried() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, ACCEPTED)
        with pytest.raises(IllegalTransitionError):
            await retry(app, message_id, force=True)


@pytest.mark.parametrize("by_provider_id", [True, False])
async def test_a_recall_goes_out_with_the_providers_id_and_is_confirmed_by_the_stream(*, by_provider_id: bool) -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, ACCEPTED)
        assert await recall(app, PROVIDER_MESSAGE_ID if by_provider_id else message_id) == message_id
        assert (await app.message(message_id)).status is MessageStatus.RECALLING
        await app.dispatch()
        (call,) = app.gateway.recalls
        assert (call.provider_message_id, call.guid) == (PROVIDER_MESSAGE_ID, GUID)
        assert len(app.gateway.calls) == 1
        await app.receive_callback(
            stream_record=a_stream_record(refers_to=PROVIDER_MESSAGE_ID, kinds=frozenset({FactKind.REVOKED}), text=None)
        )
        message = await app.message(message_id)
        assert (message.status, message.recall.confirmed) == (MessageStatus.RECALLED, True)


async def test_a_recall_that_was_answered_is_assumed_after_2h() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, ACCEPTED)
        await recall(app, message_id)
        await app.dispatch()
        await app.pass_time(2 * HORIZON_MS)
        message = await app.message(message_id)
        assert (message.status, message.recall.confirmed) == (MessageStatus.RECALLED, False)


@pytest.mark.parametrize("outcome", [TIMED_OUT, REFUSED])
async def test_a_recall_that_was_not_answered_leaves_the_message_sent(outcome: AttemptOutcome) -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, ACCEPTED)
        app.gateway.script_recalls(outcome)
        await recall(app, message_id)
        await app.dispatch()
        await app.pass_time(2 * HORIZON_MS)
        message = await app.message(message_id)
        assert (message.status, message.recall.state) == (MessageStatus.SENT, RecallState.NONE)


async def test_a_recall_that_did_not_get_out_is_asked_again() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, ACCEPTED)
        app.gateway.script_recalls(an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
        await recall(app, message_id)
        await app.dispatch()
        await app.pass_time(2_000)
        assert len(app.gateway.recalls) == 2
        assert (await app.message(message_id)).recall.state is RecallState.ANSWERED


async def test_a_recall_of_an_unknown_message_waits_until_it_is_proven_sent() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, TIMED_OUT)
        await recall(app, message_id)
        await app.dispatch()
        assert app.gateway.recalls == []
        assert (await app.message(message_id)).recall.state is RecallState.WAITING
        await app.receive_callback(stream_record=a_stream_record(provider_message_id=PROVIDER_MESSAGE_ID))
        assert (await app.message(message_id)).status is MessageStatus.RECALLING
        await app.dispatch()
        assert [call.provider_message_id for call in app.gateway.recalls] == [PROVIDER_MESSAGE_ID]


async def test_what_was_not_sent_cannot_be_recalled() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        with pytest.raises(IllegalTransitionError):
            await recall(app, message_id)
        with pytest.raises(NotFoundError):
            await recall(app, "4712")
        with pytest.raises(NotFoundError):
            await recall(app, message_id, Guid("guid-b"))


async def test_a_change_that_was_not_stored_is_not_answered_as_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "RETRY_DELAYS_S", (0.0,))
    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        save, tries = MemoryMessageRepository.save, 0

        async def loses(self: MemoryMessageRepository, messages: Sequence[Message]) -> frozenset[MessageId]:
            nonlocal tries
            tries += 1
            return frozenset({message_id}) if tries <= 2 else await save(self, messages)

        monkeypatch.setattr(MemoryMessageRepository, "save", loses)
        with pytest.raises(UnavailableError, match="a message that was locked has changed"):
            await cancel(app, message_id)
        assert (await app.message(message_id)).status is MessageStatus.QUEUED
        await cancel(app, message_id)
        assert (await app.message(message_id)).status is MessageStatus.CANCELLED
        tries = 1  # a transaction that met it is tried again
        other_id = await app.accept_text()
        await cancel(app, other_id)
        assert ((await app.message(other_id)).status, tries) == (MessageStatus.CANCELLED, 3)
