import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import (
    BACKUP,
    CONVERSATION,
    GUID,
    HORIZON_MS,
    NOW,
    PROVIDER,
    a_receipt,
    a_stream_record,
    an_outcome,
)
from tests.support.virtual_time import in_virtual_time, let_time_pass

from wework_message.adapters.memory.accounts import MemoryAccountRepository
from wework_message.adapters.memory.messages import MemoryMessageRepository
from wework_message.application.actions.change import RetryMessage
from wework_message.application.dispatch.claim import ClaimRequest
from wework_message.domain.account import Binding, implicit_binding
from wework_message.domain.errors import InvalidValueError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, Guid, MessageId, ProviderMessageId
from wework_message.domain.inbox import QuarantineReason
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.fitting import SKEW_MS
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.projection import FactKind, StreamRecord
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.repositories import InboxState

TIMED_OUT = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)
PROVIDER_MESSAGE_ID = ProviderMessageId("4711")
ACCEPTED = an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(PROVIDER_MESSAGE_ID))


def an_echo(provider_message_id: str | None = PROVIDER_MESSAGE_ID, **changes: object) -> StreamRecord:
    return a_stream_record(provider_message_id=provider_message_id, **changes)


async def sent(app: InMemoryApp, outcome: AttemptOutcome = ACCEPTED, content: str = "hello") -> MessageId:
    return await app.sent(outcome, content)


async def status(app: InMemoryApp, message_id: MessageId) -> MessageStatus:
    return (await app.message(message_id)).status


async def test_an_echo_delivers_the_message_that_it_names() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        assert await app.receive_callback(stream_record=an_echo()) == 1
        assert await status(app, message_id) is MessageStatus.DELIVERED
        assert await app.inbox() == [InboxState.APPLIED]
        (note,) = await app.reader.timeline(None, message_id)
        assert (note.kind, note.source, note.attempt) == ("ECHO", "callback", 1)


async def test_a_repeated_echo_changes_nothing() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        echo = an_echo()
        assert [await app.receive_callback(stream_record=echo), await app.receive_callback(stream_record=echo)] == [
            1,
            0,
        ]
        await app.receive_callback(stream_record=an_echo())
        assert len(await app.reader.timeline(None, message_id)) == 1
        assert [move.after for _, move in app.observer.moves].count(MessageStatus.DELIVERED) == 1


async def test_a_late_echo_of_its_text_delivers_an_unknown_message_and_frees_its_lane() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, TIMED_OUT)
        behind = await app.accept_text("next")
        await app.dispatch()
        assert await status(app, behind) is MessageStatus.HELD
        await app.receive_callback(stream_record=an_echo())
        message = await app.message(message_id)
        assert message.status is MessageStatus.DELIVERED
        assert message.attempts[0].provider_message_id == PROVIDER_MESSAGE_ID
        await app.dispatch()
        assert await status(app, behind) is MessageStatus.SENT
        assert [call.message_id for call in app.gateway.executed].count(message_id) == 1


async def test_another_text_proves_nothing() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, TIMED_OUT)
        await app.receive_callback(stream_record=an_echo(text="something else"))
        await app.receive_callback(stream_record=an_echo(conversations=("S:9",)))
        await app.receive_callback(stream_record=an_echo(sent_at=NOW + HORIZON_MS + 1))
        assert await status(app, message_id) is MessageStatus.UNKNOWN
        assert await app.inbox() == [InboxState.PARKED] * 3


async def test_one_echo_settles_one_of_two_equal_messages() -> None:
    async with InMemoryApp() as app:
        first = await sent(app, TIMED_OUT)
        await app.pass_time(2 * HORIZON_MS)
        second = await sent(app, TIMED_OUT)
        await app.receive_callback(stream_record=an_echo(sent_at=NOW + 2 * HORIZON_MS))
        assert [await status(app, message_id) for message_id in (first, second)] == [
            MessageStatus.UNKNOWN,
            MessageStatus.DELIVERED,
        ]


