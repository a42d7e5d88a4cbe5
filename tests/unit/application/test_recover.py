from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import (
    BACKUP,
    DAY_MS,
    HORIZON_MS,
    LEASE_MS,
    PROVIDER,
    a_stream_record,
    an_outcome,
    begin_call,
)

from wework_message.application.maintenance.recover import Recover, Recovered, RecoverHandler
from wework_message.application.replays.start import StartReplay
from wework_message.domain.account import Account, Binding
from wework_message.domain.errors import IllegalTransitionError, InvalidValueError
from wework_message.domain.failed_messages import FailureFilter
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, Guid, MessageId, ProviderMessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.replay import ReplayState, Selection

HOUR_MS = 3_600_000
ACCOUNT = AccountId("acc")


async def recovered(app: InMemoryApp, *, ago_ms: int = HOUR_MS, dry_run: bool = False) -> Recovered:
    handler = RecoverHandler(
        app.units, app.reader, app.application.replays, app.policy, app.clock, app.use_cases.record_events()
    )
    return await handler(Recover(app.clock.now() - ago_ms, dry_run=dry_run))


async def statuses(app: InMemoryApp, message_ids: Sequence[MessageId]) -> list[MessageStatus]:
    return [(await app.message(message_id)).status for message_id in message_ids]


async def test_what_was_waiting_is_unknown_and_is_never_sent_by_itself() -> None:
    async with InMemoryApp() as app:
        ids = [await app.accept_text(f"text {number}") for number in range(3)]
        done = await recovered(app)
        assert (dict(done.marked_uncertain), sum(done.untouched.values())) == (
            {**done.marked_uncertain, MessageStatus.QUEUED: 3},
            0,
        )
        await app.dispatch()
        for _ in range(4):
            await app.pass_time(2 * DAY_MS)
        assert await statuses(app, ids) == [MessageStatus.UNKNOWN] * 3
        assert app.gateway.calls == []
        message = await app.message(ids[0])
        assert (message.reason, len(message.attempts)) == ("RESTORED", 1)
        assert [note.detail for note in await app.reader.timeline(None, ids[0]) if note.kind == "RESTORED"] == [
            "it was QUEUED"
        ]


async def test_new_messages_of_the_same_conversation_go_at_once() -> None:
    async with InMemoryApp() as app:
        await app.accept_text("old")
        await recovered(app)
        new = await app.accept_text("new")
        await app.dispatch()
        assert await statuses(app, [new]) == [MessageStatus.SENT]


