"""Pulled streams: lost callbacks are found, UNKNOWN is settled, and an absence is decided only where it is proven."""

import dataclasses
from typing import Any

import pytest
from tests.contracts.health_board_contract import a_report
from tests.support.apps.in_memory_app import FAR_MS
from tests.support.apps.stream_app import CLOCKS_MS, INTERVAL_MS, OVER_MS, OWN, StreamApp
from tests.support.apps.stream_gateway import StreamGateway
from tests.support.builders.control import a_pause
from tests.support.builders.messages import (
    GUID,
    HORIZON_MS,
    PROVIDER,
    an_outcome,
)

from wework_message.application.actions.change import RetryMessage
from wework_message.application.erasures.runner import PAUSE_S
from wework_message.application.erasures.start import StartErasure
from wework_message.application.maintenance.recover import Recover, RecoverHandler
from wework_message.application.policy import InstancePolicy
from wework_message.application.streams.choosing import FIRST_PAUSE_MS, PER_ROUND, UNCERTAIN_PER_ROUND
from wework_message.domain.account import Account, BindingState, Standby, implicit_account_id, implicit_binding
from wework_message.domain.control import PauseScope
from wework_message.domain.erasure import Subject
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid, MessageId
from wework_message.domain.inbox import InboxLimits, InboxState
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.projection import FactKind
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.instances import Notify
from wework_message.domain.routing.breaker import BreakerState
from wework_message.domain.stream import PageEnd, PullOutcome, StreamSupport

LOST = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.READ)
REFUSED = an_outcome(OutcomeClass.REFUSED_PERMANENT, confirmed=False, error_code=-1)
"""With a code that no table knows: it may have been executed."""
OTHERS = "7881300000000001"