async def test_an_echo_before_the_answer_waits_for_it() -> None:
    async with InMemoryApp() as app:
        answer = app.hold_next_send()
        message_id = await app.accept_text()
        await app.dispatcher.dispatch_due()
        await app.receive_callback(stream_record=an_echo())
        assert await status(app, message_id) is MessageStatus.SENDING
        assert await app.inbox() == [InboxState.PARKED]
        answer.set_result(ACCEPTED)
        await app.quiet()
        await app.projector.project_pending()
        assert await status(app, message_id) is MessageStatus.DELIVERED
        assert await app.inbox() == [InboxState.APPLIED]


@pytest.mark.parametrize("parked_before", [True, False])
async def test_an_echo_before_a_lost_answer_delivers_and_frees_the_lane(*, parked_before: bool) -> None:
    async with InMemoryApp() as app:
        answer = app.hold_next_send()
        message_id = await app.accept_text()
        await app.dispatcher.dispatch_due()
        if parked_before:
            await app.receive_callback(stream_record=an_echo())
        answer.set_result(TIMED_OUT)
        await app.quiet()
        if parked_before:
            await app.projector.project_pending()
        else:
            await app.receive_callback(stream_record=an_echo())
        message = await app.message(message_id)
        assert (message.status, message.attempts[0].unsettled) == (MessageStatus.DELIVERED, False)
        behind = await app.accept_text("next")
        await app.dispatch()
        assert await status(app, behind) is MessageStatus.SENT


async def test_an_echo_during_the_call_of_a_known_id_settles_a_lost_answer() -> None:
    """A second call is in flight while the first one, given up by a forced retry, is echoed."""
    async with InMemoryApp() as app:
        message_id = await sent(app, TIMED_OUT)
        await app.retrying(_retry(message_id))
        app.gateway.script(TIMED_OUT)
        await app.commits.submit(app.claiming, ClaimRequest(1))
        await app.receive_callback(stream_record=an_echo())
        assert await status(app, message_id) is MessageStatus.SENDING
        await app.pass_time(app.policy.lease_ms(PROVIDER))
        await app.projector.project_pending()
        message = await app.message(message_id)
        assert (message.status, message.possible_duplicate) == (MessageStatus.DELIVERED, True)


def _retry(message_id: MessageId) -> RetryMessage:
    return RetryMessage(DEFAULT_TENANT, message_id, force=True)


async def test_records_of_one_batch_find_the_id_that_another_of_them_brings() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, TIMED_OUT)
        failed = an_echo(text=None, kinds=frozenset({FactKind.SEND_FAIL}))
        for stream_record in (failed, an_echo(), an_echo(text=None, kinds=frozenset({FactKind.SERVER_RETRY_OK}))):
            await app.ingesting(app.callbacks.body(stream_record=stream_record))
        await app.projector.project_pending()
        assert await app.inbox() == [InboxState.APPLIED] * 3
        message = await app.message(message_id)
        assert message.attempts[0].facts == {FactKind.ECHO, FactKind.SEND_FAIL, FactKind.SERVER_RETRY_OK}
        assert message.status is MessageStatus.DELIVERED


async def test_two_records_of_one_message_in_a_batch_settle_one_attempt() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, TIMED_OUT)
        app.gateway.script(TIMED_OUT)
        await app.retrying(_retry(message_id))
        await app.dispatch()
        for stream_record in (an_echo(), an_echo()):
            await app.ingesting(app.callbacks.body(stream_record=stream_record))
        await app.projector.project_pending()
        message = await app.message(message_id)
        assert message.status is MessageStatus.DELIVERED
        assert [attempt.provider_message_id for attempt in message.attempts] == [PROVIDER_MESSAGE_ID, None]


async def test_a_send_that_failed_later_is_failed_whatever_the_order() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        await app.receive_callback(stream_record=an_echo(kinds=frozenset({FactKind.SEND_FAIL})))
        await app.receive_callback(stream_record=an_echo())
        message = await app.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.FAILED, "SEND_FAILED_LATER")


async def test_a_revoke_that_refers_to_a_message_recalls_it() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        revoke = an_echo("4712", refers_to=PROVIDER_MESSAGE_ID, kinds=frozenset({FactKind.REVOKED}), text=None)
        await app.receive_callback(stream_record=revoke)
        message = await app.message(message_id)
        assert (message.status, message.recall.confirmed) == (MessageStatus.RECALLED, True)
        assert message.attempts[0].provider_message_id == PROVIDER_MESSAGE_ID


