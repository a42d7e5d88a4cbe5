"""Native mass sends: one call for up to 200 recipients, each of whom gets it once and is told of honestly (ADR 67)."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import pytest
from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.apps.media_app import MediaApp
from tests.support.builders.messages import (
    DAY_MS,
    GUID,
    HORIZON_MS,
    NOW,
    PROVIDER,
    a_draft,
    a_stream_record,
    an_outcome,
)

from wework_message.application.accept.accept import AcceptMessage
from wework_message.application.accept.accept_batch import AcceptBatch, AcceptedBatch
from wework_message.application.actions.change import RetryMessage
from wework_message.application.actions.resolve import ResolveNamed
from wework_message.application.control.cancel_batch import CancelBatch
from wework_message.application.control.change_pauses import PausePlace, ResumePlace
from wework_message.application.dispatch.fence import EpochFence
from wework_message.application.errors import ConfirmationRequiredError, DrainingError
from wework_message.application.mass.begin_chunk import PAUSED_MS, BeginChunk
from wework_message.application.mass.check import RECHECK_MS
from wework_message.application.mass.claim import ChunkRequest
from wework_message.application.mass.sender import FIRST_CHECK_MS, QUESTION_S, NameTasks
from wework_message.domain.account import implicit_account_id
from wework_message.domain.batch import BatchMode
from wework_message.domain.content import FileContent
from wework_message.domain.content.mass import MassContent
from wework_message.domain.control import PauseScope
from wework_message.domain.conversation import PEERS_AND_ROOMS
from wework_message.domain.errors import IllegalTransitionError, InvalidValueError, UnavailableError
from wework_message.domain.horizon import WRITE_WITHIN_MS
from wework_message.domain.ids import DEFAULT_TENANT, ProviderMessageId
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.mass.confirmation import CONFIRM_WITHIN_MS
from wework_message.domain.media.asset import MediaFailure, MediaState
from wework_message.domain.message.message import Message
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.message.projection import StreamRecord
from wework_message.domain.message.resolution import Resolution, Word
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.mass_gateway import MassCall, MassOutcome, MassResult
from wework_message.domain.quiet_hours import QuietHours
from wework_message.domain.quota import AccountLimits, Budget, Period

QUEUED, SENT, FAILED, HELD = MessageStatus.QUEUED, MessageStatus.SENT, MessageStatus.FAILED, MessageStatus.HELD
UNKNOWN, RETRY_WAIT, SENDING = MessageStatus.UNKNOWN, MessageStatus.RETRY_WAIT, MessageStatus.SENDING
ONE_PROVIDER: Final = {PROVIDER: a_policy().providers[PROVIDER]}
ACCOUNT_ID: Final = implicit_account_id(GUID)
LOST: Final = MassOutcome(an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.READ))
UNSENT: Final = MassOutcome(an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
REFUSED: Final = MassOutcome(an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.CODE, error_code=-1))


@pytest.fixture
async def app() -> AsyncIterator[InMemoryApp]:
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        yield app


def people(count: int, first: int = 0) -> list[str]:
    return [f"S:{1_000_000 + first + number}" for number in range(count)]


def rooms(count: int) -> list[str]:
    return [f"R:{2_000_000 + number}" for number in range(count)]


def a_command(to: Sequence[str], *, key: str | None = None, token: str | None = None, **changes: Any) -> AcceptBatch:
    content = changes.pop("content", MassContent(content="明天十点开会"))
    items = tuple(
        AcceptMessage(
            DEFAULT_TENANT,
            (a_draft(conversation=PEERS_AND_ROOMS.parse(recipient), content=content, **changes),),
            "MASS_SEND",
        )
        for recipient in to
    )
    places = tuple(range(len(items)))
    return AcceptBatch(DEFAULT_TENANT, items, places, False, key, BatchMode.MASS_SEND, token)


async def accept(app: InMemoryApp, to: Sequence[str], **changes: Any) -> AcceptedBatch:
    return await app.accepting_batches(a_command(to, **changes))


async def messages(app: InMemoryApp, batch: AcceptedBatch) -> list[Message]:
    views = await app.reader.batch_items(None, batch.batch_id, limit=1_000, after=-1)
    return [view.message for view in views]


async def statuses(app: InMemoryApp, batch: AcceptedBatch) -> dict[tuple[MessageStatus, str | None], int]:
    return dict(Counter((message.status, message.reason) for message in await messages(app, batch)))


def sizes(app: InMemoryApp) -> list[tuple[int, bool]]:
    return [(len(call.recipients), call.are_rooms) for call in app.mass_gateway.calls]


async def test_users_and_rooms_go_in_calls_of_at_most_200(app: InMemoryApp) -> None:
    with pytest.raises(ConfirmationRequiredError) as required:
        await accept(app, [*people(401), *rooms(3)])
    batch = await accept(app, [*people(401), *rooms(3)], token=required.value.token)
    assert [(chunk.number, chunk.recipients, chunk.are_rooms) for chunk in batch.chunks] == [
        (0, 200, False), (1, 200, False), (2, 1, False), (3, 3, True),
    ]  # fmt: skip
    await app.send_mass()
    assert sorted(sizes(app)) == [(1, False), (3, True), (200, False), (200, False)]
    assert Counter(app.mass_gateway.executed) == Counter([*people(401), *rooms(3)])
    assert await statuses(app, batch) == {(SENT, None): 404}
    assert app.gateway.executed == []
    await app.pass_time(3 * HORIZON_MS)
    await app.send_mass()
    assert len(app.mass_gateway.calls) == 4


async def test_a_customer_gets_one_a_day_and_a_room_any_number(app: InMemoryApp) -> None:
    await accept(app, [*people(2), *rooms(1)])
    await app.send_mass()
    second = await accept(app, [*people(3), *rooms(1)])
    await app.send_mass()
    assert await statuses(app, second) == {(FAILED, "ONCE_A_DAY"): 2, (SENT, None): 2}
    assert [message.confirmed for message in await messages(app, second)] == [True, True, None, None]
    assert Counter(app.mass_gateway.executed) == Counter([*people(3), *rooms(1), *rooms(1)])
    app.clock.advance(DAY_MS)
    await accept(app, people(1))
    await app.send_mass()
    assert app.mass_gateway.executed.count(people(1)[0]) == 2


async def test_an_answer_may_leave_some_out_and_a_question_before_it_others(app: InMemoryApp) -> None:
    first, second, third = people(3)
    app.mass_gateway.blocked = {first}

    async def partly(_: MassCall) -> MassOutcome:
        return MassOutcome(an_outcome(OutcomeClass.ACCEPTED), "task-7", {second: -3021})

    app.mass_gateway.script(partly)
    batch = await accept(app, [first, second, third])
    await app.send_mass()
    (call,) = app.mass_gateway.calls
    assert call.recipients == (second, third)
    by_recipient = {message.conversation_id: message for message in await messages(app, batch)}
    assert {name: message.status for name, message in by_recipient.items()} == {
        first: FAILED, second: FAILED, third: SENT,
    }  # fmt: skip
    assert [by_recipient[name].attempts[0].outcome for name in (first, second)] == [
        an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.NOT_ELIGIBLE),
        an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.LEFT_OUT, error_code=-3021),
    ]
    assert [row.task and row.task.task_id for row in app.database.mass_chunks.committed_rows()] == ["task-7"]


async def test_nobody_is_called_where_nobody_may_get_it(app: InMemoryApp) -> None:
    app.mass_gateway.blocked = set(people(2))
    batch = await accept(app, people(2))
    await app.send_mass()
    assert app.mass_gateway.calls == []
    assert await statuses(app, batch) == {(FAILED, "REFUSED_PERMANENT"): 2}


async def test_what_was_not_sent_is_tried_again_together_and_its_day_is_free(app: InMemoryApp) -> None:
    app.mass_gateway.script(UNSENT)
    batch = await accept(app, people(3))
    await app.send_mass()
    assert await statuses(app, batch) == {(RETRY_WAIT, "CONNECT"): 3}
    other = await accept(app, people(1))
    await app.send_mass()
    assert await statuses(app, other) == {(SENT, None): 1}
    app.clock.advance(60_000)
    await app.send_mass()
    assert await statuses(app, batch) == {(FAILED, "ONCE_A_DAY"): 1, (SENT, None): 2}
    assert Counter(app.mass_gateway.executed) == Counter(people(3))


async def test_a_refusal_is_one_for_all(app: InMemoryApp) -> None:
    app.mass_gateway.script(REFUSED)
    batch = await accept(app, people(2))
    await app.send_mass()
    assert await statuses(app, batch) == {(FAILED, "REFUSED_PERMANENT"): 2}
    again = await accept(app, people(2))
    await app.send_mass()
    assert await statuses(app, again) == {(SENT, None): 2}


@pytest.mark.parametrize("on_unknown", OnUnknown)
async def test_what_is_uncertain_is_uncertain_for_all_and_never_sent_again_by_itself(on_unknown: OnUnknown) -> None:
    async with InMemoryApp(providers=ONE_PROVIDER, on_unknown=on_unknown) as app:
        app.mass_gateway.script(LOST)
        batch = await accept(app, people(3))
        await app.send_mass()
        assert await statuses(app, batch) == {(UNKNOWN, "READ"): 3}
        for _ in range(4):
            await app.pass_time(DAY_MS)
            await app.send_mass()
        assert len(app.mass_gateway.calls) == 1
        expected = (FAILED, "UNRESOLVED") if on_unknown is OnUnknown.FAIL else (UNKNOWN, "READ")
        assert await statuses(app, batch) == {expected: 3}


async def test_a_process_that_dies_during_the_call_leaves_all_of_them_unknown_once(app: InMemoryApp) -> None:
    begun = asyncio.Event()

    async def hang(_: MassCall) -> MassOutcome:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    app.mass_gateway.script(hang)
    batch = await accept(app, people(3))
    await app.mass_sender.round()
    await begun.wait()
    assert await statuses(app, batch) == {(SENDING, None): 3}
    await app.restart()
    await app.send_mass()
    await app.pass_time(app.policy.lease_ms(PROVIDER) - 1)
    assert await statuses(app, batch) == {(SENDING, None): 3}
    await app.pass_time(1)
    await app.send_mass()
    assert await statuses(app, batch) == {(UNKNOWN, "LEASE_EXPIRED"): 3}
    again = await accept(app, people(3))
    await app.send_mass()
    assert await statuses(app, again) == {(FAILED, "ONCE_A_DAY"): 3}
    assert len(app.mass_gateway.calls) == 1


async def test_a_person_says_what_was_not_sent_and_a_retry_sends_it(app: InMemoryApp) -> None:
    app.mass_gateway.script(LOST)
    batch = await accept(app, people(2))
    await app.send_mass()
    first, second = await messages(app, batch)
    await app.application.resolve.message(ResolveNamed(DEFAULT_TENANT, first.id, Word(Resolution.NOT_SENT)))
    await app.retrying(RetryMessage(DEFAULT_TENANT, first.id))
    await app.dispatch()
    assert app.gateway.executed == []  # never as a single message
    await app.send_mass()
    assert [call.recipients for call in app.mass_gateway.calls] == [tuple(people(2)), (people(2)[0],)]
    assert [(await app.message(message.id)).status for message in (first, second)] == [SENT, UNKNOWN]
    with pytest.raises(IllegalTransitionError):
        await app.retrying(RetryMessage(DEFAULT_TENANT, first.id))
    with pytest.raises(IllegalTransitionError):
        await app.retrying(RetryMessage(DEFAULT_TENANT, second.id))
    await app.retrying(RetryMessage(DEFAULT_TENANT, second.id, force=True))
    await app.send_mass()
    stored = await app.message(second.id)
    assert (stored.status, stored.possible_duplicate) == (SENT, True)


async def test_what_waits_is_cancelled_with_its_batch(app: InMemoryApp) -> None:
    batch = await accept(app, people(3))
    cancelled = await app.application.cancel_batch(CancelBatch(DEFAULT_TENANT, batch.batch_id, 2))
    assert (cancelled.cancelled, cancelled.remaining) == (2, 1)
    await app.send_mass()
    assert app.mass_gateway.executed == people(3)[2:]
    assert await statuses(app, batch) == {(MessageStatus.CANCELLED, "BATCH_CANCELLED"): 2, (SENT, None): 1}


@pytest.mark.parametrize(
    ("scope", "scope_id"),
    [
        (PauseScope.SERVICE, ""),
        (PauseScope.ACCOUNT, ACCOUNT_ID),
        (PauseScope.PROVIDER, PROVIDER),
        (PauseScope.BATCH, None),
    ],
)
async def test_what_is_paused_waits(app: InMemoryApp, scope: PauseScope, scope_id: str | None) -> None:
    await app.accept_text()
    await app.dispatch()
    batch = await accept(app, people(2))
    name = batch.batch_id if scope_id is None else scope_id
    await app.application.pause(PausePlace(DEFAULT_TENANT, scope, name))
    await app.send_mass()
    assert set(await statuses(app, batch)) == {(QUEUED, None)}
    await app.application.resume(ResumePlace(DEFAULT_TENANT, scope, name))
    app.clock.advance(PAUSED_MS)
    await app.send_mass()
    assert await statuses(app, batch) == {(SENT, None): 2}


async def test_a_paused_one_expires_all_the_same(app: InMemoryApp) -> None:
    await app.accept_text()
    await app.dispatch()
    batch = await accept(app, people(2))
    await app.application.pause(PausePlace(DEFAULT_TENANT, PauseScope.ACCOUNT, ACCOUNT_ID))
    await app.send_mass()
    app.clock.advance(DAY_MS)
    await app.pauses.refresh()
    await app.send_mass()
    assert await statuses(app, batch) == {(MessageStatus.EXPIRED, "EXPIRED"): 2}


async def limit(app: InMemoryApp, limits: AccountLimits, *, enabled: bool = True) -> None:
    """Give the account, which exists, these limits."""
    account = app.database.accounts.committed(ACCOUNT_ID)
    assert account is not None
    app.database.register(dataclasses.replace(account, limits=limits, enabled=enabled))
    app.router._accounts.clear()


async def test_quiet_hours_and_their_zone(app: InMemoryApp) -> None:
    await app.accept_text()
    await app.dispatch()
    hour = NOW // 3_600_000 % 24
    quiet = QuietHours(hour * 60, (hour + 1) % 24 * 60)
    await limit(app, AccountLimits(quiet_hours=quiet))
    batch = await accept(app, people(2))
    await app.send_mass()
    assert await statuses(app, batch) == {(HELD, HoldReason.QUIET_HOURS): 2}
    app.clock.advance(3_600_000)
    await app.pauses.refresh()
    await app.send_mass()
    assert await statuses(app, batch) == {(SENT, None): 2}


async def test_an_account_that_is_switched_off_or_a_provider_that_is_down_holds_it(app: InMemoryApp) -> None:
    await app.accept_text()
    await app.dispatch()
    batch = await accept(app, people(2))
    await limit(app, AccountLimits(), enabled=False)
    await app.send_mass()
    assert await statuses(app, batch) == {(HELD, HoldReason.ACCOUNT_DISABLED): 2}
    await limit(app, AccountLimits())
    app.clock.advance(60_000)
    await app.pauses.refresh()
    await app.send_mass()
    assert await statuses(app, batch) == {(SENT, None): 2}


async def test_each_recipient_takes_a_token_of_the_account(app: InMemoryApp) -> None:
    await app.accept_text()
    await app.dispatch()
    await limit(app, AccountLimits(budgets=(Budget(Period.HOUR, 60),)))
    batch = await accept(app, people(120))
    await app.send_mass()
    assert await statuses(app, batch) == {(HELD, HoldReason.BUDGET): 120}
    app.clock.advance(30 * 60_000)
    await app.pauses.refresh()
    await app.send_mass()
    assert app.mass_gateway.calls == []
    app.clock.advance(31 * 60_000)
    await app.pauses.refresh()
    await app.send_mass()
    assert await statuses(app, batch) == {(SENT, None): 120}


async def test_a_recipient_that_is_retried_does_not_send_the_others_before_their_place(app: InMemoryApp) -> None:
    await accept(app, people(1))
    await app.send_mass()
    await limit(app, AccountLimits(budgets=(Budget(Period.HOUR, 60),)))
    batch = await accept(app, people(121))
    await app.send_mass()
    assert await statuses(app, batch) == {(FAILED, "ONCE_A_DAY"): 1, (HELD, HoldReason.BUDGET): 120}
    failed = next(message for message in await messages(app, batch) if message.status is FAILED)
    await app.retrying(RetryMessage(DEFAULT_TENANT, failed.id))
    await app.send_mass()
    assert len(app.mass_gateway.calls) == 1
    app.clock.advance(61 * 60_000)
    await app.pauses.refresh()
    await app.send_mass()
    assert await statuses(app, batch) == {(FAILED, "ONCE_A_DAY"): 1, (SENT, None): 120}


async def test_a_budget_that_is_less_than_a_chunk_delays_it_and_takes_nothing_where_it_is_never_enough(
    app: InMemoryApp,
) -> None:
    await app.accept_text()
    await app.dispatch()
    await limit(app, AccountLimits(budgets=(Budget(Period.DAY, 100),)))
    never = await accept(app, people(200), expires_at=NOW + DAY_MS)
    await app.send_mass()
    assert await statuses(app, never) == {(HELD, HoldReason.BUDGET): 200}
    single = await app.accept_text()
    await app.dispatch()
    assert (await app.message(single)).status is SENT
    app.clock.advance(DAY_MS)
    await app.pauses.refresh()
    await app.send_mass()
    assert await statuses(app, never) == {(MessageStatus.EXPIRED, "EXPIRED"): 200}
    late = await accept(app, people(200), expires_at=NOW + 4 * DAY_MS)
    await app.send_mass()
    app.clock.advance(DAY_MS + 60_000)
    await app.pauses.refresh()
    await app.send_mass()
    assert await statuses(app, late) == {(SENT, None): 200}


async def test_a_scheduled_one_goes_at_its_time(app: InMemoryApp) -> None:
    batch = await accept(app, people(2), scheduled_at=NOW + 60_000)
    await app.send_mass()
    assert await statuses(app, batch) == {(MessageStatus.SCHEDULED, None): 2}
    (first, _) = await messages(app, batch)
    async with app.units() as unit:  # something else of the chunk is due
        await unit.mass.later(batch.chunks[0], 0)
        await unit.commit()
    await app.send_mass()
    assert app.mass_gateway.calls == []
    app.clock.advance(60_000)
    await app.pauses.refresh()
    await app.send_mass()
    assert (await app.message(first.id)).status is SENT


async def test_a_provider_without_mass_sends_takes_none() -> None:
    capabilities = dataclasses.replace(ONE_PROVIDER[PROVIDER].capabilities, types=frozenset({"TEXT"}))
    provider = dataclasses.replace(ONE_PROVIDER[PROVIDER], capabilities=capabilities)
    async with InMemoryApp(providers={PROVIDER: provider}) as app:
        batch = await accept(app, people(2))
        await app.send_mass()
        assert await statuses(app, batch) == {(FAILED, "NO_CAPABILITY"): 2}


async def test_a_missing_gateway_and_an_old_binding_prove_that_nothing_was_sent(
    app: InMemoryApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateways = dict(app.mass_gateways)
    app.mass_gateways.clear()
    batch = await accept(app, people(1))
    await app.send_mass()
    assert await statuses(app, batch) == {(FAILED, "REFUSED_CAPABILITY"): 1}
    app.mass_gateways.update(gateways)
    other = await accept(app, people(1, 7))
    monkeypatch.setattr(EpochFence, "is_old", lambda *_: False)
    monkeypatch.setattr(EpochFence, "may_start", lambda *_: False)  # as after a switch that came with the claim
    await app.send_mass()
    assert await statuses(app, other) == {(RETRY_WAIT, "FENCED"): 1}


async def test_a_gateway_that_raises_has_perhaps_sent(app: InMemoryApp) -> None:
    async def defect(_: MassCall) -> MassOutcome:
        raise ZeroDivisionError

    app.mass_gateway.script(defect)
    batch = await accept(app, people(2))
    await app.send_mass()
    assert await statuses(app, batch) == {(UNKNOWN, "GATEWAY_RAISED"): 2}


async def test_handling_that_raises_ends_the_messages_and_no_other_chunk(
    app: InMemoryApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await accept(app, people(1))
    begin = BeginChunk.__call__

    async def raises(self: BeginChunk, unit: Any, due: Any, locked: Any) -> Any:
        if due.chunk.batch_id == batch.batch_id:
            raise ZeroDivisionError
        return await begin(self, unit, due, locked)

    monkeypatch.setattr(BeginChunk, "__call__", raises)
    other = await accept(app, people(1, 7))
    for _ in range(3):
        await app.send_mass()
        app.clock.advance(1_000)
    assert await statuses(app, batch) == {(FAILED, "POISON"): 1}
    assert await statuses(app, other) == {(SENT, None): 1}


async def test_a_store_that_is_away_loses_neither_an_answer_nor_a_chunk(app: InMemoryApp) -> None:
    called = asyncio.Event()

    async def away(_: MassCall) -> MassOutcome:
        app.database.away = True
        called.set()
        return MassOutcome(an_outcome(OutcomeClass.ACCEPTED))

    app.mass_gateway.script(away)
    batch = await accept(app, people(2))
    assert await app.mass_sender.round()
    await called.wait()
    app.database.away = False
    await app.mass_sender.settled()
    assert await statuses(app, batch) == {(SENT, None): 2}


async def test_a_claim_whose_commit_fails_is_made_again_and_nothing_was_called(app: InMemoryApp) -> None:
    batch = await accept(app, people(2))
    app.database.failing_commits = 1
    with pytest.raises(Exception, match="database"):
        await app.mass_sender.round()
    await app.mass_sender.settled()
    assert app.mass_gateway.calls == []
    await app.send_mass()
    assert await statuses(app, batch) == {(SENT, None): 2}


async def test_a_claim_of_which_nobody_knows_is_taken_back_for_every_recipient(app: InMemoryApp) -> None:
    sender, batch = app.mass_sender, await accept(app, people(3))
    (chunk,) = await sender._commits.submit(sender._claim, ChunkRequest(2, sender._disown))
    sender._disown(chunk.calls)
    await sender.settled()
    assert await statuses(app, batch) == {(RETRY_WAIT, "COMMIT_LOST"): 3}
    app.clock.advance(60_000)
    await app.send_mass()
    assert sizes(app) == [(3, False)]
    assert await statuses(app, batch) == {(SENT, None): 3}


async def test_a_key_names_the_whole(app: InMemoryApp) -> None:
    first = await accept(app, people(2), key="k")
    again = await accept(app, people(2), key="k")
    assert (again.batch_id, again.duplicate) == (first.batch_id, True)
    await app.send_mass()
    assert app.mass_gateway.executed == people(2)


async def test_many_recipients_take_two_requests() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER, confirm_above=2) as app:
        with pytest.raises(ConfirmationRequiredError) as required:
            await accept(app, [*people(2), *rooms(1)], key="k")
        error = required.value
        assert (error.recipients, error.chunks, error.expires_at) == (3, 2, NOW + CONFIRM_WITHIN_MS)
        assert app.stored() == 0
        assert error.token not in str(error)
        for token, to in (("no", [*people(2), *rooms(1)]), (error.token, people(3))):
            with pytest.raises(InvalidValueError, match="confirmToken"):
                await accept(app, to, key="k", token=token)
        batch = await accept(app, [*people(2), *rooms(1)], key="k", token=error.token)
        repeated = await accept(app, [*people(2), *rooms(1)], key="k", token=error.token)
        assert (repeated.batch_id, repeated.duplicate) == (batch.batch_id, True)
        with pytest.raises(InvalidValueError, match="confirmToken"):
            await accept(app, [*people(2), *rooms(1)], token=error.token)
        assert app.stored() == 3
        with pytest.raises(ConfirmationRequiredError) as late:
            await accept(app, people(3))
        app.clock.advance(CONFIRM_WITHIN_MS)
        with pytest.raises(InvalidValueError, match="confirmToken"):
            await accept(app, people(3), token=late.value.token)


async def test_a_confirmed_request_without_a_key_is_not_sent_twice_when_its_answer_was_lost() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER, confirm_above=2) as app:
        with pytest.raises(ConfirmationRequiredError) as required:
            await accept(app, rooms(3))
        token = required.value.token
        batch = await accept(app, rooms(3), token=token)
        repeated = await accept(app, rooms(3), token=token)
        assert (repeated.batch_id, repeated.duplicate, app.stored()) == (batch.batch_id, True, 3)
        with pytest.raises(InvalidValueError, match="confirmToken"):
            await accept(app, [*rooms(3), *people(1)], token=token)


async def test_the_loop_sends_what_is_accepted_and_stops(app: InMemoryApp) -> None:
    running = asyncio.create_task(app.mass_sender.run())
    batch = await accept(app, people(2))
    first = (await messages(app, batch))[0].id
    assert (await app.until(first, lambda message: message.status is SENT)).status is SENT
    await app.mass_sender.stop(1)
    await running


async def test_a_stop_records_what_is_open_as_unknown(app: InMemoryApp) -> None:
    begun = asyncio.Event()

    async def hang(_: MassCall) -> MassOutcome:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    app.mass_gateway.script(hang)
    batch = await accept(app, people(2))
    await app.mass_sender.round()
    await begun.wait()
    await app.mass_sender.stop(0)
    assert await statuses(app, batch) == {(UNKNOWN, "SHUTDOWN"): 2}
    assert not await app.mass_sender.round()


async def test_a_stop_before_the_call_itself_began_proves_that_nothing_was_sent(
    app: InMemoryApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = asyncio.Event()

    async def hang(*_: object, **__: object) -> None:
        entered.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(app.mass_gateway, "ineligible", hang)
    batch = await accept(app, people(2))
    await app.mass_sender.round()
    await entered.wait()
    await app.mass_sender.stop(0)
    assert await statuses(app, batch) == {(RETRY_WAIT, "SHUTDOWN"): 2}


@pytest.mark.parametrize("answer", ["never", "raises"])
async def test_a_question_without_an_answer_stops_no_call(
    app: InMemoryApp, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    async def question(*_: object, **__: object) -> None:
        if answer == "raises":
            raise ZeroDivisionError
        await asyncio.Event().wait()

    monkeypatch.setattr("wework_message.application.mass.sender.QUESTION_S", 0)
    monkeypatch.setattr(app.mass_gateway, "ineligible", question)
    batch = await accept(app, people(2))
    await app.send_mass()
    assert await statuses(app, batch) == {(SENT, None): 2}


def test_a_question_leaves_time_for_the_call() -> None:
    assert 0 < QUESTION_S * 1_000 < WRITE_WITHIN_MS


async def test_each_process_makes_few_calls_at_a_time(app: InMemoryApp) -> None:
    go = asyncio.Event()

    async def slow(_: MassCall) -> MassOutcome:
        await go.wait()
        return MassOutcome(an_outcome(OutcomeClass.ACCEPTED))

    app.mass_gateway.script(*[slow] * 3)
    for number in range(3):
        await accept(app, people(1, number))
    assert await app.mass_sender.round()
    assert not await app.mass_sender.round()
    go.set()
    await app.mass_sender.settled()
    await app.send_mass()
    assert len(app.mass_gateway.calls) == 3


def an_echo(to: str, number: int, content: str = "明天十点开会") -> StreamRecord:
    return a_stream_record(content, conversations=(to,), provider_message_id=ProviderMessageId(str(number)))


async def test_the_echo_of_a_text_alone_settles_a_recipient_and_shows_that_another_was_delivered(
    app: InMemoryApp,
) -> None:
    async def echo(to: str, number: int, content: str = "明天十点开会") -> None:
        await app.receive_callback(stream_record=an_echo(to, number, content))

    first, second, third = people(3)
    await accept(app, [first])
    await app.send_mass()
    app.mass_gateway.script(LOST)
    batch = await accept(app, [second, third])
    await app.send_mass()
    await echo(first, 1)
    await echo(second, 2)
    assert await statuses(app, batch) == {(MessageStatus.DELIVERED, None): 1, (UNKNOWN, "READ"): 1}
    views = await app.reader.page(DEFAULT_TENANT, MessageFilter(conversation_id=first), limit=1, before=None)
    assert views.messages[0].message.status is MessageStatus.DELIVERED
    await echo(third, 3, "something else")
    assert await statuses(app, batch) == {(MessageStatus.DELIVERED, None): 1, (UNKNOWN, "READ"): 1}


async def test_an_echo_that_is_faster_than_the_answer_shows_that_a_recipient_was_delivered(
    app: InMemoryApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = app.mass_gateway.send_mass
    [recipient] = people(1)

    async def echoing(call: MassCall) -> MassOutcome:
        await app.receive_callback(stream_record=an_echo(recipient, 1))
        return await send(call)

    monkeypatch.setattr(app.mass_gateway, "send_mass", echoing)
    batch = await accept(app, [recipient])
    await app.send_mass()
    await app.projector.project_pending()
    assert await statuses(app, batch) == {(MessageStatus.DELIVERED, None): 1}


async def test_an_echo_that_two_of_them_fit_settles_neither(app: InMemoryApp) -> None:
    room = rooms(1)[0]
    batches = [await accept(app, [room]), await accept(app, [room])]
    await app.send_mass()
    await app.receive_callback(stream_record=an_echo(room, 1))
    assert [await statuses(app, batch) for batch in batches] == [{(SENT, None): 1}] * 2


async def check(app: InMemoryApp, ms: int = FIRST_CHECK_MS) -> None:
    app.clock.advance(ms)
    await app.use_cases.check_tasks().round()


async def test_the_provider_is_asked_what_became_of_an_accepted_call(app: InMemoryApp) -> None:
    first, second, third = people(3)
    batch = await accept(app, [first, second, third])
    await app.send_mass()
    await check(app, 1)  # too early
    app.mass_gateway.answers = False
    await check(app)
    assert await statuses(app, batch) == {(SENT, None): 3}
    app.mass_gateway.answers = True
    app.mass_gateway.results["task-1"] = {first: MassResult(sent=True), second: MassResult(sent=False, error_code=3)}
    await check(app, RECHECK_MS)
    assert await statuses(app, batch) == {(SENT, None): 2, (FAILED, "SEND_FAILED_LATER"): 1}
    app.mass_gateway.results["task-1"] = {third: MassResult(sent=False)}
    await check(app, 10 * RECHECK_MS)  # twice is enough
    assert await statuses(app, batch) == {(SENT, None): 2, (FAILED, "SEND_FAILED_LATER"): 1}


async def test_the_provider_settles_an_uncertain_call_that_it_named(app: InMemoryApp) -> None:
    first, second, third = people(3)
    app.mass_gateway.script(MassOutcome(LOST.outcome, "task-9"))
    batch = await accept(app, [first, second, third])
    await app.send_mass()
    assert await statuses(app, batch) == {(UNKNOWN, "READ"): 3}
    app.mass_gateway.results["task-9"] = {first: MassResult(sent=True), second: MassResult(sent=False, error_code=3)}
    await check(app)
    assert await statuses(app, batch) == {
        (SENT, None): 1, (FAILED, "REFUSED_PERMANENT"): 1, (UNKNOWN, "READ"): 1,
    }  # fmt: skip
    assert len(app.mass_gateway.calls) == 1


async def test_what_is_said_of_a_call_is_not_said_of_a_later_one(app: InMemoryApp) -> None:
    """Else what was perhaps sent again would count as proven unsent, and could be sent a third time."""
    first, second = people(2)
    app.mass_gateway.script(MassOutcome(an_outcome(OutcomeClass.ACCEPTED), "task-1", {first: -3021}), LOST)
    batch = await accept(app, [first, second])
    await app.send_mass()
    left_out = next(message for message in await messages(app, batch) if message.conversation_id == first)
    app.clock.advance(1)
    await app.retrying(RetryMessage(DEFAULT_TENANT, left_out.id))
    await app.send_mass()
    assert await statuses(app, batch) == {(SENT, None): 1, (UNKNOWN, "READ"): 1}
    app.mass_gateway.results["task-1"] = {first: MassResult(sent=False), second: MassResult(sent=False)}
    await check(app)
    assert await statuses(app, batch) == {(FAILED, "SEND_FAILED_LATER"): 1, (UNKNOWN, "READ"): 1}


async def test_no_status_of_a_task_outweighs_an_echo(app: InMemoryApp) -> None:
    first, second = people(2)
    app.mass_gateway.script(MassOutcome(an_outcome(OutcomeClass.ACCEPTED), "task-1"))
    batch = await accept(app, [first, second])
    await app.send_mass()
    await app.receive_callback(stream_record=an_echo(first, 1))
    assert await statuses(app, batch) == {(MessageStatus.DELIVERED, None): 1, (SENT, None): 1}
    app.mass_gateway.results["task-1"] = {
        first: MassResult(sent=False), second: MassResult(sent=True), "S:9": MassResult(sent=False),
    }  # fmt: skip
    await check(app)
    assert await statuses(app, batch) == {(MessageStatus.DELIVERED, None): 1, (SENT, None): 1}
    app.mass_gateway.results["task-1"] = {second: MassResult(sent=False)}
    await check(app, RECHECK_MS)
    assert await statuses(app, batch) == {(MessageStatus.DELIVERED, None): 1, (FAILED, "SEND_FAILED_LATER"): 1}
    await app.receive_callback(stream_record=an_echo(second, 2))
    assert await statuses(app, batch) == {(MessageStatus.DELIVERED, None): 2}


async def test_the_loop_of_checks_outlives_a_store_that_is_away(
    app: InMemoryApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wework_message.application.mass.check.INTERVAL_S", 0)
    loop = app.use_cases.check_tasks()
    rounds = iter([UnavailableError("database"), ZeroDivisionError(), None])

    async def a_round() -> None:
        if (error := next(rounds)) is not None:
            raise error
        await loop.stop()

    monkeypatch.setattr(loop, "round", a_round)
    await loop.run()
    assert next(rounds, "none left") == "none left"


async def test_it_waits_for_its_media_and_sends_their_handles() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        batch = await accept(app, people(2), content=MassContent(files=(FileContent(media_id=asset.media_id),)))
        await app.send_mass()
        assert await statuses(app, batch) == {(HELD, HoldReason.MEDIA): 2}
        await app.make()
        await app.send_mass()
        assert await statuses(app, batch) == {(SENT, None): 2}
        (call,) = app.mass_gateway.calls
        assert call.content.files[0].file_id == "3000000001"
        (upload,) = app.files().uploads
        assert upload.guid == GUID


async def test_media_that_failed_end_it() -> None:
    async with MediaApp() as app:
        asset = await app.upload()
        batch = await accept(app, people(2), content=MassContent(files=(FileContent(media_id=asset.media_id),)))
        row = app.database.media.get(asset.media_id)
        assert row is not None
        app.database.media.put(
            asset.media_id,
            dataclasses.replace(
                row,
                asset=dataclasses.replace(row.asset, state=MediaState.FAILED, facts=None, failure=MediaFailure.GONE),
            ),
        )
        app.database.media.commit()
        await app.send_mass()
        assert await statuses(app, batch) == {(FAILED, MediaFailure.GONE): 2}
        assert app.mass_gateway.calls == []


async def test_the_loop_outlives_a_store_that_is_away_and_a_defect(
    app: InMemoryApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wework_message.application.mass.sender.POLL_S", 0)
    rounds: list[Exception] = [DrainingError(), ZeroDivisionError(), UnavailableError("database")]

    async def a_round() -> bool:
        raise rounds.pop()

    monkeypatch.setattr(app.mass_sender, "round", a_round)
    await app.mass_sender.run()
    assert rounds == []


async def test_neither_a_report_nor_the_name_of_a_call_costs_its_answer(
    app: InMemoryApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise UnavailableError("database")

    def defect(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(NameTasks, "__call__", away)
    monkeypatch.setattr(app.mass_sender, "_report", defect)
    batch = await accept(app, people(2))
    await app.send_mass()
    assert await statuses(app, batch) == {(SENT, None): 2}


async def test_an_outage_is_no_fault_of_the_messages(app: InMemoryApp, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise UnavailableError("redis")

    monkeypatch.setattr(BeginChunk, "__call__", away)
    batch = await accept(app, people(2))
    with pytest.raises(UnavailableError):
        await app.mass_sender.round()
    assert [message.handling_failures for message in await messages(app, batch)] == [0, 0]
