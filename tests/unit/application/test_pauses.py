"""What an operator stops is not sent, costs nothing while it waits, and goes on once the pause is taken back (ADR 46)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from tests.support.apps.in_memory_app import FAR_MS, InMemoryApp, a_policy
from tests.support.builders.api_keys import a_tenant
from tests.support.builders.control import a_pause, a_pause_board
from tests.support.builders.messages import BACKUP, DAY_MS, GUID, NOW, PROVIDER, a_draft, a_due_message, an_outcome

from wework_message.adapters.memory.system import SettableClock
from wework_message.application.accept.accept import AcceptMessage
from wework_message.application.actions.change import RecallMessage
from wework_message.application.commit.scope import CommitScope
from wework_message.application.control.cancel_batch import CancelBatch
from wework_message.application.control.change_pauses import PausePlace, ResumePlace
from wework_message.application.control.pause_board import MAX_AGE_MS, REREAD_MS, PauseBoard
from wework_message.application.control.release import ResumeMessages
from wework_message.application.dispatch.begin_call import ASIDE_MS
from wework_message.application.dispatch.in_flight import InFlight
from wework_message.application.errors import NotFoundError, UnknownNameError
from wework_message.domain.account import Account, Binding, implicit_account_id
from wework_message.domain.content import TextContent
from wework_message.domain.control import Pause, PauseScope
from wework_message.domain.conversation import PEERS_AND_ROOMS
from wework_message.domain.errors import ConflictError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BatchId, BindingId, Guid, MessageId
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import OutcomeClass

SERVICE, TENANT, PROVIDER_SCOPE = PauseScope.SERVICE, PauseScope.TENANT, PauseScope.PROVIDER
ACCOUNT, BATCH = PauseScope.ACCOUNT, PauseScope.BATCH
HELD, QUEUED, SENT = MessageStatus.HELD, MessageStatus.QUEUED, MessageStatus.SENT
CANCELLED, EXPIRED = MessageStatus.CANCELLED, MessageStatus.EXPIRED
ONE_PROVIDER = {PROVIDER: a_policy().providers[PROVIDER]}
OTHER = Guid("other")
ACCOUNT_ID = implicit_account_id(GUID)


@pytest.fixture
async def app() -> AsyncIterator[InMemoryApp]:
    """Both accounts exist: each has sent a message."""
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        for guid in (GUID, OTHER):
            await app.accept_text(guid=guid)
        await app.dispatch()
        yield app


async def pause(app: InMemoryApp, scope: PauseScope, scope_id: str = "", **changes: Any) -> Pause:
    return await app.application.pause(PausePlace(DEFAULT_TENANT, scope, scope_id, **changes))


async def resume(app: InMemoryApp, scope: PauseScope, scope_id: str = "") -> bool:
    return await app.application.resume(ResumePlace(DEFAULT_TENANT, scope, scope_id))


async def a_batch(app: InMemoryApp, count: int) -> tuple[BatchId, list[MessageId]]:
    """Each message to a conversation of its own."""
    items = [
        AcceptMessage(DEFAULT_TENANT, (to(f"S:{number + 1}", f"batch {number}"),), "BATCH") for number in range(count)
    ]
    accepted = await app.accept_batch(*items)
    return accepted.batch_id, [MessageId(item.target) for item in accepted.items if not isinstance(item, Exception)]


def to(conversation: str, text: str) -> Any:
    return a_draft(conversation=PEERS_AND_ROOMS.parse(conversation), content=TextContent(content=text))


async def statuses(app: InMemoryApp, message_ids: Sequence[MessageId]) -> list[MessageStatus]:
    return [(await app.message(message_id)).status for message_id in message_ids]


async def looks(app: InMemoryApp) -> int:
    """How many due messages the next claims look at until they look at none."""
    total = 0
    for _ in range(50):
        looked_at = await app.dispatcher.dispatch_due()
        await app.quiet()
        if looked_at == 0:
            return total
        total += looked_at
    raise AssertionError("it looks at the same messages again and again")


def due_rows(app: InMemoryApp) -> dict[MessageId, Any]:
    return app.database.due.committed_items()


PLACES = [
    (SERVICE, ""), (TENANT, DEFAULT_TENANT), (PROVIDER_SCOPE, PROVIDER), (ACCOUNT, ACCOUNT_ID),
]  # fmt: skip


@pytest.mark.parametrize(("scope", "scope_id"), PLACES)
@pytest.mark.parametrize("providers", [1, 2])
async def test_what_is_paused_waits_unwritten_and_goes_on_in_its_order(
    scope: PauseScope, scope_id: str, providers: int
) -> None:
    async with InMemoryApp(providers=ONE_PROVIDER if providers == 1 else a_policy().providers) as app:
        await app.accept_text(guid=GUID)
        await app.dispatch()
        await pause(app, scope, scope_id)
        waiting = [await app.accept_text(str(number), to=f"S:{number + 1}") for number in range(120)]
        before, calls = due_rows(app), len(app.gateway.calls)
        versions = [(await app.message(message_id)).version for message_id in waiting]
        looked_at = await looks(app)
        if (scope is PROVIDER_SCOPE and providers > 1) or scope is TENANT:
            assert 0 < looked_at <= 25, (
                "the account must be looked at: it may have a binding elsewhere, or another tenant"
            )
        else:
            assert looked_at == 0, "it reads messages that may not go"
        assert await looks(app) == 0
        assert len(app.gateway.calls) == calls
        assert due_rows(app) == before, "what waits is written"
        assert [(await app.message(message_id)).version for message_id in waiting] == versions
        assert set(await statuses(app, waiting)) == {QUEUED}
        assert await resume(app, scope, scope_id)
        await app.dispatch()
        assert [call.message_id for call in app.gateway.calls[calls:]] == waiting
        assert set(await statuses(app, waiting)) == {SENT}


@pytest.mark.parametrize(("scope", "scope_id"), PLACES)
async def test_what_is_paused_does_not_begin_with_its_acceptance(
    app: InMemoryApp, scope: PauseScope, scope_id: str
) -> None:
    calls = len(app.gateway.calls)
    await pause(app, scope, scope_id)
    app.use_cases.gate().caught_up = True
    message_id = await app.accept_text()
    await app.quiet()
    assert await statuses(app, [message_id]) == [QUEUED]
    assert len(app.gateway.calls) == calls


async def test_other_accounts_go_on(app: InMemoryApp) -> None:
    await pause(app, ACCOUNT, ACCOUNT_ID)
    paused = [await app.accept_text(to=f"S:{number + 1}") for number in range(60)]
    others = [await app.accept_text(to=f"S:{number + 1}", guid=OTHER) for number in range(60)]
    await app.dispatch()
    assert set(await statuses(app, others)) == {SENT}
    assert set(await statuses(app, paused)) == {QUEUED}


async def test_a_sibling_takes_over_from_a_paused_provider_and_the_decision_says_why() -> None:
    async with InMemoryApp() as app:
        account = Account(AccountId("acc"))
        codes = (PROVIDER, BACKUP)
        bindings = [Binding(BindingId(code), account.account_id, code, Guid(f"at-{code}")) for code in codes]
        app.database.register(account, *bindings)
        await pause(app, PROVIDER_SCOPE, PROVIDER)
        message_id = await app.accept_text(guid=None, account_id="acc")
        bound = await app.accept_text(guid=None, account_id="acc", provider_code=PROVIDER, to="S:2")
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.attempts[0].provider_code) == (SENT, BACKUP)
        decision = message.attempts[0].decision
        assert decision is not None
        excluded = {candidate.provider_code: candidate.excluded for candidate in decision.candidates}
        assert excluded == {PROVIDER: "PAUSED", BACKUP: None}
        assert ((await app.message(bound)).status, (await app.message(bound)).reason) == (HELD, "PAUSED")
        await resume(app, PROVIDER_SCOPE, PROVIDER)
        await app.pass_time(5_000)
        assert await statuses(app, [bound]) == [SENT]


async def test_an_account_that_gets_a_binding_elsewhere_is_looked_at_again_within_seconds() -> None:
    async with InMemoryApp() as app:
        await pause(app, PROVIDER_SCOPE, PROVIDER)
        message_id = await app.accept_text()
        assert await looks(app) == 1
        app.clock.advance(4_999)
        assert await looks(app) == 0
        app.clock.advance(1)
        assert await looks(app) == 1
        assert await statuses(app, [message_id]) == [QUEUED]


async def test_a_pause_is_answered_once_nothing_that_was_decided_on_before_can_begin(app: InMemoryApp) -> None:
    gate = app.use_cases.gate()
    gate.caught_up = True
    assert gate.enter(), "a transaction that accepts has decided on a call"
    pausing = asyncio.create_task(pause(app, SERVICE))
    for _ in range(50):
        await asyncio.sleep(0)
    assert app.use_cases.pauses().stops_all
    assert not pausing.done()
    gate.leave()
    assert (await pausing).scope is SERVICE


async def test_messages_of_a_paused_batch_step_aside_and_are_due_once_it_is_resumed(app: InMemoryApp) -> None:
    batch_id, items = await a_batch(app, 45)
    await pause(app, BATCH, batch_id)
    behind = [await app.accept_text(to=f"S:{number + 1}") for number in range(45)]
    await app.dispatch()
    assert set(await statuses(app, behind)) == {SENT}, "others of the same conversations wait for it"
    assert {((await app.message(item)).status, (await app.message(item)).reason) for item in items} == {
        (HELD, "PAUSED")
    }
    assert await looks(app) == 0
    await resume(app, BATCH, batch_id)
    await app.dispatch()
    assert set(await statuses(app, items)) == {SENT}
    kinds = [note.kind for note in await app.reader.timeline(None, items[0])]
    assert kinds == ["HELD", "RESUMED"]


async def test_many_messages_of_a_paused_batch_do_not_keep_others_of_their_conversation_waiting(
    app: InMemoryApp,
) -> None:
    items = [AcceptMessage(DEFAULT_TENANT, (to("S:1", str(number)),), "BATCH") for number in range(60)]
    accepted = await app.accept_batch(*items)
    await pause(app, BATCH, accepted.batch_id)
    other = await app.accept_text(to="S:1")
    await app.dispatch()
    assert (await app.message(other)).status is SENT


async def test_a_message_of_a_paused_batch_steps_aside_wherever_it_stands_in_its_lane(app: InMemoryApp) -> None:
    app.gateway.script(an_outcome(OutcomeClass.UNCERTAIN))
    await app.accept_text(to="S:1")
    await app.dispatch()  # it blocks its lane
    accepted = await app.accept_batch(AcceptMessage(DEFAULT_TENANT, (to("S:1", "batch"),), "BATCH"))
    await pause(app, BATCH, accepted.batch_id)
    await app.dispatch()
    (item,) = accepted.items
    assert not isinstance(item, Exception)
    assert (await app.message(MessageId(item.target))).reason == "PAUSED"


async def test_a_batch_whose_release_was_lost_goes_on_at_its_next_look(app: InMemoryApp) -> None:
    batch_id, items = await a_batch(app, 3)
    await pause(app, BATCH, batch_id)
    await app.dispatch()
    async with app.units() as unit:  # another process, which dies right after its commit
        await unit.pauses.resume(DEFAULT_TENANT, BATCH, batch_id)
        await unit.commit()
    await app.restart()
    await app.dispatch()
    assert set(await statuses(app, items)) == {HELD}
    await app.pass_time(ASIDE_MS)
    assert set(await statuses(app, items)) == {SENT}


@pytest.mark.parametrize(("conflicts", "after_ms"), [(2, 0), (99, ASIDE_MS)])
async def test_a_resumed_batch_goes_on_although_another_process_is_faster_with_one_of_its_messages(
    app: InMemoryApp, monkeypatch: pytest.MonkeyPatch, conflicts: int, after_ms: int
) -> None:
    batch_id, items = await a_batch(app, 3)
    await pause(app, BATCH, batch_id)
    await app.dispatch()
    make_due, failures = ResumeMessages.__call__, [ConflictError("another process")] * conflicts

    async def beaten(self: ResumeMessages, scope: CommitScope, slices: Any, /) -> Sequence[None]:
        if failures:
            raise failures.pop()
        return await make_due(self, scope, slices)

    monkeypatch.setattr(ResumeMessages, "__call__", beaten)
    assert await resume(app, BATCH, batch_id), "the resume is stored, and no error"
    await app.pass_time(after_ms)
    assert set(await statuses(app, items)) == {SENT}


async def test_a_message_with_a_place_in_the_budget_loses_it_and_waits_for_its_turn() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER, rate_per_minute=1) as app:
        waiting = [await app.accept_text(to=f"S:{number + 1}") for number in range(4)]
        await app.dispatch()
        placed = [message_id for message_id, row in due_rows(app).items() if row.paced]
        assert placed
        await pause(app, ACCOUNT, ACCOUNT_ID)
        calls = len(app.gateway.calls)
        await app.pass_time(60_000)
        assert await looks(app) == 0
        assert len(app.gateway.calls) == calls
        assert [row.paced for row in due_rows(app).values()] == [False] * len(due_rows(app))
        await resume(app, ACCOUNT, ACCOUNT_ID)
        for _ in range(10):
            await app.pass_time(60_000)
        assert set(await statuses(app, waiting)) == {SENT}


async def test_a_message_of_a_paused_batch_loses_its_place_in_the_budget() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER, rate_per_minute=1) as app:
        batch_id, items = await a_batch(app, 2)
        await app.dispatch()
        assert [row.paced for row in due_rows(app).values()] == [True]
        await pause(app, BATCH, batch_id)
        await app.pass_time(60_000)
        assert ((await app.message(items[1])).status, (await app.message(items[1])).reason) == (HELD, "PAUSED")
        assert [row.paced for row in due_rows(app).values()] == [False]


def test_a_claim_passes_over_an_account_that_a_pause_stops() -> None:
    clock = SettableClock(NOW)
    admission = InFlight(a_policy(), clock, a_pause_board(clock)).admission()
    message = a_due_message()
    assert not admission.passes_over(message)
    admission.stop(message, paced=False)
    assert admission.passes_over(message)
    assert admission.unplaced == []


async def test_wake_ups_are_taken_while_nothing_may_be_sent_so_a_recall_does_not_wait_for_a_poll() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER, poll_due_ms=FAR_MS) as app:
        sent = await app.accept_text()
        await app.dispatch()
        await pause(app, SERVICE)
        app.start()
        waiting = await app.accept_text(to="S:2")
        await app.recalling(RecallMessage(DEFAULT_TENANT, GUID, sent))
        async with asyncio.timeout(10):
            while not app.gateway.recalls:  # noqa: ASYNC110 -- nothing tells
                await asyncio.sleep(0)
        assert await statuses(app, [waiting]) == [QUEUED]


async def test_calls_that_are_open_end_normally_and_recalls_go_on(app: InMemoryApp) -> None:
    sent = await app.accept_text("sent", to="S:5")
    await app.dispatch()
    answer = app.hold_next_send()
    open_call = await app.accept_text("open", to="S:6")
    await app.dispatcher.dispatch_due()
    await pause(app, SERVICE)
    answer.set_result(app.gateway.accepted())
    await app.quiet()
    assert await statuses(app, [open_call]) == [SENT]
    await app.recalling(RecallMessage(DEFAULT_TENANT, GUID, sent))
    await app.dispatch()
    assert [recall.message_id for recall in app.gateway.recalls] == [sent]


async def test_time_goes_on_in_a_pause_and_what_expired_is_never_sent(app: InMemoryApp) -> None:
    await pause(app, SERVICE)
    late = await app.accept_text(expires_at=NOW + 60_000, to="S:8")
    in_time = await app.accept_text(to="S:9")
    calls = len(app.gateway.calls)
    await app.pass_time(60_000)
    await resume(app, SERVICE)
    await app.dispatch()
    assert await statuses(app, [late, in_time]) == [EXPIRED, SENT]
    assert len(app.gateway.calls) == calls + 1


async def test_a_pause_outlives_the_process(app: InMemoryApp) -> None:
    await pause(app, SERVICE)
    message_id = await app.accept_text()
    await app.restart()
    await app.dispatch()
    assert await statuses(app, [message_id]) == [QUEUED]


async def test_another_process_knows_of_it_within_seconds(app: InMemoryApp) -> None:
    async with app.units() as unit:
        await unit.pauses.pause(a_pause())
        await unit.commit()
    app.clock.advance(REREAD_MS)
    message_id = await app.accept_text()
    await app.dispatch()
    assert await statuses(app, [message_id]) == [QUEUED]
    async with app.units() as unit:
        await unit.pauses.resume(DEFAULT_TENANT, SERVICE, "")
        await unit.commit()
    await app.pass_time(REREAD_MS)
    assert await statuses(app, [message_id]) == [SENT]


async def test_a_repeated_pause_changes_nothing(app: InMemoryApp) -> None:
    first = await pause(app, ACCOUNT, ACCOUNT_ID, reason="wrong text", by="Mei")
    app.clock.advance(1_000)
    assert await pause(app, ACCOUNT, ACCOUNT_ID, reason="another", by="Li") == first
    assert app.pauses.latest.items == (first,)
    assert await resume(app, ACCOUNT, ACCOUNT_ID)
    assert not await resume(app, ACCOUNT, ACCOUNT_ID)


@pytest.mark.parametrize(
    ("scope", "what"), [(TENANT, "tenant"), (PROVIDER_SCOPE, "provider"), (ACCOUNT, "account"), (BATCH, "batch")]
)
async def test_what_does_not_exist_cannot_be_paused(app: InMemoryApp, scope: PauseScope, what: str) -> None:
    with pytest.raises(UnknownNameError, match=f"^id: no such {what}$"):
        await pause(app, scope, "nobody")
    assert app.database.pauses.committed_items() == {}


async def test_the_operator_stops_a_tenant_that_has_no_account_yet(app: InMemoryApp) -> None:
    """It may register one the moment after."""
    async with app.units() as unit:
        await unit.tenants.add(a_tenant("acme"))
        await unit.commit()
    assert (await pause(app, TENANT, "acme")).id == "acme"
    assert await resume(app, TENANT, "acme")


async def test_answers_say_that_it_is_paused(app: InMemoryApp) -> None:
    sent = await app.accept_text(to="S:3")
    await app.dispatch()
    waiting, other = await app.accept_text(), await app.accept_text(guid=OTHER)
    await pause(app, ACCOUNT, ACCOUNT_ID)
    views = await app.application.poll.statuses(DEFAULT_TENANT, [sent, waiting, other])
    assert {key: view.reason for key, view in views.items()} == {sent: None, waiting: "PAUSED", other: None}


# -- what a process knows ---------------------------------------------------------------------------------------------


class Pausing:
    """A store of pauses that may be away, and counts its reads."""

    def __init__(self) -> None:
        self.items: list[Pause] = []
        self.away = False
        self.reads = 0

    async def pauses(self) -> Sequence[Pause]:
        self.reads += 1
        if self.away:
            raise UnavailableError("database", "away")
        return self.items


def stops_all(board: PauseBoard) -> bool:
    return board.stops_all


async def test_before_they_are_read_and_when_they_are_too_old_everything_is_paused() -> None:
    clock, store = SettableClock(NOW), Pausing()
    board = a_pause_board(clock, store)
    message = a_due_message()
    assert stops_all(board)
    assert board.stops(message) is SERVICE
    await board.refresh()
    assert not stops_all(board)
    assert board.stops(message) is None
    store.away = True
    clock.advance(MAX_AGE_MS)
    assert not stops_all(board)
    with pytest.raises(UnavailableError):
        await board.refresh()
    clock.advance(1)
    assert stops_all(board)
    assert board.stops(message) is SERVICE
    assert not board.shows(message), "an outage is no decision of an operator"
    assert not board.shows_all
    store.away = False
    await board.refresh()
    assert not stops_all(board)


async def test_they_are_read_no_more_often_than_every_two_seconds() -> None:
    clock, store = SettableClock(NOW), Pausing()
    board = a_pause_board(clock, store)
    for _ in range(10):
        await board.refresh()
    assert store.reads == 1
    clock.advance(REREAD_MS - 1)
    await board.refresh()
    assert store.reads == 1
    clock.advance(1)
    await board.refresh()
    assert store.reads == 2


async def test_the_dispatcher_of_a_running_process_is_woken_by_a_change(app: InMemoryApp) -> None:
    await pause(app, SERVICE)
    message_id = await app.accept_text()
    app.start()
    await resume(app, SERVICE)
    assert (await app.until(message_id, lambda message: message.status is SENT)).status is SENT


async def test_an_outage_of_the_store_ends_the_loop_of_reads_never() -> None:
    clock, store = SettableClock(NOW), Pausing()
    store.away = True
    board = a_pause_board(clock, store)
    await board.stop()
    await board.run()  # stopped before it began: it reads nothing
    assert store.reads == 0


# -- the unsent rest of a batch ---------------------------------------------------------------------------------------


async def test_what_a_batch_has_not_sent_is_cancelled_and_the_rest_is_counted(app: InMemoryApp) -> None:
    batch_id, items = await a_batch(app, 50)
    answer = app.hold_next_send()
    await app.dispatcher.dispatch_due(frozenset(items[:3]))
    while len(app.gateway.calls) < 5:
        await app.dispatcher.dispatch_due(frozenset(items[:3]))
    in_flight = [item for item in items if (await app.message(item)).status is MessageStatus.SENDING]
    cancelled = await app.application.cancel_batch(CancelBatch(DEFAULT_TENANT, batch_id, 200))
    assert (cancelled.total, cancelled.remaining) == (50, 0)
    assert (cancelled.cancelled, cancelled.in_flight) == (50 - 3, len(in_flight))
    assert cancelled.sent == 3 - len(in_flight)
    assert cancelled.newly_cancelled == 47
    answer.set_result(app.gateway.accepted())
    await app.dispatch()
    assert set(await statuses(app, items[:3])) == {SENT}
    assert set(await statuses(app, items[3:])) == {CANCELLED}
    notes = await app.reader.timeline(None, items[-1])
    assert [(note.kind, note.detail) for note in notes] == [("CANCELLED", "BATCH_CANCELLED")]
    again = await app.application.cancel_batch(CancelBatch(DEFAULT_TENANT, batch_id, 200))
    assert (again.newly_cancelled, again.cancelled, again.sent, again.in_flight) == (0, 47, 3, 0)


async def test_a_cancel_goes_on_where_it_was_interrupted(app: InMemoryApp) -> None:
    batch_id, _ = await a_batch(app, 70)
    numbers = []
    for _ in range(3):
        cancelled = await app.application.cancel_batch(CancelBatch(DEFAULT_TENANT, batch_id, 30))
        numbers.append((cancelled.newly_cancelled, cancelled.remaining))
        await app.restart()
    assert numbers == [(30, 40), (30, 10), (10, 0)]


async def test_a_paused_batch_can_be_cancelled(app: InMemoryApp) -> None:
    batch_id, items = await a_batch(app, 3)
    await pause(app, BATCH, batch_id)
    await app.dispatch()
    await app.application.cancel_batch(CancelBatch(DEFAULT_TENANT, batch_id, 200))
    await resume(app, BATCH, batch_id)
    await app.pass_time(DAY_MS)
    assert set(await statuses(app, items)) == {CANCELLED}


async def test_a_batch_that_does_not_exist_cannot_be_cancelled(app: InMemoryApp) -> None:
    with pytest.raises(NotFoundError):
        await app.application.cancel_batch(CancelBatch(DEFAULT_TENANT, BatchId("nobody"), 200))


def test_a_message_that_no_operator_stopped_is_not_resumed() -> None:
    message: Message = a_due_message()
    message.hold(HoldReason.BUDGET, 1_000, now=NOW)
    message.written()
    message.resume(now=NOW)
    assert (message.status, message.due, message.notes) == (HELD, None, [])
