"""Callbacks that were not applied are judged again, as of their own arrival (ADR 61)."""

from typing import Any, Final

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import GUID, NOW, a_receipt, a_stream_record, an_outcome

from wework_message.application.callbacks import replay
from wework_message.application.callbacks.replay import ReplayCallbacks
from wework_message.application.maintenance.prune import GiveUpUnmatched
from wework_message.domain.account import BindingState
from wework_message.domain.ids import DEFAULT_TENANT, Guid, MessageId, ProviderMessageId
from wework_message.domain.inbox import NOTICE_NEWS_MS, REPLAYABLE, InboxLimits, InboxState, is_news
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import NoticeKind
from wework_message.domain.ports.inbox import ReplayedEntries, ReplaySelection
from wework_message.domain.webhooks.event import EventType

OWN: Final = "1688850000000042"
PROVIDER_MESSAGE_ID: Final = ProviderMessageId("4711")
ALL: Final = ReplaySelection(REPLAYABLE, 0)
RECEIVED: Final = (EventType.MESSAGE_RECEIVED,)


async def states(app: InMemoryApp, guid: Guid = GUID) -> list[str]:
    views = await app.reader.callbacks(None, guid, notify_type=None, limit=100, before=None)
    return [view.state for view in views]


async def replayed(app: InMemoryApp, selection: ReplaySelection = ALL) -> int:
    step = await app.application.replay_callbacks(ReplayCallbacks(selection))
    await app.projector.project_pending()
    return step.entries


def an_echo(**changes: Any) -> Any:
    fields = {"provider_message_id": PROVIDER_MESSAGE_ID, "sender": OWN, "app_info_key": None}
    return a_stream_record(**fields | changes)


async def sent(app: InMemoryApp) -> MessageId:
    return await app.sent(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(PROVIDER_MESSAGE_ID, sender_id=OWN)))


async def test_a_replay_proves_nothing_that_was_a_guess_when_it_arrived() -> None:
    async with InMemoryApp() as app:
        await sent(app)  # so that the guid is known
        await app.receive_callback(stream_record=an_echo(provider_message_id=ProviderMessageId("4712")))
        app.clock.advance(60_000)
        accepted = a_receipt(ProviderMessageId("4712"), sender_id=OWN)
        message_id = await app.sent(an_outcome(OutcomeClass.ACCEPTED, receipt=accepted), "hello again")
        for _ in range(3):
            await replayed(app)
            assert (await app.message(message_id)).status is MessageStatus.SENT
            assert await states(app) == ["QUARANTINED"]


async def test_a_replay_never_applies_twice() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        await app.receive_callback(stream_record=an_echo())
        before = await app.message(message_id)
        assert before.status is MessageStatus.DELIVERED
        assert await replayed(app) == 0
        assert (await app.message(message_id)).version == before.version
        assert await states(app) == ["APPLIED"]


async def test_what_came_from_a_guid_before_it_was_known_is_judged_again() -> None:
    async with InMemoryApp() as app:
        await app.receive_callback(stream_record=an_echo(text="typed on the phone"))
        assert await states(app) == ["QUARANTINED"]
        await sent(app)
        assert await replayed(app, ReplaySelection((InboxState.PARKED,), 0)) == 0
        assert await replayed(app, ReplaySelection((InboxState.QUARANTINED,), NOW, GUID)) == 1


async def test_an_old_login_that_is_replayed_does_not_win_over_a_newer_logout() -> None:
    async with InMemoryApp() as app:
        await app.receive_callback(guid=GUID, notify_type=11003, notice=NoticeKind.ONLINE)
        assert await states(app) == ["QUARANTINED"]
        await sent(app)
        async with app.units() as unit:
            (binding,) = await unit.accounts.binding_of(GUID)
            await unit.accounts.observe(binding.binding_id, online=False)
            await unit.commit()
        app.clock.advance(NOTICE_NEWS_MS + 1)
        assert await replayed(app) == 1
        async with app.units() as unit:
            (binding,) = await unit.accounts.binding_of(GUID)
        assert binding.state is BindingState.OFFLINE


def test_a_notice_is_news_for_five_minutes() -> None:
    assert is_news(NOW, NOW + NOTICE_NEWS_MS)
    assert not is_news(NOW, NOW + NOTICE_NEWS_MS + 1)


async def test_a_replay_leaves_room_for_new_callbacks_and_goes_on_later() -> None:
    async with InMemoryApp(inbox=InboxLimits(max_pending=6, max_pending_per_guid=4)) as app:
        for serial in range(3):
            await app.receive_callback(guid=Guid(f"g{serial}"), stream_record=an_echo(guid=Guid(f"g{serial}")))
        submit = app.application.replay_callbacks
        first = await submit(ReplayCallbacks(ALL))
        assert first.entries == 2
        again = await submit(ReplayCallbacks(ALL, first.following))
        assert again == ReplayedEntries(0, first.following)
        assert (await submit(ReplayCallbacks(ALL))).following is not None
        assert (await submit(ReplayCallbacks(ALL, dry_run=True))).entries == 1
        await app.projector.project_pending()
        assert await submit(ReplayCallbacks(ALL, first.following)) == ReplayedEntries(1, None)


def test_new_callbacks_find_room_whatever_the_limits() -> None:
    assert InboxLimits().replay_room == 10_000
    assert InboxLimits(max_pending=1).replay_room == 1


async def test_a_step_examines_no_more_than_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "STEP", 2)
    async with InMemoryApp() as app:
        for serial in range(3):
            await app.receive_callback(guid=Guid(f"g{serial}"), stream_record=an_echo(guid=Guid(f"g{serial}")))
        step = await app.application.replay_callbacks(ReplayCallbacks(ALL, dry_run=True))
        assert (step.entries, step.following is None) == (2, False)


async def test_the_oldest_parked_are_given_up_early_where_too_many_wait(caplog: pytest.LogCaptureFixture) -> None:
    async with InMemoryApp() as app:
        await sent(app)
        for text in ("one", "two", "three"):
            fields = {"text": text, "provider_message_id": ProviderMessageId(text)}
            await app.receive_callback(stream_record=an_echo(**fields))
        assert await states(app) == ["PARKED"] * 3
        task = GiveUpUnmatched(app.clock, max_parked=1, limit=1)
        more = []
        for _ in range(3):
            async with app.units() as unit:
                more.append(await task.step(unit))
                await unit.commit()
        assert more == [True, True, False]
        assert await states(app) == ["PARKED", "ORPHAN", "ORPHAN"]
    assert "given up early" in caplog.text


async def test_what_somebody_else_wrote_is_told_once_however_often_it_is_judged_again() -> None:
    async with InMemoryApp() as app:
        await app.application.webhooks.create(DEFAULT_TENANT, "https://shop.example.com/events", RECEIVED)

        def told() -> int:
            return len(app.database.webhook_deliveries.committed_items())

        answer = app.hold_next_send()
        await app.accept_text()
        await app.dispatcher.dispatch_due()
        await app.receive_callback(stream_record=an_echo(sender="customer", marked_own=False))
        assert (await states(app), told()) == (["ORPHAN"], 1)
        answer.set_result(an_outcome(OutcomeClass.UNCERTAIN))  # what came during the call is looked at again
        await app.quiet()
        assert await app.projector.project_pending() == 1
        assert (await replayed(app), await states(app), told()) == (1, ["ORPHAN"], 1)
        await app.receive_callback(stream_record=an_echo(sender="customer", marked_own=False), guid=Guid("unknown"))
        assert await replayed(app) == 2
        assert told() == 1
