"""A recall goes through the instance that sent the message, as it is now, or through none (ADR 52)."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import BACKUP, DAY_MS, PROVIDER, an_outcome

from wework_message.application.actions.change import RecallMessage
from wework_message.application.dispatch.begin_call import StartedCall
from wework_message.domain.account import Account, Binding, Standby
from wework_message.domain.horizon import WRITE_WITHIN_MS
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, Guid, MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.trace import TraceContext

ACCOUNT, OTHER, SENT_BY = AccountId("acc"), AccountId("other"), Guid("at-0")
Change = Callable[[Binding], Binding]


def binding(**changes: Any) -> Change:
    return lambda known: dataclasses.replace(known, epoch=known.epoch + 1, **changes)


DEMOTED, REMOVED, SWITCHED_OFF = binding(standby=Standby.WARM), binding(removed=True), binding(enabled=False)
CHANGED, MOVED = binding(weight=7), binding(account_id=OTHER)


def write(app: InMemoryApp, change: Change, *, here: bool = True) -> None:
    """Store the binding so; `here`: this process has done it, and knows."""
    first, *others = sorted(app.database.bindings.committed_rows(), key=lambda known: known.binding_id)
    written = change(first)
    app.database.register(Account(written.account_id), written)
    if here:
        own = [known for known in (written, *others) if known.account_id == ACCOUNT and not known.removed]
        app.router.changed(ACCOUNT, own)


async def sent(app: InMemoryApp) -> MessageId:
    bindings = [
        Binding(BindingId(f"b{place}"), ACCOUNT, code, Guid(f"at-{place}"), priority=place)
        for place, code in enumerate((PROVIDER, BACKUP))
    ]
    app.database.register(Account(ACCOUNT), *bindings)
    message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
    await app.dispatch()
    return message_id


async def ask(app: InMemoryApp, message_id: MessageId) -> None:
    await app.recalling(RecallMessage(DEFAULT_TENANT, SENT_BY, message_id))


def before_the_call(app: InMemoryApp, monkeypatch: pytest.MonkeyPatch, then: Callable[[], None]) -> None:
    """`then` happens between the intent and its call."""
    start = app.dispatcher.start

    def change_first(started_calls: Sequence[StartedCall], *claim: TraceContext | None) -> None:
        if started_calls:
            monkeypatch.setattr(app.dispatcher, "start", start)
            then()
        start(started_calls, *claim)

    monkeypatch.setattr(app.dispatcher, "start", change_first)


@pytest.mark.parametrize("change", [DEMOTED, REMOVED], ids=["demoted", "removed"])
@pytest.mark.parametrize("late", [True, False], ids=["after the intent", "before the claim"])
async def test_no_recall_goes_through_an_instance_that_gave_its_place_up(
    change: Change, *, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        await ask(app, message_id)
        if late:
            before_the_call(app, monkeypatch, lambda: write(app, change))
        else:
            write(app, change)
        await app.dispatch()
        await app.pass_time(60_000)
        message = await app.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.SENT, "RECALL_NO_BINDING")
        assert [*app.gateway.recalls, *app.gateways[BACKUP].recalls] == []
        assert (await app.reader.timeline(None, message_id))[-1].kind == "RECALL_NOT_CALLED"


@pytest.mark.parametrize("change", [CHANGED, SWITCHED_OFF, MOVED], ids=["changed", "switched off", "moved"])
@pytest.mark.parametrize("late", [True, False], ids=["after the intent", "before the claim"])
async def test_a_recall_goes_on_through_the_instance_that_sent_the_message_whoever_has_it(
    change: Change, *, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        await ask(app, message_id)
        if late:
            before_the_call(app, monkeypatch, lambda: write(app, change))
        else:
            write(app, change)
        await app.dispatch()
        assert len(app.gateway.recalls) == (0 if late else 1)
        await app.pass_time(60_000)
        assert [call.guid for call in app.gateway.recalls] == [SENT_BY]
        assert (await app.message(message_id)).status is MessageStatus.RECALLING


async def test_what_another_process_has_changed_counts_as_soon_as_it_is_heard_of() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        write(app, DEMOTED, here=False)
        app.use_cases.fence().heard(app.database.bindings.committed_rows())
        await ask(app, message_id)
        await app.dispatch()
        assert (await app.message(message_id)).reason == "RECALL_NO_BINDING"


async def test_a_recall_can_be_requested_again_once_its_instance_is_back() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        write(app, DEMOTED)
        await ask(app, message_id)
        await app.dispatch()
        write(app, binding(standby=Standby.HOT))
        await ask(app, message_id)
        await app.dispatch()
        assert [call.guid for call in app.gateway.recalls] == [SENT_BY]


async def test_a_recall_that_was_stopped_between_intent_and_call_for_too_long_is_decided_on_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fence holds because no call starts later than this after its intent."""
    async with InMemoryApp() as app:
        message_id = await sent(app)
        await ask(app, message_id)
        before_the_call(app, monkeypatch, lambda: app.clock.advance(WRITE_WITHIN_MS + 1))
        await app.dispatch()
        assert app.gateway.recalls == []
        await app.pass_time(60_000)
        assert len(app.gateway.recalls) == 1


@pytest.mark.parametrize("kind", [OutcomeClass.NOT_SENT, OutcomeClass.THROTTLED])
async def test_a_recall_that_cannot_be_made_is_tried_more_rarely_for_a_day_and_notes_nothing(
    kind: OutcomeClass,
) -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        app.gateway.script_recalls(*[an_outcome(kind)] * 1_000)
        await ask(app, message_id)
        await app.dispatch()
        noted = len(await app.reader.timeline(None, message_id))
        for _ in range(300):
            await app.pass_time(2_000)
        assert (await app.message(message_id)).status is MessageStatus.RECALLING
        assert 10 < len(app.gateway.recalls) < 40
        assert len(await app.reader.timeline(None, message_id)) == noted
        await app.pass_time(DAY_MS)
        message = await app.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.SENT, "RECALL_UNCONFIRMED")
        assert len(await app.reader.timeline(None, message_id)) == noted + 1


async def test_what_a_recall_reads_of_its_instance_is_heard_by_the_fence() -> None:
    """It moved, and its new account has changed it, in another process: else the recall would be fenced off for ever."""
    async with InMemoryApp() as app:
        message_id = await sent(app)
        write(app, MOVED)
        write(app, CHANGED, here=False)
        await ask(app, message_id)
        await app.dispatch()
        assert [call.guid for call in app.gateway.recalls] == [SENT_BY]


async def test_a_recall_goes_to_the_provider_that_sent_the_message_where_two_have_the_guid() -> None:
    async with InMemoryApp() as app:
        app.database.register(Account(OTHER), Binding(BindingId("twin"), OTHER, BACKUP, SENT_BY))
        message_id = await sent(app)
        write(app, REMOVED)
        await ask(app, message_id)
        await app.dispatch()
        assert (await app.message(message_id)).reason == "RECALL_NO_BINDING"
        assert [*app.gateway.recalls, *app.gateways[BACKUP].recalls] == []
