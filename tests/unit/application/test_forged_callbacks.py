"""Records that name a message of ours and do not fit it change nothing (D-63)."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import (
    DAY_MS,
    GUID,
    HORIZON_MS,
    NOW,
    PROVIDER,
    a_receipt,
    a_stream_record,
    an_item,
    an_outcome,
)

from wework_message.adapters.memory.messages import MemoryMessageRepository
from wework_message.application.callbacks.ingest import Arrival, StoreCallbacks
from wework_message.domain.ids import MessageId, ProviderMessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.fitting import Misfit
from wework_message.domain.message.projection import FactKind, StreamRecord
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.repositories import InboxState

PROVIDER_MESSAGE_ID = ProviderMessageId("4711")
OWN = "1688850000000042"
TIMED_OUT: Final = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)

CONTRADICTIONS: Final[Mapping[Misfit, dict[str, Any]]] = {
    Misfit.SENDER: {"sender": "7881301000000001"},
    Misfit.CONVERSATION: {"conversations": ("R:99",)},
    Misfit.APP_INFO: {"app_info_key": "forged"},
    Misfit.SEND_TIME: {"sent_at": NOW - DAY_MS},
}
SILENT: Final[Mapping[Misfit, dict[str, Any]]] = {
    Misfit.SENDER: {"sender": None},
    Misfit.CONVERSATION: {"conversations": ()},
}
"""What a record must name."""
KINDS = st.frozensets(st.sampled_from([FactKind.ECHO, FactKind.SEND_FAIL, FactKind.SERVER_RETRY_OK, FactKind.REVOKED]))


def accepted(**receipt: Any) -> AttemptOutcome:
    return an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(PROVIDER_MESSAGE_ID, **{"sender_id": OWN} | receipt))


def a_record(**changes: Any) -> StreamRecord:
    fields = {"provider_message_id": PROVIDER_MESSAGE_ID, "sender": OWN, "app_info_key": "key-4711"}
    return a_stream_record(**fields | changes)


async def sent(app: InMemoryApp, outcome: AttemptOutcome | None = None) -> MessageId:
    return await app.sent(outcome or accepted())


@pytest.mark.parametrize("reason", CONTRADICTIONS)
@pytest.mark.parametrize("kind", [FactKind.ECHO, FactKind.SEND_FAIL, FactKind.SERVER_RETRY_OK, FactKind.REVOKED])
async def test_a_record_with_our_id_that_contradicts_in_one_thing_is_quarantined(
    reason: Misfit, kind: FactKind
) -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        before = await app.message(message_id)
        await app.receive_callback(stream_record=a_record(kinds=frozenset({kind}), **CONTRADICTIONS[reason]))
        assert await app.message(message_id) == before
        assert await app.inbox() == [InboxState.QUARANTINED]
        assert app.observer.misfit_counts == {reason: 1}
        assert app.observer.callback_counts[11010, "quarantined"] == 1
        await app.receive_callback(stream_record=a_record())
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED


@pytest.mark.parametrize("reason", SILENT)
@pytest.mark.parametrize("kind", [FactKind.ECHO, FactKind.SEND_FAIL, FactKind.SERVER_RETRY_OK, FactKind.REVOKED])
async def test_a_record_that_names_our_id_and_little_else_is_quarantined(reason: Misfit, kind: FactKind) -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        await app.receive_callback(stream_record=a_record(kinds=frozenset({kind}), **SILENT[reason]))
        assert (await app.message(message_id)).status is MessageStatus.SENT
        assert app.observer.misfit_counts == {reason: 1}


@pytest.mark.parametrize("reason", [Misfit.SENDER, Misfit.CONVERSATION])
async def test_a_recall_that_refers_to_our_message_must_fit_too(reason: Misfit) -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        changes = {"provider_message_id": "4712", "refers_to": PROVIDER_MESSAGE_ID, "app_info_key": "its own"}
        revoked = changes | {"kinds": frozenset({FactKind.REVOKED})}
        await app.receive_callback(stream_record=a_record(**revoked | CONTRADICTIONS[reason]))
        assert (await app.message(message_id)).status is MessageStatus.SENT
        await app.receive_callback(stream_record=a_record(**revoked))
        assert (await app.message(message_id)).status is MessageStatus.RECALLED


async def test_a_recall_by_an_admin_of_the_settings_counts() -> None:
    admin = "1688850000000099"
    revoked = {"kinds": frozenset({FactKind.REVOKED}), "sender": admin}
    async with InMemoryApp(admin_user_ids=frozenset({admin})) as app:
        message_id = await sent(app)
        await app.receive_callback(stream_record=a_record(**revoked | {"kinds": frozenset({FactKind.ECHO})}))
        assert (await app.message(message_id)).status is MessageStatus.SENT
        await app.receive_callback(stream_record=a_record(**revoked))
        assert (await app.message(message_id)).status is MessageStatus.RECALLED


async def test_a_record_that_came_before_the_send_whose_id_it_guessed_proves_nothing() -> None:
    async with InMemoryApp() as app:
        await app.accept_text("opens the binding", to="R:1")
        await app.dispatch()
        forged = a_record(app_info_key=None, sent_at=NOW + 1)
        await app.receive_callback(stream_record=forged)
        assert await app.inbox() == [InboxState.PARKED]
        app.clock.advance(1)
        message_id = await sent(app)
        await app.projector.project_pending()
        assert (await app.message(message_id)).status is MessageStatus.SENT
        assert await app.inbox() == [InboxState.QUARANTINED]
        assert app.observer.misfit_counts == {Misfit.OLDER: 1}


async def test_a_record_that_comes_while_the_acceptance_of_its_message_is_not_committed_proves_nothing() -> None:
    async with InMemoryApp() as app:
        await app.accept_text("opens the binding", to="R:1")
        await app.dispatch()
        async with app.units() as unit:
            accepting = asyncio.create_task(app.accept_text())
            guessed = asyncio.create_task(app.ingesting(app.callbacks.body(stream_record=a_record(app_info_key=None))))
            await asyncio.sleep(0)
            assert not accepting.done()
            await unit.commit()
        message_id, _ = await asyncio.gather(accepting, guessed)
        await app.projector.project_pending()
        app.clock.advance(1)
        app.gateway.script(accepted())
        await app.dispatch()
        await app.projector.project_pending()
        assert (await app.message(message_id)).status is MessageStatus.SENT
        await app.receive_callback(stream_record=a_record())
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED


async def test_the_true_record_counts_although_a_forged_one_came_before_it_byte_for_byte() -> None:
    """The key of an item is made of its content: the same key means the same bytes, but another time of arrival."""
    async with InMemoryApp() as app:
        await app.accept_text("opens the binding", to="R:1")
        await app.dispatch()
        true = app.callbacks.body(stream_record=a_record(app_info_key=None, sent_at=NOW + 1))
        await app.ingesting(true)
        await app.projector.project_pending()
        assert await app.inbox() == [InboxState.PARKED]
        app.clock.advance(1)
        message_id = await sent(app)
        await app.projector.project_pending()
        assert await app.inbox() == [InboxState.QUARANTINED]
        await app.ingesting(true)
        await app.projector.project_pending()
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED
        assert await app.inbox() == [InboxState.APPLIED]


async def test_the_true_record_that_waits_beside_its_guess_counts_when_the_answer_names_its_id() -> None:
    async with InMemoryApp() as app:
        await app.accept_text("opens the binding", to="R:1")
        await app.dispatch()
        true = app.callbacks.body(stream_record=a_record(app_info_key=None, sent_at=NOW + 1))
        await app.ingesting(true)
        await app.projector.project_pending()
        app.clock.advance(1)
        answer = app.hold_next_send()
        message_id = await app.accept_text()
        await app.dispatcher.dispatch_due()
        await app.ingesting(true)
        answer.set_result(accepted())
        await app.quiet()
        await app.projector.project_pending()
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED


async def test_a_forged_record_takes_no_attempt_away_from_the_true_one_of_its_batch() -> None:
    """Both have the text of the message whose answer was lost; the forged one reports a failure when it is too late."""
    async with InMemoryApp(wecom_user_ids={GUID: OWN}) as app:
        message_id = await sent(app, TIMED_OUT)
        app.clock.advance(HORIZON_MS + 1)
        for stream_record in (a_record(kinds=frozenset({FactKind.SEND_FAIL})), a_record()):
            await app.ingesting(app.callbacks.body(stream_record=stream_record))
        await app.projector.project_pending()
        message = await app.message(message_id)
        assert message.status is MessageStatus.DELIVERED
        assert message.attempts[0].facts == {FactKind.ECHO}


async def test_one_callback_that_names_many_foreign_ids_is_reported_whatever_else_it_names() -> None:
    async with InMemoryApp(max_foreign_ids=3) as app:
        await sent(app)
        for count, reported in ((3, 0), (4, 4)):
            forged = [a_record(provider_message_id=str(4711 + number)) for number in range(count + 1)]
            items = tuple([an_item(stream_record=stream_record) for stream_record in forged])
            arrival = Arrival(PROVIDER, items)
            await app.commits.submit(StoreCallbacks(app.clock, app.policy.inbox, app.policy.max_foreign_ids), arrival)
            assert app.observer.foreign_id_count == reported


async def test_ids_to_which_records_refer_are_foreign_ids_too() -> None:
    async with InMemoryApp(max_foreign_ids=3) as app:
        forged = [a_record(provider_message_id="1", refers_to=str(number)) for number in range(2, 6)]
        items = tuple([an_item(stream_record=stream_record) for stream_record in forged])
        await app.commits.submit(StoreCallbacks(app.clock, app.policy.inbox, 3), Arrival(PROVIDER, items))
        assert app.observer.foreign_id_count == 5


async def test_an_orphan_whose_id_another_process_was_just_writing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    sent_as, reads = MemoryMessageRepository.sent_as, 0

    async def behind(self: MemoryMessageRepository, keys: Any, *, latest: bool = False) -> Any:
        nonlocal reads
        reads += 1
        return await sent_as(self, keys, latest=latest) if reads > 1 else {}

    async with InMemoryApp() as app:
        message_id = await sent(app)
        monkeypatch.setattr(MemoryMessageRepository, "sent_as", behind)
        await app.receive_callback(stream_record=a_record(kinds=frozenset()))
        await app.projector.project_pending()
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED


async def test_an_early_record_of_another_conversation_is_not_applied_when_the_answer_names_its_id() -> None:
    async with InMemoryApp() as app:
        answer = app.hold_next_send()
        message_id = await app.accept_text()
        await app.dispatcher.dispatch_due()
        await app.receive_callback(stream_record=a_record(conversations=("R:99",)))
        answer.set_result(accepted())
        await app.quiet()
        await app.projector.project_pending()
        assert (await app.message(message_id)).status is MessageStatus.SENT
        assert await app.inbox() == [InboxState.QUARANTINED]


async def test_a_failed_send_that_is_reported_later_than_the_horizon_proves_nothing() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        app.clock.advance(HORIZON_MS + 1)
        await app.receive_callback(stream_record=a_record(kinds=frozenset({FactKind.SEND_FAIL})))
        assert (await app.message(message_id)).status is MessageStatus.SENT
        assert app.observer.misfit_counts == {Misfit.OVERDUE: 1}


async def test_an_id_that_an_echo_has_brought_protects_its_message_too() -> None:
    async with InMemoryApp(wecom_user_ids={GUID: OWN}) as app:
        message_id = await sent(app, TIMED_OUT)
        await app.receive_callback(stream_record=a_record())
        for contradiction in CONTRADICTIONS.values():
            forged = {"kinds": frozenset({FactKind.REVOKED})} | contradiction
            await app.receive_callback(stream_record=a_record(**forged))
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED
        assert app.observer.misfit_counts == dict.fromkeys(CONTRADICTIONS, 1)


@pytest.mark.parametrize("kinds", [frozenset(), frozenset({FactKind.ECHO})])
@pytest.mark.parametrize("early", [True, False])
async def test_a_record_of_no_message_with_exactly_our_id_is_evidence(
    *, kinds: frozenset[FactKind], early: bool
) -> None:
    """Neither its type nor its mark says that it is of the account's own, and the own user id is not known yet."""
    async with InMemoryApp() as app:
        odd = a_record(kinds=kinds, marked_own=False, text=None)
        answer = app.hold_next_send()
        message_id = await app.accept_text()
        await app.dispatcher.dispatch_due()
        if early:
            await app.receive_callback(stream_record=odd)
            assert await app.inbox() == [InboxState.ORPHAN]
        answer.set_result(accepted())
        await app.quiet()
        if early:
            await app.projector.project_pending()
        else:
            await app.receive_callback(stream_record=odd)
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED
        assert await app.inbox() == [InboxState.APPLIED]


