"""An echo is of the call that caused it: while a call that may have caused it is open, it settles nothing else (ADR 59)."""

import asyncio
from typing import Final

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import (
    GUID,
    LEASE_MS,
    NOW,
    PROVIDER,
    a_receipt,
    a_stream_record,
    an_outcome,
)
from tests.unit.application.test_claims_taken_back import away, beside

from wework_message.adapters.memory.messages import MemoryMessageRepository
from wework_message.application.actions.change import RetryMessage
from wework_message.application.dispatch import record_answers
from wework_message.domain.ids import DEFAULT_TENANT, MessageId, ProviderMessageId
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState

OWN: Final = ProviderMessageId("4711")
OTHER: Final = ProviderMessageId("4712")
TIMED_OUT: Final = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)
REFUSED_ODDLY: Final = an_outcome(OutcomeClass.REFUSED_PERMANENT, confirmed=False, error_code=-77)
REFUSED: Final = an_outcome(OutcomeClass.REFUSED_PERMANENT, error_code=-1)
DELIVERED, FAILED, UNKNOWN = MessageStatus.DELIVERED, MessageStatus.FAILED, MessageStatus.UNKNOWN


def accepted(provider_message_id: ProviderMessageId = OWN) -> AttemptOutcome:
    return an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(provider_message_id))


async def refused_oddly(app: InMemoryApp) -> MessageId:
    """A message that perhaps was sent; a probe shows that the instance is online all the same."""
    message_id = await app.sent(REFUSED_ODDLY)
    (attempt,) = (await app.message(message_id)).attempts
    app.board.binding_state(attempt.binding_id, ClientState.ONLINE, app.clock.now())
    return message_id


async def begun(app: InMemoryApp, content: str = "hello") -> "tuple[MessageId, asyncio.Future[AttemptOutcome]]":
    """A message to the same conversation whose call is open."""
    answer = app.hold_next_send()
    message_id = await app.accept_text(content)
    await app.dispatcher.dispatch_due()
    assert (await app.message(message_id)).status is MessageStatus.SENDING
    return message_id, answer


async def echoed(app: InMemoryApp, **changes: object) -> None:
    await app.receive_callback(stream_record=a_stream_record(provider_message_id=OWN, **changes))


async def answered(app: InMemoryApp, answer: "asyncio.Future[AttemptOutcome]", outcome: AttemptOutcome) -> None:
    answer.set_result(outcome)
    await app.quiet()
    await app.projector.project_pending()


async def statuses(app: InMemoryApp, *message_ids: MessageId) -> list[MessageStatus]:
    return [(await app.message(message_id)).status for message_id in message_ids]


@pytest.mark.parametrize(
    ("outcome", "ends"),
    [
        (accepted(), (FAILED, DELIVERED)),  # its own
        (accepted(OTHER), (DELIVERED, MessageStatus.SENT)),  # that of the other one
        (REFUSED, (DELIVERED, FAILED)),
        (REFUSED_ODDLY, (FAILED, FAILED)),  # either may have caused it
        (TIMED_OUT, (FAILED, UNKNOWN)),
    ],
)
async def test_an_echo_that_an_open_call_may_have_caused_waits_for_its_answer(
    outcome: AttemptOutcome, ends: tuple[MessageStatus, MessageStatus]
) -> None:
    async with InMemoryApp() as app:
        refused = await refused_oddly(app)
        again, answer = await begun(app)
        await echoed(app)
        assert await statuses(app, refused, again) == [FAILED, MessageStatus.SENDING]
        assert await app.inbox() == [InboxState.PARKED]
        await answered(app, answer, outcome)
        assert await statuses(app, refused, again) == [*ends]


async def test_however_many_records_an_open_call_holds_back_its_message_is_written_once() -> None:
    async with InMemoryApp() as app:
        await refused_oddly(app)
        again, answer = await begun(app)
        version = (await app.message(again)).version
        for number in range(3):
            record = a_stream_record(provider_message_id=ProviderMessageId(f"47{number}"), event_key=f"event-{number}")
            await app.ingesting(app.callbacks.body(stream_record=record, event_key=record.event_key))
        await app.projector.project_pending()
        assert await app.inbox() == [InboxState.PARKED] * 3
        assert (await app.message(again)).version == version + 1
        await answered(app, answer, accepted(OTHER))


async def test_the_echo_of_a_process_that_died_waits_for_the_end_of_its_lease() -> None:
    async with InMemoryApp() as app:
        refused = await refused_oddly(app)
        again, _ = await begun(app)
        await echoed(app)
        await app.restart()
        await app.pass_time(LEASE_MS)
        await app.projector.project_pending()
        assert await statuses(app, refused, again) == [FAILED, UNKNOWN]
        assert await app.inbox() == [InboxState.PARKED]


@pytest.mark.parametrize(("outcome", "status"), [(accepted(OTHER), MessageStatus.SENT), (REFUSED, FAILED)])
async def test_the_echo_is_looked_at_again_when_the_next_process_records_the_answer_from_the_spool(
    outcome: AttemptOutcome, status: MessageStatus
) -> None:
    async with InMemoryApp() as app:
        refused = await refused_oddly(app)
        again, answer = await begun(app)
        await echoed(app)
        app._connection.cut()
        answer.set_result(outcome)
        for _ in range(20):
            await asyncio.sleep(0)
        await app.restart()
        await app.use_cases.record_spooled().round()
        await app.projector.project_pending()
        assert await statuses(app, refused, again) == [DELIVERED, status]


async def test_the_echo_is_looked_at_again_when_the_claim_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_answers, "RECORD_RETRY_S", 0.0)
    async with InMemoryApp() as app, beside(app) as other:
        refused = await refused_oddly(app)
        again = await away(app)
        await echoed(other)
        assert await app.inbox() == [InboxState.PARKED]
        app._connection.restore()
        await app.quiet()
        await other.projector.project_pending()
        assert await statuses(app, refused, again) == [DELIVERED, MessageStatus.RETRY_WAIT]


async def test_an_echo_that_no_open_call_can_have_caused_does_not_wait() -> None:
    async with InMemoryApp() as app:
        refused = await refused_oddly(app)
        app.clock.advance(6_000)
        other, answer = await begun(app)
        await echoed(app, sent_at=NOW)
        assert await statuses(app, refused, other) == [DELIVERED, MessageStatus.SENDING]
        answer.set_result(accepted(OTHER))
        await app.quiet()


async def test_the_early_echo_of_a_retry_is_not_that_of_the_first_call() -> None:
    async with InMemoryApp() as app:
        message_id = await refused_oddly(app)
        answer = app.hold_next_send()
        await app.retrying(RetryMessage(DEFAULT_TENANT, message_id, force=True))
        await app.dispatcher.dispatch_due()
        await echoed(app)
        await answered(app, answer, accepted())
        message = await app.message(message_id)
        assert message.status is DELIVERED
        assert [attempt.provider_message_id for attempt in message.attempts] == [None, OWN]


async def test_of_a_call_that_ended_a_moment_ago_the_echo_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process has committed the answer after this one had read which calls are open."""
    async with InMemoryApp() as app:
        refused = await refused_oddly(app)
        again, answer = await begun(app)
        async with app.units() as unit:
            open_then = await unit.messages.unanswered(PROVIDER, GUID)
        await answered(app, answer, REFUSED)

        async def as_it_was(*_: object) -> list[OpenAttempt]:
            monkeypatch.undo()
            return [*open_then]

        monkeypatch.setattr(MemoryMessageRepository, "unanswered", as_it_was)
        await echoed(app)
        assert await statuses(app, refused, again) == [DELIVERED, FAILED]