async def test_what_others_sent_is_an_orphan() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, TIMED_OUT)
        await app.receive_callback(stream_record=an_echo(marked_own=False))
        assert await app.inbox() == [InboxState.ORPHAN]
        assert await status(app, message_id) is MessageStatus.UNKNOWN


async def test_a_known_user_id_decides_who_sent_it() -> None:
    async with InMemoryApp(wecom_user_ids={GUID: "1688"}) as app:
        message_id = await sent(app, TIMED_OUT)
        await app.receive_callback(stream_record=an_echo(sender="1689"))
        assert await status(app, message_id) is MessageStatus.UNKNOWN
        await app.receive_callback(stream_record=an_echo(sender="1688", marked_own=False))
        assert await app.inbox() == [InboxState.ORPHAN, InboxState.PARKED]


async def test_a_callback_for_an_unknown_guid_is_quarantined() -> None:
    async with InMemoryApp() as app:
        await app.receive_callback(stream_record=an_echo(guid=Guid("stranger")))
        assert await app.inbox(Guid("stranger")) == [InboxState.QUARANTINED]
        assert app.observer.quarantined_counts == {QuarantineReason.UNKNOWN_GUID: 1}


async def test_a_binding_that_was_read_a_moment_too_early_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    binding_of, reads = MemoryAccountRepository.binding_of, 0

    async def behind(self: MemoryAccountRepository, guid: Guid) -> Sequence[Binding]:
        nonlocal reads
        reads += 1
        return await binding_of(self, guid) if reads > 1 else [implicit_binding(guid, BACKUP)]

    async with InMemoryApp() as app:
        message_id = await sent(app)
        monkeypatch.setattr(MemoryAccountRepository, "binding_of", behind)
        await app.receive_callback(stream_record=an_echo())
        assert await status(app, message_id) is MessageStatus.DELIVERED


async def test_what_cannot_be_read_ends_after_five_tries_and_stops_no_other() -> None:
    async with InMemoryApp() as app:
        broken = app.callbacks.body(stream_record=an_echo("1"))
        app.callbacks.breaks_on.add(broken.decode())
        await app.ingesting(broken)  # nobody knows this instance yet
        message_id = await sent(app)
        await app.receive_callback(stream_record=an_echo())
        assert await app.inbox() == [InboxState.FAILED, InboxState.APPLIED]
        assert await status(app, message_id) is MessageStatus.DELIVERED


async def test_a_callback_is_answered_only_once_it_is_stored() -> None:
    async with InMemoryApp() as app:
        body = app.callbacks.body(stream_record=an_echo())
        app.database.failing_commits = 1
        with pytest.raises(UnavailableError):
            await app.ingesting(body)
        assert await app.inbox() == []
        await app.ingesting(body)
        assert await app.inbox() == [InboxState.PENDING]
        with pytest.raises(InvalidValueError):
            await app.ingesting(b"nonsense")


async def test_the_projector_works_off_what_comes_in() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        running = asyncio.create_task(app.projector.run())
        await app.ingesting(app.callbacks.body(stream_record=an_echo(conversations=(CONVERSATION,))))
        await app.until(message_id, lambda message: message.status is MessageStatus.DELIVERED)
        await app.projector.stop()
        await running


def test_a_callback_stored_by_a_process_that_died_is_found_by_polling() -> None:
    async def run() -> float:
        async with InMemoryApp() as app:
            app.gateway.script(ACCEPTED)
            message_id = await app.accept_text()
            await app.dispatcher.dispatch_due()
            await app.until(message_id, lambda message: message.status is MessageStatus.SENT)
            running = asyncio.create_task(app.projector.run())
            await let_time_pass(1)  # idle since its start
            stored_at = asyncio.get_running_loop().time()
            async with app.units() as unit:
                items = app.callbacks.read(app.callbacks.body(stream_record=an_echo()))
                await unit.inbox.store(PROVIDER, items, app.clock.now())
                await unit.commit()
            await app.until(message_id, lambda message: message.status is MessageStatus.DELIVERED)
            await app.projector.stop()
            await running
            return asyncio.get_running_loop().time() - stored_at - app.policy.poll_inbox_ms / 1000

    assert in_virtual_time(run()) < 0