async def test_an_echo_stamped_after_the_backup_settles_its_message() -> None:
    async with InMemoryApp() as app:
        old, other = await app.accept_text("first"), await app.accept_text("second")
        await recovered(app)
        await app.receive_callback(stream_record=a_stream_record(text="first", sent_at=app.clock.now() - HOUR_MS // 2))
        await app.receive_callback(stream_record=a_stream_record(text="second", sent_at=app.clock.now() - 2 * HOUR_MS))
        assert await statuses(app, [old, other]) == [MessageStatus.DELIVERED, MessageStatus.UNKNOWN]


async def test_a_call_that_was_open_is_unknown_and_its_late_lease_changes_nothing() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()

        async with app.units() as unit:
            message = (await unit.messages.get([message_id]))[message_id]
            begin_call(message, now=app.clock.now())
            await unit.messages.save([message])
            await unit.commit()
        done = await recovered(app)
        assert done.marked_uncertain[MessageStatus.SENDING] == 1
        new = await app.accept_text("new")
        await app.dispatch()
        assert await statuses(app, [new]) == [MessageStatus.SENT]
        await app.pass_time(LEASE_MS + 1)
        message = await app.message(message_id)
        assert (message.status, message.reason, len(message.attempts)) == (MessageStatus.UNKNOWN, "RESTORED", 1)
        assert [call.message_id for call in app.gateway.calls] == [new]


async def test_the_echo_that_came_before_the_backup_and_before_the_end_of_its_call_settles_it() -> None:
    async with InMemoryApp() as app:
        answer = app.hold_next_send()
        message_id = await app.accept_text()
        await app.dispatcher.dispatch_due()
        await app.receive_callback(stream_record=a_stream_record(provider_message_id=ProviderMessageId("4711")))
        assert await statuses(app, [message_id]) == [MessageStatus.SENDING]
        await recovered(app)
        await app.projector.project_pending()
        assert await statuses(app, [message_id]) == [MessageStatus.DELIVERED]
        answer.set_result(an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE))
        await app.quiet()


async def test_what_is_scheduled_for_later_is_left_and_goes_at_its_time() -> None:
    async with InMemoryApp() as app:
        later = await app.accept_text("later", scheduled_at=app.clock.now() + HOUR_MS)
        past = await app.accept_text("past", to="S:9", scheduled_at=app.clock.now() + HOUR_MS // 2)
        app.clock.advance(HOUR_MS // 2)
        done = await recovered(app)
        assert done.untouched[MessageStatus.SCHEDULED] == done.marked_uncertain[MessageStatus.SCHEDULED] == 1
        await app.pass_time(HOUR_MS)
        assert await statuses(app, [later, past]) == [MessageStatus.SENT, MessageStatus.UNKNOWN]


async def test_what_expired_meanwhile_may_have_been_sent_before_it_did() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        app.clock.advance(2 * DAY_MS)
        await recovered(app)
        await app.dispatch()
        assert await statuses(app, [message_id]) == [MessageStatus.UNKNOWN]


async def test_what_rests_and_what_is_unknown_already_stays_as_it_is() -> None:
    async with InMemoryApp() as app:
        sent = await app.accept_text()
        await app.dispatch()
        app.gateway.script(an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.READ))
        unknown = await app.accept_text(to="S:7")
        await app.dispatch()
        before = [await app.message(message_id) for message_id in (sent, unknown)]
        for _ in range(2):
            done = await recovered(app)
            assert sum(done.marked_uncertain.values()) == 0
            assert done.untouched[MessageStatus.UNKNOWN] == 1
        assert [await app.message(message_id) for message_id in (sent, unknown)] == before


async def test_a_dry_run_counts_and_changes_nothing() -> None:
    async with InMemoryApp() as app:
        ids = [await app.accept_text(f"text {number}", to=f"S:{number}") for number in range(450)]
        assert (await recovered(app, dry_run=True)).marked_uncertain[MessageStatus.QUEUED] == 450
        assert set(await statuses(app, ids)) == {MessageStatus.QUEUED}
        assert (await recovered(app)).marked_uncertain[MessageStatus.QUEUED] == 450
        assert set(await statuses(app, ids)) == {MessageStatus.UNKNOWN}


async def test_a_requested_resend_is_sent_and_marked_as_possible_duplicate() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text(on_unknown=OnUnknown.RESEND, duplicate_safe=True)
        await recovered(app)
        await app.pass_time(2 * HORIZON_MS)
        message = await app.message(message_id)
        assert (message.status, message.possible_duplicate) == (MessageStatus.SENT, True)


async def test_a_person_may_send_it_all_the_same() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        await recovered(app)
        message = await app.message(message_id)
        with pytest.raises(IllegalTransitionError):
            message.replay(force=False, by="api", now=app.clock.now())
        message.replay(force=True, by="api", now=app.clock.now())
        assert message.possible_duplicate


async def test_a_future_instant_is_refused() -> None:
    async with InMemoryApp() as app:
        with pytest.raises(InvalidValueError, match="past"):
            await recovered(app, ago_ms=-1)


@pytest.mark.parametrize(
    ("others", "changes"),
    [
        ([Binding(BindingId("off"), ACCOUNT, PROVIDER, Guid("off"), priority=1, enabled=False)], {}),
        ([Binding(BindingId("else"), ACCOUNT, BACKUP, Guid("else"), priority=1)], {"provider_code": PROVIDER}),
        ([Binding(BindingId("later"), ACCOUNT, PROVIDER, Guid("later"), priority=3)], {}),
    ],
    ids=["disabled", "another provider's", "of a lower priority"],
)
async def test_the_echo_of_a_forgotten_call_is_expected_at_the_instance_that_would_have_sent_it(
    others: list[Binding], changes: dict[str, Any]
) -> None:
    right = Binding(BindingId("right"), ACCOUNT, PROVIDER, Guid("right"), priority=2)
    async with InMemoryApp() as app:
        app.database.register(Account(ACCOUNT), *others, right)
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT, **changes)
        await recovered(app)
        await app.receive_callback(stream_record=a_stream_record(guid=Guid("right"), sent_at=app.clock.now()))
        assert await statuses(app, [message_id]) == [MessageStatus.DELIVERED]


async def test_replays_of_failed_messages_do_not_go_on() -> None:
    async with InMemoryApp() as app:
        message_ids = [await app.sent(an_outcome(OutcomeClass.REFUSED_PERMANENT, confirmed=True)) for _ in range(2)]
        selection = Selection(FailureFilter(cause="REFUSED_PERMANENT"))
        new = await app.application.start_replay(StartReplay(DEFAULT_TENANT, selection, 1))
        await app.replay_runner.round()
        assert (await recovered(app, dry_run=True)).cancelled_replays == 1
        assert (await recovered(app)).cancelled_replays == 1
        app.clock.advance(60_000)
        await app.replay_runner.round()
        replay = await app.application.replays.replay(DEFAULT_TENANT, new.replay.id)
        assert replay is not None
        assert (replay.state, replay.replayed) == (ReplayState.CANCELLED, 1)
        assert await statuses(app, message_ids) == [MessageStatus.UNKNOWN, MessageStatus.FAILED]
        assert (await recovered(app)).cancelled_replays == 0
