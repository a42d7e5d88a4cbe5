"""UNKNOWN messages are settled by hand: one, and many in steps."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.contracts.replays_contract import store
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import (
    HORIZON_MS,
    a_draft,
    a_due_message,
    a_receipt,
    a_stream_record,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.application.actions import resolve
from wework_message.application.actions.change import RecallMessage, RetryMessage
from wework_message.application.actions.resolve import (
    MAX_SAMPLES,
    PAGE,
    Matching,
    Resolved,
    ResolveMatching,
    ResolveNamed,
)
from wework_message.application.commit import group_commit
from wework_message.application.commit.scope import CommitScope
from wework_message.application.errors import NotFoundError
from wework_message.domain.content import TextContent
from wework_message.domain.errors import IllegalTransitionError, InvalidValueError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, MessageId, ProviderMessageId, TenantId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.fitting import SKEW_MS
from wework_message.domain.message.message import Message
from wework_message.domain.message.resolution import Resolution, Word
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.outcomes import OutcomeClass, Reason

TIMED_OUT = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)
UNKNOWN, SENT, FAILED = MessageStatus.UNKNOWN, MessageStatus.SENT, MessageStatus.FAILED


async def unknown(app: InMemoryApp, *conversations: str, **changes: Any) -> list[MessageId]:
    app.gateway.script(*[TIMED_OUT] * len(conversations))
    message_ids = [await app.accept_text(to=to, **changes) for to in conversations]
    await app.dispatch()
    return message_ids


async def many_unknown(app: InMemoryApp, number: int) -> list[MessageId]:
    """As stored: calls that end so, one after the other, would open a breaker."""
    messages = [
        a_due_message(id=app.application.accept.accept.drafting.ids.message_id(), conversation_id=f"R:{place}")
        for place in range(1, number + 1)
    ]
    for message in messages:
        begin_call(message)
        settle(message, TIMED_OUT)
    await store(app.units, *messages)
    return [message.id for message in messages]


async def say(app: InMemoryApp, message_id: str, outcome: Resolution, tenant_id: TenantId = DEFAULT_TENANT) -> None:
    word = Word(outcome, "mei", "asked her")
    await app.application.resolve.message(ResolveNamed(tenant_id, MessageId(message_id), word))


async def in_bulk(app: InMemoryApp, *, limit: int = 1_000, **changes: Any) -> Resolved:
    filters = MessageFilter(status=UNKNOWN, **changes.pop("filters", {}))
    matching = Matching(DEFAULT_TENANT, filters, changes.pop("as_of", app.clock.now()))
    word = Word(changes.pop("outcome", Resolution.NOT_SENT))
    return await app.application.resolve.matching(ResolveMatching(matching, word, limit, **changes))


async def statuses(app: InMemoryApp, message_ids: Sequence[MessageId]) -> list[MessageStatus]:
    return [(await app.message(message_id)).status for message_id in message_ids]


async def test_a_word_settles_a_message_and_stands_in_its_timeline() -> None:
    async with InMemoryApp() as app:
        (message_id,) = await unknown(app, "R:1")
        app.clock.advance(5_000)
        await say(app, message_id, Resolution.SENT)
        assert (await app.message(message_id)).status is SENT
        note = (await app.reader.timeline(None, message_id))[-1]
        assert (note.kind, note.at, note.attempt, note.detail) == (
            "SENT_BY_PERSON", app.clock.now(), 1, "mei: asked her",
        )  # fmt: skip


async def test_the_next_message_of_the_conversation_goes_out_at_once() -> None:
    for outcome in Resolution:
        async with InMemoryApp() as app:
            (message_id,) = await unknown(app, "R:1")
            behind = await app.accept_text("later", to="R:1")
            await app.dispatch()
            assert (await app.message(behind)).reason == "LANE_BLOCKED"
            await say(app, message_id, outcome)
            await app.dispatch()
            assert (await app.message(behind)).status is SENT
            assert [call.message_id for call in app.gateway.calls] == [message_id, behind]


async def test_what_was_not_sent_is_not_sent_by_itself_and_a_retry_sends_it() -> None:
    async with InMemoryApp() as app:
        (message_id,) = await unknown(app, "R:1")
        await say(app, message_id, Resolution.NOT_SENT)
        await app.pass_time(10 * HORIZON_MS)
        assert len(app.gateway.calls) == 1
        await app.retrying(RetryMessage(DEFAULT_TENANT, message_id))
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.possible_duplicate, len(app.gateway.calls)) == (SENT, False, 2)


async def test_the_late_echo_of_what_was_denied_and_sent_again_shows_a_duplicate() -> None:
    async with InMemoryApp() as app:
        (message_id,) = await unknown(app, "R:1")
        await say(app, message_id, Resolution.NOT_SENT)
        app.gateway.script(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("2222")))
        await app.retrying(RetryMessage(DEFAULT_TENANT, message_id))
        await app.dispatch()
        await app.receive_callback(
            stream_record=a_stream_record(provider_message_id=ProviderMessageId("1111"), conversations=("R:1",))
        )
        message = await app.message(message_id)
        assert (message.status, message.possible_duplicate) == (MessageStatus.DELIVERED, True)
        assert [attempt.provider_message_id for attempt in message.attempts] == ["1111", "2222"]


async def test_the_late_echo_corrects_what_a_person_said() -> None:
    for outcome in Resolution:
        async with InMemoryApp() as app:
            (message_id,) = await unknown(app, "R:1")
            await say(app, message_id, outcome)
            await app.receive_callback(stream_record=a_stream_record(conversations=("R:1",)))
            assert (await app.message(message_id)).status is MessageStatus.DELIVERED


async def test_a_recall_that_waited_goes_out_with_the_id_that_the_echo_names() -> None:
    async with InMemoryApp() as app:
        (message_id,) = await unknown(app, "R:1")
        view = await app.message(message_id)
        assert view.guid is not None
        await app.recalling(RecallMessage(DEFAULT_TENANT, view.guid, message_id))
        await say(app, message_id, Resolution.SENT)
        await app.dispatch()
        assert ((await app.message(message_id)).status, app.gateway.recalls) == (SENT, [])
        named = a_stream_record(provider_message_id=ProviderMessageId("1111"), conversations=("R:1",))
        await app.receive_callback(stream_record=named)
        await app.dispatch()
        assert [call.provider_message_id for call in app.gateway.recalls] == ["1111"]


async def test_the_parts_behind_a_part_that_was_not_sent_are_stopped() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(TIMED_OUT)
        drafts = [a_draft(content=TextContent(content=text)) for text in ("one", "two")]
        await app.accept(*drafts, grouped=True)
        await app.dispatch()
        first, second = [message for _, message in sorted(app.database.messages.committed_items().items())]
        await say(app, first.id, Resolution.NOT_SENT)
        stopped = await app.message(second.id)
        assert (stopped.status, stopped.reason) == (MessageStatus.CANCELLED, "EARLIER_PART_REFUSED")


async def test_a_repetition_writes_nothing_and_the_opposite_is_refused() -> None:
    async with InMemoryApp() as app:
        (message_id,) = await unknown(app, "R:1")
        await say(app, message_id, Resolution.SENT)
        before = await app.message(message_id)
        await say(app, message_id, Resolution.SENT)
        with pytest.raises(IllegalTransitionError, match="SENT"):
            await say(app, message_id, Resolution.NOT_SENT)
        assert await app.message(message_id) == before
        for tenant_id, id_ in ((TenantId("elsewhere"), message_id), (DEFAULT_TENANT, "none")):
            with pytest.raises(NotFoundError):
                await say(app, id_, Resolution.SENT, tenant_id)


async def test_of_two_opposite_words_at_once_the_first_counts() -> None:
    async with InMemoryApp() as app:
        (message_id,) = await unknown(app, "R:1")
        results = await asyncio.gather(
            say(app, message_id, Resolution.SENT), say(app, message_id, Resolution.NOT_SENT), return_exceptions=True
        )
        assert [type(result) for result in results] == [type(None), IllegalTransitionError]
        assert (await app.message(message_id)).status is SENT


# -- in bulk


async def test_a_dry_run_counts_and_shows_and_changes_nothing() -> None:
    async with InMemoryApp() as app:
        message_ids = await many_unknown(app, MAX_SAMPLES + 2)
        dry = await in_bulk(app, dry_run=True)
        assert (dry.matched, dry.resolved, dry.following) == (len(message_ids), 0, None)
        assert list(dry.samples) == message_ids[::-1][:MAX_SAMPLES]
        assert set(await statuses(app, message_ids)) == {UNKNOWN}
        assert (await in_bulk(app)).resolved == dry.matched


async def test_only_what_passes_the_filters_and_is_unknown_is_resolved() -> None:
    async with InMemoryApp() as app:
        (meant,) = await unknown(app, "R:1", campaign_id="spring")
        (other,) = await unknown(app, "R:2", campaign_id="autumn")
        accepted = await app.accept_text(to="R:3", campaign_id="spring")
        await app.dispatch()
        done = await in_bulk(app, filters={"campaign_id": "spring"})
        assert (done.matched, done.resolved, done.samples) == (1, 1, (meant,))
        assert await statuses(app, [meant, other, accepted]) == [FAILED, UNKNOWN, SENT]


async def test_many_are_resolved_in_steps_that_a_kill_may_come_between() -> None:
    async with InMemoryApp() as app:
        message_ids = await many_unknown(app, PAGE + 30)
        as_of = app.clock.now()
        first = await in_bulk(app, limit=50, as_of=as_of)
        assert (first.matched, first.resolved) == (50, 50)
        await app.kill()
        await app.restart()
        second = await in_bulk(app, as_of=as_of, before=first.following)
        assert (second.resolved, second.following) == (len(message_ids) - 50, None)
        again = await in_bulk(app)
        assert (again.matched, again.resolved) == (0, 0)
        assert set(await statuses(app, message_ids)) == {FAILED}


@pytest.mark.parametrize("durable", [True, False], ids=["after its commit", "before its commit"])
@pytest.mark.parametrize("slices", [0, 1, 3])
async def test_a_run_that_is_killed_in_the_middle_of_a_step_is_run_again_and_each_message_hears_it_once(
    slices: int, monkeypatch: pytest.MonkeyPatch, *, durable: bool
) -> None:
    """The client does not know how far it came: it begins with the filters again. Nothing is sent by any of it."""
    monkeypatch.setattr(resolve, "SLICE", 5)
    async with InMemoryApp() as app:
        message_ids = await many_unknown(app, 23)
        submit, left = app.commits.submit, iter([True] * slices)

        async def killed(operation: Any, item: Any) -> Any:
            goes_on = next(left, False)
            if goes_on or durable:
                done = await submit(operation, item)
                if goes_on:
                    return done
            raise asyncio.CancelledError

        with monkeypatch.context() as patched:
            patched.setattr(app.commits, "submit", killed)
            with pytest.raises(asyncio.CancelledError):
                await in_bulk(app)
        await app.kill()
        await app.restart()
        before = (await statuses(app, message_ids)).count(FAILED)
        assert before == 5 * (slices + durable)
        again = await in_bulk(app)
        assert (again.resolved, again.following) == (23 - before, None)
        assert set(await statuses(app, message_ids)) == {FAILED}
        notes = [
            note.kind for id_ in message_ids for note in await app.reader.timeline(None, id_) if "PERSON" in note.kind
        ]
        assert notes == ["NOT_SENT_BY_PERSON"] * 23
        await app.pass_time(10 * HORIZON_MS)
        assert app.gateway.calls == []
        for message_id in message_ids:
            await app.retrying(RetryMessage(DEFAULT_TENANT, message_id))
        await app.dispatch()
        assert sorted(call.message_id for call in app.gateway.executed) == sorted(message_ids)


async def test_what_becomes_unknown_after_the_first_step_was_seen_by_nobody_and_is_left() -> None:
    async with InMemoryApp() as app:
        (seen,) = await unknown(app, "R:1")
        counted = app.clock.now()
        app.clock.advance(1)
        (unseen,) = await unknown(app, "R:2")
        done = await in_bulk(app, as_of=counted)
        assert (done.matched, done.resolved) == (1, 1)
        assert await statuses(app, [seen, unseen]) == [FAILED, UNKNOWN]


async def test_the_time_of_the_first_look_is_not_in_the_future() -> None:
    async with InMemoryApp() as app:
        (message_id,) = await unknown(app, "R:1")
        for dry_run in (True, False):
            with pytest.raises(InvalidValueError) as raised:
                await in_bulk(app, as_of=app.clock.now() + SKEW_MS + 1, dry_run=dry_run)
            assert raised.value.path == "asOf"
        assert await statuses(app, [message_id]) == [UNKNOWN]
        # Another process, whose clock is a little ahead, has made the first look.
        assert (await in_bulk(app, as_of=app.clock.now() + SKEW_MS)).resolved == 1


async def test_what_evidence_settles_between_the_look_and_the_lock_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with InMemoryApp() as app:
        first, second = await unknown(app, "R:1", "R:2")
        reader_page = app.application.resolve._reader.page

        async def echoed_behind(*args: Any, **options: Any) -> Any:
            page = await reader_page(*args, **options)
            await app.receive_callback(stream_record=a_stream_record(conversations=("R:1",)))
            return page

        monkeypatch.setattr(app.application.resolve._reader, "page", echoed_behind)
        done = await in_bulk(app)
        assert (done.matched, done.resolved) == (2, 1)
        assert await statuses(app, [first, second]) == [MessageStatus.DELIVERED, FAILED]


async def test_two_who_resolve_the_same_at_once_resolve_each_message_once() -> None:
    async with InMemoryApp() as app:
        message_ids = await many_unknown(app, 30)
        done = await asyncio.gather(in_bulk(app), in_bulk(app, outcome=Resolution.SENT))
        assert sum(step.resolved for step in done) == len(message_ids)
        ends = await statuses(app, message_ids)
        assert [ends.count(FAILED), ends.count(SENT)] == [step.resolved for step in done]


async def test_a_request_ends_after_so_many_pages_and_says_where_the_next_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resolve, "MAX_PAGES", 1)
    async with InMemoryApp() as app:
        message_ids = await many_unknown(app, PAGE + 5)
        first = await in_bulk(app)
        assert (first.resolved, first.following) == (PAGE, message_ids[5])
        assert (await in_bulk(app, before=first.following)).resolved == 5


async def test_what_another_writer_changed_first_is_not_said_to_be_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        message_ids = await unknown(app, "R:1", "R:2")

        async def lost(_: CommitScope, messages: Sequence[Message]) -> frozenset[MessageId]:
            return frozenset(message.id for message in messages)

        with monkeypatch.context() as patched:
            patched.setattr(group_commit, "RETRY_DELAYS_S", ())
            patched.setattr(CommitScope, "save_unchanged", lost)
            with pytest.raises(UnavailableError):
                await say(app, message_ids[0], Resolution.SENT)
            with pytest.raises(UnavailableError):
                await in_bulk(app)
        assert set(await statuses(app, message_ids)) == {UNKNOWN}
