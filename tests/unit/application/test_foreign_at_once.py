"""Records of no message of ours that are stored as what they are, and what waits for the projector (ADR 68)."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import GUID, PROVIDER, a_receipt, a_stream_record, an_item, an_outcome
from tests.unit.application.test_webhooks import Webhooks

from wework_message.adapters.memory.inbox import MemoryCallbackInbox
from wework_message.adapters.memory.messages import MemoryMessageRepository
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWork
from wework_message.application.callbacks import ingest
from wework_message.application.callbacks.ingest import Arrival
from wework_message.domain.ids import Guid, ProviderCode, ProviderMessageId
from wework_message.domain.inbox import InboxLimits, InboxState
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.projection import FactKind, StreamRecord
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import CallbackItem, NoticeKind
from wework_message.domain.ports.inbox import Surroundings
from wework_message.domain.webhooks.event import EventType

OWN: Final = "1688850000000042"
ACCEPTED: Final = an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("4711", sender_id=OWN))
TIMED_OUT: Final = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)
LATER: Final = ProviderMessageId("4712")


def of_customer(**changes: Any) -> StreamRecord:
    fields = {"sender": "7881300000000009", "marked_own": False, "provider_message_id": ProviderMessageId("90001")}
    return a_stream_record(**fields | changes)


def of_phone(**changes: Any) -> StreamRecord:
    fields = {"sender": OWN, "text": "typed on the phone", "provider_message_id": LATER}
    return a_stream_record(**fields | changes)


async def store(app: InMemoryApp, stream_record: StreamRecord, **fields: Any) -> None:
    """Take a callback in, and project nothing."""
    await app.ingesting(app.callbacks.body(stream_record=stream_record, **fields))


@pytest.mark.parametrize(
    ("stream_record", "state"), [(of_customer(), InboxState.ORPHAN), (of_phone(), InboxState.PARKED)]
)
async def test_a_foreign_record_is_stored_as_what_it_is_and_the_projector_has_nothing_to_do(
    stream_record: StreamRecord, state: InboxState
) -> None:
    async with InMemoryApp() as app:
        await app.sent(ACCEPTED)
        await store(app, stream_record)
        assert await app.inbox() == [state]
        assert app.inbox_notifier.notifications == 0
        counts = {result: count for (_, result), count in app.observer.callback_counts.items() if count}
        assert counts == {"new": 1, state.lower(): 1}
        assert await app.projector.project_pending() == 0


async def test_the_echo_of_a_call_that_goes_on_is_parked_and_found_by_its_answer() -> None:
    async with InMemoryApp() as app:
        await app.sent(ACCEPTED)
        answer = app.hold_next_send()
        message_id = await app.accept_text(to="R:2")
        await app.dispatcher.dispatch_due()
        await store(app, of_phone(text="hello", conversations=("R:2",)))
        assert await app.inbox() == [InboxState.PARKED]
        answer.set_result(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(LATER)))
        await app.quiet()
        assert app.inbox_notifier.notifications == 1
        await app.projector.project_pending()
        assert (await app.message(message_id)).status.value == "DELIVERED"


@pytest.mark.parametrize(
    ("fields", "stream_record"),
    [
        ({}, of_phone(guid=Guid("stranger"))),
        ({"notice": NoticeKind.ONLINE}, of_phone()),
        ({"wecom_user_id": OWN}, of_phone()),
        ({}, of_phone(provider_message_id=ProviderMessageId("4711"), kinds=frozenset({FactKind.SEND_FAIL}))),
        ({}, of_customer(refers_to=ProviderMessageId("4711"))),
        ({}, of_customer(provider_message_id=None)),
        ({}, of_customer(sent_at=None)),
    ],
    ids=["instance", "notice", "user id", "own id", "changes ours", "event without id", "event without time"],
)
async def test_what_needs_more_waits(fields: dict[str, Any], stream_record: StreamRecord) -> None:
    async with InMemoryApp() as app:
        await app.sent(ACCEPTED)
        await store(app, stream_record, **fields)
        assert await app.inbox(stream_record.guid) == [InboxState.PENDING]
        assert app.inbox_notifier.notifications == 1


async def test_what_could_not_be_read_is_quarantined_whatever_was_read_of_it() -> None:
    async with InMemoryApp() as app:
        await app.sent(ACCEPTED)
        await store(app, of_phone(), defect="too deep")
        assert await app.inbox() == [InboxState.QUARANTINED]


@pytest.mark.parametrize("moved", [False, True])
async def test_while_a_call_of_the_instance_has_no_proof_what_its_account_may_have_sent_waits(
    moved: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_it_is = MemoryCallbackInbox.surroundings

    async def rebound(self: MemoryCallbackInbox, code: ProviderCode, items: Sequence[CallbackItem]) -> Surroundings:
        surroundings = await as_it_is(self, code, items)
        instances = {guid: dataclasses.replace(known, moved=moved) for guid, known in surroundings.instances.items()}
        return dataclasses.replace(surroundings, instances=instances)

    monkeypatch.setattr(MemoryCallbackInbox, "surroundings", rebound)
    async with InMemoryApp() as app:
        await app.sent(ACCEPTED)
        await app.sent(TIMED_OUT, "whose echo may come")
        await store(app, of_phone())
        await store(app, of_customer())
        assert await app.inbox() == [InboxState.PENDING, InboxState.PENDING if moved else InboxState.ORPHAN]


async def test_what_comes_twice_is_stored_once_and_told_once() -> None:
    async with InMemoryApp() as app:
        webhooks = Webhooks(app)
        await app.sent(ACCEPTED)
        endpoint = await webhooks.create(events=(EventType.MESSAGE_RECEIVED,))
        item = an_item(stream_record=of_customer())
        for arrival in (Arrival(PROVIDER, (item, item)), Arrival(PROVIDER, (item,))):
            await app.application.ingest_callback.commits.submit(app.application.ingest_callback.operation, arrival)
        assert await app.inbox() == [InboxState.ORPHAN]
        assert app.observer.callback_counts[11010, "duplicate"] == 2
        assert len(await webhooks.deliveries(endpoint.id)) == 1


async def test_a_foreign_record_needs_no_room_and_one_that_waits_does() -> None:
    async with InMemoryApp(inbox=InboxLimits(max_pending=1, max_pending_per_guid=1)) as app:
        await app.sent(ACCEPTED)
        await store(app, of_customer(provider_message_id=None))
        await store(app, of_customer())
        assert await app.inbox() == [InboxState.PENDING, InboxState.ORPHAN]


async def test_no_more_records_are_judged_at_once_than_a_transaction_should_be_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ingest, "MAX_AT_ONCE", 1)
    async with InMemoryApp() as app:
        await app.sent(ACCEPTED)
        items = tuple(an_item(stream_record=of_customer(provider_message_id=number)) for number in ("1", "2"))
        commits, operation = app.application.ingest_callback.commits, app.application.ingest_callback.operation
        await commits.submit(operation, Arrival(PROVIDER, items))
        assert sorted(await app.inbox()) == [InboxState.ORPHAN, InboxState.PENDING]


@pytest.mark.parametrize("answer", [an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(LATER)), TIMED_OUT])
async def test_a_parked_record_is_looked_at_again_where_another_process_wrote_the_answer_meanwhile(
    answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_it_is = MemoryCallbackInbox.surroundings

    async def behind(self: MemoryCallbackInbox, code: ProviderCode, items: Sequence[CallbackItem]) -> Surroundings:
        surroundings = await as_it_is(self, code, items)
        known = dataclasses.replace(surroundings.instances[GUID], awaits_echoes=False)
        return dataclasses.replace(surroundings, owned=frozenset(), instances={GUID: known})

    monkeypatch.setattr(MemoryCallbackInbox, "surroundings", behind)
    async with InMemoryApp() as app:
        await app.sent(ACCEPTED)
        await app.sent(answer, "another text")
        monkeypatch.setattr(MemoryUnitOfWork, "alone", property(lambda _: False, lambda *_: None), raising=False)
        await store(app, of_phone(kinds=frozenset({FactKind.SEND_FAIL})))
        assert await app.inbox() == [InboxState.PENDING]
        assert app.inbox_notifier.notifications == 1


async def test_the_echo_of_a_sibling_is_looked_at_again_where_the_answer_that_names_its_sender_was_written_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The account's own user id was still that of its other instance when the callback looked for it."""
    as_it_is = MemoryCallbackInbox.surroundings

    async def behind(self: MemoryCallbackInbox, code: ProviderCode, items: Sequence[CallbackItem]) -> Surroundings:
        surroundings = await as_it_is(self, code, items)
        known = dataclasses.replace(surroundings.instances[GUID], own_user_id="of the sibling", siblings=True)
        return dataclasses.replace(surroundings, owned=frozenset(), instances={GUID: known})

    async with InMemoryApp() as app:
        await app.sent(ACCEPTED)
        monkeypatch.setattr(MemoryCallbackInbox, "surroundings", behind)
        monkeypatch.setattr(MemoryUnitOfWork, "alone", property(lambda _: False, lambda *_: None), raising=False)
        failed = of_phone(kinds=frozenset({FactKind.SEND_FAIL}), provider_message_id=ProviderMessageId("4711"))
        await store(app, failed)
        assert await app.inbox() == [InboxState.PENDING]


async def test_where_nobody_writes_beside_it_nothing_is_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    latest = 0
    uncertain = MemoryMessageRepository.uncertain

    async def counting(self: MemoryMessageRepository, *place: Any, **how: Any) -> Sequence[OpenAttempt]:
        nonlocal latest
        latest += 1
        return await uncertain(self, *place, **how)

    async with InMemoryApp() as app:
        await app.sent(ACCEPTED)
        monkeypatch.setattr(MemoryMessageRepository, "uncertain", counting)
        await store(app, of_phone())
        assert latest == 0
        monkeypatch.setattr(MemoryUnitOfWork, "alone", property(lambda _: False, lambda *_: None), raising=False)
        await store(app, of_phone(text="another"))
        await store(app, of_customer())
        assert (await app.inbox(), latest) == ([InboxState.PARKED, InboxState.PARKED, InboxState.ORPHAN], 1)