async def test_an_unknown_whose_callback_was_lost_is_settled_by_a_pull() -> None:
    async with StreamApp() as app:
        await app.known()
        message_id = await app.sent(LOST)
        app.vendor.appear(app.record(provider_message_id="4711"))
        await app.pull(FIRST_PAUSE_MS // 2)
        assert await app.status(message_id) is MessageStatus.DELIVERED
        assert app.observer.pulls == [(PullOutcome.READ, 2, 0)]
        assert len(app.vendor.executed) == 2


@pytest.mark.parametrize("pulled", [True, False])
async def test_the_timeline_says_whether_a_fact_came_by_a_pull_or_a_callback(pulled: bool) -> None:
    async with StreamApp() as app:
        await app.known()
        message_id = await app.sent(LOST)
        record = app.record(provider_message_id="4711")
        if pulled:
            app.vendor.appear(record)
        else:
            await app.receive_callback(stream_record=record)
        await app.pull()
        assert await app.status(message_id) is MessageStatus.DELIVERED
        notes = [(note.kind, note.source) for note in await app.reader.timeline(None, message_id)]
        assert notes == [("ECHO", "pull" if pulled else "callback")]


async def test_a_stream_of_which_nothing_is_uncertain_is_pulled_once_an_interval() -> None:
    async with StreamApp() as app:
        await app.known()
        await app.pull(0)
        await app.pull(INTERVAL_MS - 1)
        assert len(app.vendor.pulls) == 1
        await app.pull(1)
        assert app.vendor.pulls == [(GUID, "0"), (GUID, "1")]


async def test_an_uncertain_message_is_pulled_soon_and_then_less_often() -> None:
    async with StreamApp() as app:
        await app.known()
        await app.pull(0)
        await app.sent(LOST)
        await app.pull(0)  # it is seen
        pulls = []
        for second in range(1, 160):
            before = len(app.vendor.pulls)
            await app.pull(1_000)
            if len(app.vendor.pulls) > before:
                pulls.append(second)
        assert pulls == [3, 9, 21, 45, 60, 93, 120, 153]  # with the turns of all each minute


async def test_a_second_uncertain_message_of_an_instance_is_soon_again() -> None:
    async with StreamApp() as app:
        await app.known()
        await app.sent(LOST)
        for _ in range(4):
            await app.pull(FIRST_PAUSE_MS)
        app.gateway.script(LOST)
        await app.accept_text("another", to="S:1002")
        await app.dispatch()
        await app.pull(0)
        before = len(app.vendor.pulls)
        await app.pull(FIRST_PAUSE_MS)
        assert len(app.vendor.pulls) == before + 1


async def test_a_record_that_came_by_a_callback_is_not_stored_again_under_whichever_type() -> None:
    async with StreamApp() as app:
        await app.known()
        record = app.record(provider_message_id="9", sender="7881300000000001")
        await app.receive_callback(stream_record=record, notify_type=11013)
        app.vendor.appear(record)
        await app.pull()
        assert app.observer.pulls == [(PullOutcome.READ, 1, 1)]
        assert len(await app.inbox()) == 2


@pytest.mark.parametrize(
    ("notify", "changes", "stored"),
    [
        (Notify.OWN, {"sender": OTHERS}, 1),
        (Notify.ALL, {"sender": OTHERS}, 2),
        (None, {"sender": OTHERS}, 2),
        (Notify.OWN, {"sender": OTHERS, "conversations": ("S:1001",)}, 2),
        (Notify.OWN, {"sender": None}, 2),
        (Notify.OWN, {"sender": OTHERS, "marked_own": True}, 2),
        (Notify.OWN, {"sender": OTHERS, "refers_to": "7"}, 2),
        (Notify.OWN, {"sender": OWN}, 2),
        (Notify.OWN, {"sender": "configured"}, 2),
        (Notify.OWN, {"sender": "admin"}, 2),
    ],
    ids=str,
)
async def test_messages_of_others_are_stored_only_where_they_were_asked_for(
    notify: Notify | None, changes: dict[str, Any], stored: int
) -> None:
    async with StreamApp(
        instances={PROVIDER: InstancePolicy(notify=notify)},
        wecom_user_ids={GUID: "configured"},
        admin_user_ids=frozenset({"admin"}),
    ) as app:
        await app.known()
        app.clock.advance(1)
        app.vendor.appear(app.record(**{"text": "by somebody", "conversations": (f"S:{OWN}",)} | changes))
        await app.pull(0)
        assert len(await app.inbox()) == stored
        position = app.position()
        assert position is not None
        assert position.cursor == "2"


async def test_messages_of_others_are_stored_where_the_account_is_said_to_be_somebody_else() -> None:
    async with StreamApp(instances={PROVIDER: InstancePolicy(notify=Notify.OWN)}) as app:
        await app.known()
        account = Account(implicit_account_id(GUID), wecom_user_id="1688850000000009")
        app.database.register(account, implicit_binding(GUID, PROVIDER))
        app.vendor.appear(app.record(sender=OTHERS, conversations=("R:5",)))
        await app.pull()
        assert len(await app.inbox()) == 2


async def test_messages_of_others_are_stored_while_no_answer_says_who_the_account_is() -> None:
    async with StreamApp(instances={PROVIDER: InstancePolicy(notify=Notify.OWN)}) as app:
        await app.sent(app.vendor.accepted())
        app.vendor.appear(app.record(sender=OTHERS, conversations=("R:5",)))
        await app.pull()
        assert len(await app.inbox()) == 1


async def test_a_stream_with_more_is_read_on_in_the_next_round() -> None:
    async with StreamApp() as app:
        await app.known()
        app.vendor.page_size = 2
        for number in range(4):
            app.vendor.appear(app.record(text=f"by hand {number}"))
        await app.pull(0)
        first = app.position()
        assert first is not None
        assert (first.cursor, first.whole_since) == ("2", None)
        await app.pull(1_000)
        await app.pull(1_000)
        last = app.position()
        assert last is not None
        assert (last.cursor, last.whole_since) == ("5", app.clock.now())


async def test_nothing_is_pulled_before_a_place_in_the_stream_is_known() -> None:
    async with StreamApp() as app:
        await app.sent(LOST)
        await app.pull()
        await app.pull()
        assert app.vendor.pulls == []


async def test_a_pull_goes_on_where_a_process_that_died_had_stopped() -> None:
    async with StreamApp() as app:
        await app.known()
        await app.pull(0)
        await app.restart()
        app.gateways[PROVIDER] = app.vendor
        await app.pull(1_000)
        assert app.vendor.pulls == [(GUID, "0"), (GUID, "1")]


async def test_a_page_for_which_the_inbox_has_no_room_is_pulled_again() -> None:
    async with StreamApp(inbox=InboxLimits(max_pending=1, max_pending_per_guid=1)) as app:
        await app.known()
        app.vendor.appear(app.record(text="by hand"))
        await app.receive_callback(guid=GUID, notify_type=19999)
        app.vendor.stream.reverse()
        await app.ingesting(app.callbacks.body(guid=GUID, notify_type=19998))  # pending, and there is no room beside it
        app.clock.advance(INTERVAL_MS)
        await app.pauses.refresh()
        with pytest.raises(UnavailableError):
            await app.pulling.round()
        assert app.position() is None
        await app.projector.project_pending()
        await app.pull()
        position = app.position()
        assert position is not None
        assert position.cursor == "2"


@pytest.mark.parametrize("outcome", sorted(set(PullOutcome) - {PullOutcome.READ}))
async def test_a_pull_that_brings_nothing_changes_nothing_and_is_reported(
    outcome: PullOutcome, caplog: pytest.LogCaptureFixture
) -> None:
    async with StreamApp(StreamSupport.COMPLETE) as app:
        await app.known()
        message_id = await app.sent(LOST)
        app.vendor.ends = [PageEnd(outcome)] * 100
        for _ in range(5):
            await app.pull()
        assert await app.status(message_id) is MessageStatus.UNKNOWN
        position = app.position()
        assert position is not None
        assert (position.cursor, position.whole_since, position.outcome) == ("0", None, outcome)
        assert {pulled for pulled, _, _ in app.observer.pulls} == {outcome}
        assert len(caplog.records) == (outcome is PullOutcome.UNREADABLE)


async def test_an_unreadable_answer_is_logged_again_only_after_one_that_was_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with StreamApp() as app:
        await app.known()
        unreadable, failed, read = (
            PageEnd(PullOutcome.UNREADABLE),
            PageEnd(PullOutcome.UNREACHABLE),
            PageEnd(PullOutcome.READ, is_whole=True),
        )
        app.vendor.ends = [unreadable, failed, unreadable, read, unreadable]
        for _ in range(5):
            await app.pull()
        assert [record.levelname for record in caplog.records] == ["WARNING"] * 2


class TestComplete:
    """What is not in a complete stream was not sent."""

    async def uncertain(self, app: StreamApp, **changes: Any) -> MessageId:
        """A message that became UNKNOWN while the stream was followed, and was not executed."""
        await app.known()
        await app.pull(0)
        app.clock.advance(CLOCKS_MS + 1)
        message_id = await app.sent(LOST, **changes)
        await self.see(app)
        return message_id

    async def see(self, app: StreamApp) -> None:
        """From now on the process knows what is uncertain."""
        await app.pull(0)
        await app.pull(FIRST_PAUSE_MS)

    async def test_it_is_sent_again_and_once(self) -> None:
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            await app.send_another()
            for _ in range(2):
                await app.pull(INTERVAL_MS)
            await app.pass_time(1_000)
            message = await app.message(message_id)
            assert message.status is MessageStatus.SENT
            outcomes = [attempt.outcome for attempt in message.attempts]
            assert [(outcome.kind, outcome.reason) for outcome in outcomes if outcome is not None] == [
                (OutcomeClass.NOT_SENT, Reason.ABSENT), (OutcomeClass.ACCEPTED, None),
            ]  # fmt: skip
            assert not message.possible_duplicate

    async def test_not_by_a_record_of_a_time_when_it_may_still_be_executed(self) -> None:
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            await app.send_another(OVER_MS)
            for _ in range(3):
                await app.pull(INTERVAL_MS)
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    async def test_not_where_the_process_has_found_it_only_now(self) -> None:
        """The clock of the process that made the call may be behind; one that begins anew knows no better."""
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            await app.send_another()
            await app.restart()
            app.gateways[PROVIDER] = app.vendor
            for _ in range(2):
                await app.pull(INTERVAL_MS)
            assert await app.status(message_id) is MessageStatus.UNKNOWN
            await app.send_another()
            await app.pull(INTERVAL_MS)
            assert await app.status(message_id) is MessageStatus.RETRY_WAIT

    async def test_not_early_where_the_clock_of_the_process_that_sent_was_behind(self) -> None:
        async with StreamApp(StreamSupport.COMPLETE) as app:
            await app.known()
            for _ in range(3):
                await app.pull(10 * INTERVAL_MS)
            app.clock.advance(-20 * INTERVAL_MS)  # another process, which knows no better
            message_id = await app.sent(LOST)
            app.clock.advance(20 * INTERVAL_MS)
            await app.send_another(1)
            for _ in range(2):
                await app.pull(INTERVAL_MS)
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    @pytest.mark.parametrize(
        "changes",
        [
            {"provider_message_id": None},
            {"conversations": ("S:8",)},
            {"sender": "7881300000000001"},
            {"sent_at": None},
            {"kinds": frozenset()},
        ],
        ids=str,
    )
    async def test_not_where_the_stream_does_not_show_what_we_send(self, changes: dict[str, Any]) -> None:
        """As echoes would: what others write, and a stream that spells conversations in another way, proves nothing about ours."""
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            await app.send_another()
            (item,) = app.vendor.stream[1:]
            assert item.stream_record is not None
            app.vendor.stream.pop()
            app.vendor.appear(dataclasses.replace(item.stream_record, **changes))
            for _ in range(5):
                await app.pull(INTERVAL_MS)
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    async def test_not_where_an_erasure_would_have_deleted_what_is_a_doubt(self) -> None:
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            app.vendor.appear(app.record(text="something else"))
            await app.pull(INTERVAL_MS)
            assert (await app.inbox())[-1] == InboxState.PARKED
            conversation_id = (await app.message(message_id)).conversation_id
            await app.application.start_erasure(StartErasure(DEFAULT_TENANT, Subject(conversation_id)))
            while await app.erasure_runner.round() == PAUSE_S:
                pass
            await app.send_another()
            for _ in range(5):
                await app.pull(INTERVAL_MS)
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    async def test_not_where_another_login_may_have_sent_it(self) -> None:
        """A record of the room by somebody who may be the account itself: the answers name another sender than the account has."""
        async with StreamApp(StreamSupport.COMPLETE) as app:
            await app.known()
            await app.pull(0)
            app.clock.advance(CLOCKS_MS + 1)
            app.gateway.script(LOST)
            message_id = await app.accept_text(to="R:5")
            await app.dispatch()
            await self.see(app)
            app.vendor.appear(app.record(text=None, sender="1688850000000009", conversations=("R:5",)))
            another = app.accepted()
            assert another.receipt is not None
            relogged = dataclasses.replace(
                another, receipt=dataclasses.replace(another.receipt, sender_id="1688850000000009")
            )
            await app.send_another(outcome=relogged)
            for _ in range(5):
                await app.pull(INTERVAL_MS)
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    @pytest.mark.parametrize(("sender", "absent"), [(OWN, True), (None, False)], ids=str)
    async def test_in_a_room_what_others_write_is_no_doubt_only_where_an_answer_says_who_the_account_is(
        self, sender: str | None, absent: bool
    ) -> None:
        """Here the account's own id is that of a notice: it may have been another login."""
        async with StreamApp(StreamSupport.COMPLETE) as app:
            app.answered_by = sender
            await app.known()
            async with app.units() as unit:
                await unit.accounts.learn(implicit_binding(GUID, PROVIDER).binding_id, OWN)
                await unit.commit()
            await app.pull(0)
            app.clock.advance(CLOCKS_MS + 1)
            app.gateway.script(LOST)
            message_id = await app.accept_text(to="R:5")
            await app.dispatch()
            await self.see(app)
            app.vendor.appear(app.record(sender=OTHERS, conversations=("R:5",)))
            await app.send_another()
            for _ in range(5):
                await app.pull(INTERVAL_MS)
            assert await app.status(message_id) is (MessageStatus.RETRY_WAIT if absent else MessageStatus.UNKNOWN)

    @pytest.mark.parametrize(
        ("binding", "position", "absent"),
        [
            ({}, {}, 1),
            ({"epoch": 1}, {}, 0),
            ({"epoch": 1, "account_id": AccountId("another")}, {}, 0),
            ({"epoch": 1, "account_id": AccountId("another")}, {"epoch": 1, "account_id": AccountId("another")}, 0),
        ],
        ids=str,
    )
    async def test_not_by_the_stream_of_another_binding_or_account(
        self, binding: dict[str, Any], position: dict[str, Any], absent: int
    ) -> None:
        async with StreamApp(StreamSupport.COMPLETE) as app:
            await self.uncertain(app)
            app.clock.advance(OVER_MS + 2)
            bound = dataclasses.replace(implicit_binding(GUID, PROVIDER), **binding)
            app.database.register(Account(bound.account_id), bound)
            await app.place(**position)
            settle_absent = app.pulling._writes.settle_absent
            assert await app.commits.submit(settle_absent, (PROVIDER, GUID)) == absent
            assert await app.commits.submit(settle_absent, (PROVIDER, GUID)) == 0  # by another process

    async def test_not_by_what_was_read_while_the_stream_was_said_to_be_complete(self) -> None:
        async with StreamApp(StreamSupport.POSITIVE) as app:
            message_id = await self.uncertain(app)
            app.clock.advance(OVER_MS + 2)
            await app.place()
            await app.pull()
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    async def test_what_one_transaction_settles_is_limited_and_the_rest_follows(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("wework_message.application.streams.absent.AT_ONCE", 2)
        async with StreamApp(StreamSupport.COMPLETE) as app:
            await app.known()
            await app.pull(0)
            app.clock.advance(CLOCKS_MS + 1)
            ids = []
            for number in range(5):
                app.gateway.script(REFUSED if number < 2 else LOST)
                ids.append(await app.accept_text(to=f"S:{2000 + number}"))
                await app.dispatch()
                app.online()
            await self.see(app)
            await app.send_another()
            left = []
            for _ in range(3):
                await app.pull(INTERVAL_MS)
                statuses = [await app.status(message_id) for message_id in ids]
                left.append((statuses.count(MessageStatus.UNKNOWN), statuses.count(MessageStatus.FAILED)))
            assert left == [(1, 2), (0, 2), (0, 2)]

    async def test_what_is_settled_is_no_longer_remembered(self) -> None:
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            absent = app.pulling._writes.settle_absent
            assert absent._seen
            app.vendor.appear(app.record(provider_message_id="4713"))
            for _ in range(2):
                await app.pull(INTERVAL_MS)
            assert await app.status(message_id) is MessageStatus.DELIVERED
            assert not absent._seen

    async def test_not_while_nothing_later_is_in_the_stream(self) -> None:
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            for _ in range(5):
                await app.pull()
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    async def test_not_where_the_stream_was_torn_meanwhile(self) -> None:
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            await app.send_another()
            app.vendor.ends = [PageEnd(PullOutcome.READ, "1")]
            for _ in range(5):
                await app.pull()
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    async def test_not_where_all_that_is_shown_of_it_is_that_it_was_recalled_on_the_phone(self) -> None:
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            await app.send_another()
            app.vendor.appear(
                app.record(provider_message_id="4713", refers_to="4712", kinds=frozenset({FactKind.REVOKED}))
            )
            for _ in range(5):
                await app.pull()
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    async def test_not_after_a_restore_in_which_it_was_uncertain(self) -> None:
        """It may have been sent again since the backup, by another instance."""
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            await self.restore(app)
            for _ in range(2):
                await app.send_another()
                await app.pull()
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    async def test_not_after_a_restore_in_which_it_waited(self) -> None:
        """Even if the stream is read from before the backup on: which instance has sent it nobody knows."""
        async with StreamApp(StreamSupport.COMPLETE) as app:
            await app.known()
            await app.pull(0)
            app.clock.advance(CLOCKS_MS + 2)
            message_id = await app.accept_text()
            await self.restore(app)
            await self.see(app)
            await app.send_another()
            await app.place()
            for _ in range(2):
                await app.pull()
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    async def restore(self, app: StreamApp) -> None:
        handler = RecoverHandler(
            app.units, app.reader, app.application.replays, app.policy, app.clock, app.use_cases.record_events()
        )
        await handler(Recover(app.clock.now() - 1))
        await app.restart()
        app.gateways[PROVIDER] = app.vendor

    async def test_not_where_a_record_cannot_be_compared(self) -> None:
        """A picture of the account in the same conversation, at the same time."""
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            app.vendor.appear(app.record(text=None, provider_message_id="4712"))
            await app.send_another()
            for _ in range(5):
                await app.pull()
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    async def test_not_where_the_record_was_stored_by_a_process_whose_clock_is_behind(self) -> None:
        """It seems to have come before the call, so it is no evidence about it, and still a doubt."""
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            record = app.record(provider_message_id="4712")
            app.clock.advance(-3 * CLOCKS_MS)
            await app.receive_callback(stream_record=record)
            app.clock.advance(3 * CLOCKS_MS)
            await app.send_another()
            for _ in range(5):
                await app.pull()
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    async def test_not_where_the_guid_moved_to_another_account_while_it_was_pulled(self) -> None:
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            await app.send_another()
            before = app.position()
            moved = dataclasses.replace(
                implicit_binding(GUID, PROVIDER), account_id=AccountId("another"), epoch=1, state=BindingState.ONLINE
            )

            async def overtaken(guid: Guid, cursor: str, limit: int) -> Any:
                app.database.register(Account(AccountId("another")), moved)
                return await StreamGateway.pull(app.vendor, guid, cursor, limit)

            app.vendor.pull = overtaken  # type: ignore[method-assign]  # between the read of the binding and the answer
            await app.pull()
            assert app.position() == before
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    async def test_not_where_its_callback_is_stored_while_it_is_pulled(self) -> None:
        """And the stream does not have it: what waits for the projector is a doubt."""
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            record = app.record(provider_message_id="4712")
            await app.send_another()

            async def overtaken(guid: Guid, cursor: str, limit: int) -> Any:
                await app.ingesting(app.callbacks.body(stream_record=record))
                return await StreamGateway.pull(app.vendor, guid, cursor, limit)

            app.vendor.pull = overtaken  # type: ignore[method-assign]  # between the begin and the end of one pull
            app.clock.advance(INTERVAL_MS)
            await app.pauses.refresh()
            await app.pulling.round()
            assert await app.status(message_id) is MessageStatus.UNKNOWN
            await app.projector.project_pending()
            assert await app.status(message_id) is MessageStatus.DELIVERED

    async def test_not_where_an_entry_of_the_inbox_cannot_be_read(self) -> None:
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            item = app.vendor.appear(app.record(conversations=("S:8",)))
            await app.send_another()
            app.callbacks.breaks_on.add(item.raw)
            for _ in range(5):
                await app.pull()
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    @pytest.mark.parametrize(("max_unmatched", "kept", "absent"), [(3, 99, True), (2, 99, False), (99, 3, False)])
    async def test_not_where_there_are_too_many_records(
        self, monkeypatch: pytest.MonkeyPatch, max_unmatched: int, kept: int, absent: bool
    ) -> None:
        """Nor where so many may be kept for people only that an older one may be gone."""
        monkeypatch.setattr("wework_message.application.streams.absent.MAX_UNMATCHED", max_unmatched)
        async with StreamApp(StreamSupport.COMPLETE, inbox=InboxLimits(max_kept_per_guid=kept)) as app:
            message_id = await self.uncertain(app)
            for _ in range(3):
                app.vendor.appear(app.record(text="by hand", conversations=("S:8",)))
            await app.send_another()
            for _ in range(5):
                await app.pull()
            status = await app.status(message_id)
            assert status is (MessageStatus.RETRY_WAIT if absent else MessageStatus.UNKNOWN)

    async def test_not_where_only_what_is_in_the_stream_counts(self) -> None:
        async with StreamApp(StreamSupport.POSITIVE) as app:
            message_id = await self.uncertain(app)
            await app.send_another()
            for _ in range(5):
                await app.pull()
            assert await app.status(message_id) is MessageStatus.UNKNOWN

    async def test_not_for_a_refusal_with_a_code_that_no_table_knows(self) -> None:
        async with StreamApp(StreamSupport.COMPLETE) as app:
            await app.known()
            await app.pull(0)
            app.clock.advance(CLOCKS_MS + 1)
            app.gateway.script(LOST)
            lost = await app.accept_text("other", to="S:1002")
            await app.dispatch()
            refused = await app.sent(REFUSED)
            app.online()
            await self.see(app)
            assert list(app.pulling._writes.settle_absent._seen[PROVIDER, GUID]) == [(lost, 1)]
            await app.send_another()
            for _ in range(5):
                await app.pull()
            assert await app.status(refused) is MessageStatus.FAILED
            assert await app.status(lost) is MessageStatus.RETRY_WAIT

    async def test_not_for_an_attempt_that_a_person_has_given_up(self) -> None:
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            await app.send_another()
            app.clock.advance(HORIZON_MS)
            app.gateway.script(LOST)
            await app.retrying(RetryMessage(DEFAULT_TENANT, message_id, force=True))
            await app.dispatch()
            await app.pull(FIRST_PAUSE_MS)
            await app.pull(FIRST_PAUSE_MS)
            message = await app.message(message_id)
            outcomes = [attempt.outcome.kind for attempt in message.attempts if attempt.outcome is not None]
            assert (message.status, outcomes) == (MessageStatus.UNKNOWN, [OutcomeClass.UNCERTAIN] * 2)

    async def test_a_record_that_comes_all_the_same_is_known_as_the_message(self) -> None:
        """The provider's stream was not complete: the customer has got it, and this is the least that must be known."""
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            sent_at = app.clock.now()
            await app.send_another()
            for _ in range(5):
                await app.pull()
            assert await app.status(message_id) is MessageStatus.RETRY_WAIT
            await app.receive_callback(stream_record=app.record(sent_at=sent_at, provider_message_id="4713"))
            assert await app.status(message_id) is MessageStatus.DELIVERED
            await app.pass_time(FAR_MS)
            assert [call.message_id for call in app.vendor.calls].count(message_id) == 1

    async def test_a_late_answer_outweighs_an_absence(self) -> None:
        async with StreamApp(StreamSupport.COMPLETE) as app:
            message_id = await self.uncertain(app)
            await app.send_another()
            for _ in range(5):
                await app.pull()
            message = await app.message(message_id)
            recorded = message.attempts.numbered(1).outcome
            assert recorded is not None
            assert app.accepted().corrects(recorded)
            assert not LOST.corrects(recorded)


class TestWhoIsPulled:
    async def test_no_provider_without_the_setting_is_pulled(self) -> None:
        async with StreamApp(StreamSupport.NONE) as app:
            assert app.use_cases.streams().pulls == []

    async def test_a_paused_provider_gets_no_pull(self) -> None:
        async with StreamApp() as app:
            await app.known()
            async with app.units() as unit:
                await unit.pauses.pause(a_pause(PauseScope.PROVIDER, PROVIDER))
                await unit.commit()
            await app.pauses.read()
            await app.pull()
            assert app.vendor.pulls == []

    async def test_a_standby_that_is_not_logged_in_gets_no_pull(self) -> None:
        async with StreamApp() as app:
            await app.known()
            warm = dataclasses.replace(implicit_binding(GUID, PROVIDER), standby=Standby.WARM)
            app.database.register(Account(implicit_account_id(GUID)), warm)
            await app.pull()
            assert app.vendor.pulls == []

    async def test_an_instance_that_is_offline_gets_no_pull(self) -> None:
        async with StreamApp() as app:
            await app.known()
            app.board.binding_state(implicit_binding(GUID, PROVIDER).binding_id, ClientState.OFFLINE, app.clock.now())
            await app.pull()
            assert app.vendor.pulls == []

    async def test_a_provider_whose_breaker_is_open_gets_no_pull(self) -> None:
        async with StreamApp() as app:
            await app.known()
            for _ in range(20):
                app.board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
            assert app.board.provider(PROVIDER).breaker != BreakerState.CLOSED
            await app.pull(0)
            assert app.vendor.pulls == []

    async def test_of_two_processes_one_pulls(self) -> None:
        async with StreamApp() as app:
            await app.known()
            async with app.units() as unit:
                assert await unit.leases.take(f"stream:{PROVIDER}", "somebody else", FAR_MS) is not None
                await unit.commit()
            await app.pull()
            assert app.vendor.pulls == []

    async def test_many_instances_have_their_turns_at_a_steady_pace(self) -> None:
        async with StreamApp() as app:
            guids = [Guid(f"guid-{number:02}") for number in range(2 * PER_ROUND + 3)]
            for guid in guids:
                app.gateway.script(app.accepted())
                await app.accept_text(guid=guid)
            await app.dispatch()
            for expected in (PER_ROUND, 2 * PER_ROUND, len(guids), len(guids)):
                await app.pull(1_000)
                assert len(app.vendor.pulls) == expected
            assert sorted(guid for guid, _ in app.vendor.pulls) == guids

    async def test_uncertain_instances_leave_the_others_their_turn(self) -> None:
        async with StreamApp() as app:
            guids = [Guid(f"guid-{number:02}") for number in range(PER_ROUND)]
            for guid in guids:
                for outcome in (app.accepted(), LOST):
                    app.gateway.script(outcome)
                    await app.accept_text(guid=guid)
                    await app.dispatch()
            others = [Guid(f"a-{number}") for number in range(PER_ROUND - UNCERTAIN_PER_ROUND)]
            await app.pull(0)
            assert len(app.vendor.pulls) == PER_ROUND
            app.vendor.pulls.clear()
            for guid in others:
                app.gateway.script(app.accepted())
                await app.accept_text(guid=guid)
            await app.dispatch()
            await app.pull(INTERVAL_MS)
            pulled = {guid for guid, _ in app.vendor.pulls}
            assert len(pulled) == PER_ROUND
            assert pulled >= set(others)

    async def test_another_account_of_the_guid_begins_anew(self) -> None:
        async with StreamApp() as app:
            await app.known()
            await app.pull(0)
            moved = dataclasses.replace(
                implicit_binding(GUID, PROVIDER), account_id=AccountId("another"), epoch=1, state=BindingState.ONLINE
            )
            app.database.register(Account(AccountId("another")), moved)
            await app.pull()
            assert app.vendor.pulls == [(GUID, "0")]
            assert implicit_account_id(GUID) != moved.account_id

    async def test_a_stream_with_more_is_not_read_on_for_a_binding_that_has_moved(self) -> None:
        """What is known of it is old: its pull would begin at the same place each second."""
        async with StreamApp() as app:
            await app.known()
            app.vendor.page_size = 1
            for number in range(4):
                app.vendor.appear(app.record(text=f"by hand {number}"))
            await app.pull(0)
            moved = dataclasses.replace(
                implicit_binding(GUID, PROVIDER), account_id=AccountId("another"), epoch=1, state=BindingState.ONLINE
            )
            app.database.register(Account(AccountId("another")), moved)
            for _ in range(5):
                await app.pull(1_000)
            assert len(app.vendor.pulls) == 2

    async def test_a_second_pull_of_the_same_place_leaves_the_place_where_it_is(self) -> None:
        """A process that lost its lease in between: its records are stored, and its place does not count."""
        async with StreamApp() as app:
            await app.known()
            await app.pull(0)
            position = app.position()
            assert position is not None
            ahead = dataclasses.replace(position, cursor="100")

            async def overtaken(guid: Guid, cursor: str, limit: int) -> Any:
                async with app.units() as unit:
                    await unit.streams.save(PROVIDER, GUID, ahead)
                    await unit.commit()
                return await StreamGateway.pull(app.vendor, guid, cursor, limit)

            app.vendor.appear(app.record(text="by hand"))
            app.vendor.pull = overtaken  # type: ignore[method-assign]  # between the read and the write of one pull
            await app.pull()
            assert app.position() == ahead
            assert app.observer.pulls[-1] == (PullOutcome.READ, 1, 0)


async def test_one_instance_that_fails_takes_no_other_s_turn() -> None:
    async with StreamApp() as app:
        guids = [Guid(f"guid-{number}") for number in range(4)]
        for guid in guids:
            app.gateway.script(app.accepted())
            await app.accept_text(guid=guid)
        await app.dispatch()
        pull = app.vendor.pull

        async def first_fails(guid: Guid, cursor: str, limit: int) -> Any:
            page = await pull(guid, cursor, limit)
            if guid == guids[0]:
                raise LookupError(guid)
            return page

        app.vendor.pull = first_fails  # type: ignore[method-assign]  # a gateway with a defect
        app.clock.advance(INTERVAL_MS)
        await app.pauses.refresh()
        with pytest.raises(LookupError):
            await app.pulling.round()
        assert [guid for guid, _ in app.vendor.pulls] == guids


async def test_a_round_that_was_stopped_begins_no_pull_and_a_loop_without_a_lease_gives_none_back() -> None:
    async with StreamApp() as app:
        await app.known()
        streams = app.use_cases.streams()
        await streams.stop()
        await app.pull()
        assert app.vendor.pulls == []
        app.pulling._holds = False
        async with app.units() as unit:
            assert await unit.leases.take(f"stream:{PROVIDER}", "here", FAR_MS) is not None
            await unit.commit()
        await streams.run()
        async with app.units() as unit:
            assert await unit.leases.held([f"stream:{PROVIDER}"])


async def test_nothing_is_absent_where_nothing_was_pulled() -> None:
    async with StreamApp(StreamSupport.COMPLETE) as app:
        await app.sent(LOST)
        assert await app.commits.submit(app.pulling._writes.settle_absent, (PROVIDER, GUID)) == 0


@pytest.mark.parametrize("error", [LookupError("x"), UnavailableError("database")])
async def test_the_loop_goes_on_after_an_error_and_ends_when_it_is_stopped(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "wework_message.application.streams")
    monkeypatch.setattr("wework_message.application.streams.pull.POLL_S", 0.0)
    async with StreamApp() as app:
        await app.known()
        streams = app.use_cases.streams()
        pull = app.vendor.pull

        async def fails_once(guid: Guid, cursor: str, limit: int) -> Any:
            if not app.vendor.pulls:
                await pull(guid, cursor, limit)
                app.clock.advance(INTERVAL_MS)
                await app.pauses.refresh()
                raise error
            await streams.stop()
            return await pull(guid, cursor, limit)

        app.vendor.pull = fails_once  # type: ignore[method-assign]  # a gateway with a defect
        await streams.run()
        assert len(app.vendor.pulls) == 2
        assert [record.levelname for record in caplog.records] == [
            "INFO" if isinstance(error, UnavailableError) else "ERROR"
        ]
        async with app.units() as unit:  # its lease is given back
            assert await unit.leases.take(f"stream:{PROVIDER}", "somebody else", FAR_MS) is not None


async def test_a_database_that_is_away_only_delays_the_pulls() -> None:
    async with StreamApp() as app:
        await app.known()
        await app.pull(0)
        app.database.away = True
        app.clock.advance(INTERVAL_MS)
        with pytest.raises(UnavailableError):
            await app.pulling._turns.next(app.clock.boot())
        app.database.away = False
        await app.pull(INTERVAL_MS)
        assert len(app.vendor.pulls) == 2