async def test_a_record_of_no_message_is_never_matched_by_its_content() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app, TIMED_OUT)
        await app.receive_callback(stream_record=a_record(kinds=frozenset()))
        assert (await app.message(message_id)).status is MessageStatus.UNKNOWN
        assert await app.inbox() == [InboxState.ORPHAN]


async def test_an_ordinary_echo_reads_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hot path: the answer has named the sender."""

    async def refuse(*_: object) -> None:
        raise AssertionError("an account was read")

    async with InMemoryApp() as app:
        message_id = await sent(app)
        monkeypatch.setattr("wework_message.adapters.memory.accounts.MemoryAccountRepository.accounts", refuse)
        await app.receive_callback(stream_record=a_record())
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED


@st.composite
def forged(draw: st.DrawFn) -> StreamRecord:
    contradictions = draw(st.lists(st.sampled_from(list(CONTRADICTIONS)), min_size=1, unique=True))
    changes: dict[str, Any] = {"kinds": draw(KINDS)}
    for reason in contradictions:
        changes |= CONTRADICTIONS[reason]
    if Misfit.APP_INFO not in contradictions and draw(st.booleans()):
        changes |= {"provider_message_id": "4712", "refers_to": PROVIDER_MESSAGE_ID}
    return a_record(**changes)


@settings(max_examples=25)
@given(genuine=st.lists(KINDS.filter(bool), max_size=3), records=st.lists(forged(), max_size=5), data=st.data())
def test_no_sequence_of_records_that_do_not_fit_changes_what_the_others_prove(
    genuine: list[frozenset[FactKind]], records: list[StreamRecord], data: st.DataObject
) -> None:
    fitting = [a_record(kinds=kinds) for kinds in genuine]
    mixed = data.draw(st.permutations([*fitting, *records]))
    with_forged, without = asyncio.run(_projected(mixed)), asyncio.run(_projected(fitting))
    assert with_forged == without


async def _projected(records: list[StreamRecord]) -> tuple[MessageStatus, frozenset[FactKind], int]:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        for stream_record in records:
            await app.ingesting(app.callbacks.body(stream_record=stream_record))
        await app.projector.project_pending()
        message = await app.message(message_id)
        return message.status, message.attempts[0].facts, len(await app.reader.timeline(None, message_id))