async def test_the_projector_is_notified_where_a_record_was_reopened_and_only_there() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, TIMED_OUT)
        await app.receive_callback(stream_record=an_echo())  # found by its text, and no other record waits for its id
        assert await status(app, message_id) is MessageStatus.DELIVERED
        assert app.inbox_notifier.notifications == 1
        await app.receive_callback(stream_record=an_echo("8", text="not sent yet"))  # is parked where it is stored
        assert app.inbox_notifier.notifications == 1
        await sent(app, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("7")))
        assert app.inbox_notifier.notifications == 1
        await sent(app, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("8")))
        assert app.inbox_notifier.notifications == 2


async def test_of_calls_that_end_together_the_earliest_says_which_records_are_reopened() -> None:
    async with InMemoryApp() as app:
        earlier = app.hold_next_send()
        message_id = await app.accept_text()
        await app.dispatcher.dispatch_due()
        await app.receive_callback(stream_record=an_echo())
        assert await app.inbox() == [InboxState.PARKED]
        app.clock.advance(SKEW_MS + 1)
        later = app.hold_next_send()
        await app.accept_text(to="R:2")
        await app.dispatcher.dispatch_due()
        for answer in (earlier, later):
            answer.set_result(TIMED_OUT)
        await app.quiet()
        await app.projector.project_pending()
        assert await status(app, message_id) is MessageStatus.DELIVERED


@pytest.mark.parametrize("named", ["8", None])
@pytest.mark.parametrize(("came_before_ms", "reopened"), [(SKEW_MS, True), (SKEW_MS + 1, False)])
async def test_a_record_is_reopened_for_a_call_that_another_process_just_stored_unless_it_came_before_that_call(
    came_before_ms: int, reopened: bool, named: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    uncertain, reads = MemoryMessageRepository.uncertain, 0

    async def behind(self: MemoryMessageRepository, *place: Any, latest: bool = False) -> Sequence[OpenAttempt]:
        nonlocal reads
        reads += 1
        return () if reads == 1 else await uncertain(self, *place, latest=latest)

    async with InMemoryApp() as app:
        await app.ingesting(app.callbacks.body(stream_record=an_echo(named, text="another text")))
        await app.ingesting(app.callbacks.body(stream_record=an_echo(named and "9", text="a third", marked_own=False)))
        app.clock.advance(came_before_ms)
        await sent(app, TIMED_OUT)
        app.clock.advance(SKEW_MS + 1)
        app.gateway.script(TIMED_OUT)
        await app.accept_text(to="R:2")  # a later call of the same instance changes nothing
        await app.dispatch()
        monkeypatch.setattr(MemoryMessageRepository, "uncertain", behind)
        before = app.inbox_notifier.notifications
        await app.commits.submit(app.use_cases.projecting(), 2)
        assert app.inbox_notifier.notifications - before == reopened
        assert await app.inbox() == [
            InboxState.PENDING if reopened else InboxState.PARKED,
            InboxState.PENDING if reopened and named else InboxState.ORPHAN,
        ]


async def test_results_of_callbacks_are_counted_by_type() -> None:
    async with InMemoryApp() as app:
        await sent(app)
        echo = an_echo()
        await app.receive_callback(stream_record=echo)
        await app.receive_callback(stream_record=echo)
        await app.receive_callback(stream_record=an_echo("8", marked_own=False))
        counts = {result: count for (_, result), count in app.observer.callback_counts.items() if count}
        assert counts == {"new": 2, "duplicate": 1, "applied": 1, "orphan": 1}


async def test_an_accepted_answer_brings_the_accounts_own_user_id() -> None:
    async with InMemoryApp() as app:
        receipt = dataclasses.replace(a_receipt(PROVIDER_MESSAGE_ID), sender_id="1688850000000042")
        await sent(app, an_outcome(OutcomeClass.ACCEPTED, receipt=receipt))
        message_id = await sent(app, TIMED_OUT, "who said that?")
        await app.receive_callback(
            stream_record=an_echo("5", text="who said that?", sender="7881301000000001", marked_own=True)
        )
        assert await status(app, message_id) is MessageStatus.UNKNOWN
        await app.receive_callback(
            stream_record=an_echo("6", text="who said that?", sender="1688850000000042", marked_own=False)
        )
        assert await status(app, message_id) is MessageStatus.DELIVERED
