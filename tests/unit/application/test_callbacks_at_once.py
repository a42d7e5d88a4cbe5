"""Echoes that are applied in the transaction that stores them, and what waits for the projector."""

import dataclasses
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import GUID, PROVIDER, a_receipt, a_stream_record, an_item, an_outcome

from wework_message.adapters.memory.echoes import MemoryEchoes
from wework_message.application.actions.change import RecallMessage
from wework_message.application.callbacks import at_once
from wework_message.application.callbacks.ingest import Arrival
from wework_message.domain.errors import TryAgainError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, ProviderKey, ProviderMessageId
from wework_message.domain.inbox import InboxLimits
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.fitting import Misfit
from wework_message.domain.message.projection import FactKind, StreamRecord
from wework_message.domain.message.sent_message import SentMessage
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.repositories import InboxState

PROVIDER_MESSAGE_ID = ProviderMessageId("4711")
ACCEPTED = an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(PROVIDER_MESSAGE_ID))
TIMED_OUT = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)


def an_echo(**changes: Any) -> StreamRecord:
    return a_stream_record(provider_message_id=PROVIDER_MESSAGE_ID, **changes)


async def store(app: InMemoryApp, stream_record: StreamRecord) -> None:
    """Take a callback in, and project nothing."""
    await app.ingesting(app.callbacks.body(stream_record=stream_record))


async def test_an_echo_is_applied_where_it_is_stored_and_the_projector_has_nothing_to_do() -> None:
    async with InMemoryApp() as app:
        message_id = await app.sent(ACCEPTED)
        await store(app, an_echo())
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED
        assert await app.inbox() == [InboxState.APPLIED]
        (view,) = await app.reader.callbacks(None, GUID, notify_type=None, limit=10, before=None)
        assert view.message_id == message_id
        assert app.inbox_notifier.notifications == 0
        assert await app.projector.project_pending() == 0
        assert app.observer.callback_counts[11010, "applied"] == 1


async def test_an_echo_that_is_applied_and_comes_again_is_a_duplicate() -> None:
    async with InMemoryApp() as app:
        message_id = await app.sent(ACCEPTED)
        echo = an_echo()
        await store(app, echo)
        await store(app, echo)
        assert await app.inbox() == [InboxState.APPLIED]
        assert len(await app.reader.timeline(None, message_id)) == 1
        assert app.observer.callback_counts[11010, "applied"] == 1
        assert app.observer.callback_counts[11010, "duplicate"] == 1


@pytest.mark.parametrize(
    ("outcome", "changes"),
    [
        (TIMED_OUT, {}),
        (ACCEPTED, {"kinds": frozenset({FactKind.SEND_FAIL})}),
        (ACCEPTED, {"kinds": frozenset({FactKind.REVOKED})}),
        (ACCEPTED, {"kinds": frozenset({FactKind.ECHO, FactKind.SERVER_RETRY_OK})}),
        (ACCEPTED, {"refers_to": ProviderMessageId("4710")}),
    ],
)
async def test_what_may_move_more_than_its_message_waits(outcome: AttemptOutcome, changes: dict[str, Any]) -> None:
    async with InMemoryApp() as app:
        message_id = await app.sent(outcome)
        before = await app.message(message_id)
        await store(app, an_echo(**changes))
        assert await app.inbox() == [InboxState.PENDING]
        assert (await app.message(message_id)).status is before.status
        assert await app.projector.project_pending() == 1
        assert await app.inbox() == [InboxState.APPLIED]


async def test_an_echo_of_a_message_that_is_recalled_waits() -> None:
    async with InMemoryApp() as app:
        message_id = await app.sent(ACCEPTED)
        await app.recalling(RecallMessage(DEFAULT_TENANT, GUID, message_id))
        await store(app, an_echo())
        assert await app.inbox() == [InboxState.PENDING]


async def test_a_record_that_does_not_fit_is_judged_by_the_projector_and_counted_once() -> None:
    async with InMemoryApp() as app:
        message_id = await app.sent(ACCEPTED)
        await store(app, an_echo(conversations=("S:9",)))
        assert await app.inbox() == [InboxState.PENDING]
        assert not app.observer.misfit_counts
        await app.projector.project_pending()
        assert await app.inbox() == [InboxState.QUARANTINED]
        assert app.observer.misfit_counts == {Misfit.CONVERSATION: 1}
        assert (await app.message(message_id)).status is MessageStatus.SENT


async def test_a_message_that_somebody_is_changing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(*_: object) -> dict[ProviderKey, SentMessage]:
        return {}

    monkeypatch.setattr(MemoryEchoes, "sent", busy)
    async with InMemoryApp() as app:
        message_id = await app.sent(ACCEPTED)
        await store(app, an_echo())
        assert await app.inbox() == [InboxState.PENDING]
        await app.projector.project_pending()
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED


@pytest.mark.parametrize("error", [LookupError("a defect"), TryAgainError("database", "deadlock")])
async def test_what_cannot_be_applied_is_stored_all_the_same(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise error

    async with InMemoryApp() as app:
        message_id = await app.sent(ACCEPTED)
        monkeypatch.setattr(MemoryEchoes, "sent", broken)
        await store(app, an_echo())
        assert await app.inbox() == [InboxState.PENDING]
        await app.projector.project_pending()
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED


async def test_where_the_connection_is_lost_storing_is_not_tried_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise TryAgainError("database", "gone away", lost_connection=True)

    async with InMemoryApp() as app:
        await app.sent(ACCEPTED)
        monkeypatch.setattr(MemoryEchoes, "sent", broken)
        with pytest.raises(TryAgainError):
            await store(app, an_echo())
        assert await app.inbox() == []  # the provider repeats it


async def test_one_transaction_applies_so_many_and_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "MAX_AT_ONCE", 1)
    async with InMemoryApp() as app:
        await app.sent(ACCEPTED)
        items: list[CallbackItem] = [
            dataclasses.replace(item, raw=str(number), event_key=str(number))
            for number, item in enumerate(app.callbacks.read(app.callbacks.body(stream_record=an_echo())) * 3)
        ]
        await app.commits.submit(app.ingesting.operation, Arrival(PROVIDER, tuple(items)))
        assert await app.inbox() == [InboxState.APPLIED, InboxState.PENDING, InboxState.PENDING]


async def test_what_is_applied_at_once_needs_no_room_and_its_neighbours_do() -> None:
    async with InMemoryApp(inbox=InboxLimits(max_pending=0)) as app:
        message_id = await app.sent(ACCEPTED)
        (echo,) = app.callbacks.read(app.callbacks.body(stream_record=an_echo()))
        with pytest.raises(UnavailableError):
            await app.commits.submit(app.ingesting.operation, Arrival(PROVIDER, (an_item(), echo)))
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED
        assert await app.inbox() == [InboxState.APPLIED]
        assert app.observer.callback_counts[11010, "refused"] == 1
        await store(app, an_echo())
