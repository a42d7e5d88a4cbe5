"""The wires of the container that no use case of its own shows: what shared state, settings and the role change."""

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence

from tests.support.apps.doubles import Connection
from tests.support.apps.in_memory_app import FAR_MS, InMemoryApp, a_policy
from tests.support.builders.messages import BACKUP, GUID, PROVIDER, a_stream_record
from tests.support.polling import until

from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.commit.group_commit import CommitQueue
from wework_message.application.maintenance.store_metrics import LEASE_NAME
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.domain.account import implicit_account, implicit_binding
from wework_message.domain.budgets import Budgets
from wework_message.domain.ids import DEFAULT_TENANT, MessageId, TenantId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.ports.gateway import Dispatch
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.queries import StatusReader, StatusView
from wework_message.domain.ports.rate_limiter import Place, RateLimiter
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory


class Counting(Connection):
    """Units of work that are counted."""

    opened = 0

    def __call__(self) -> UnitOfWork:
        Counting.opened += 1
        return super().__call__()


class Emptied:
    """Statuses of nothing, as a cache that knows nothing would answer."""

    async def statuses(self, tenant_id: TenantId, message_ids: Sequence[MessageId]) -> Mapping[MessageId, StatusView]:
        return {}


class Slow:
    """A budget that is spent for an hour."""

    async def reserve(self, budgets: Budgets, expected: int = 1) -> Place:
        return Place(FAR_MS, budgets.parts[0])

    def room(self, budgets: Budgets) -> float:
        return 0.0


class Sharing(Shared):
    """Every part is the shared one."""

    shares_health = True
    remember_s = 0.0

    def units(self, units: UnitOfWorkFactory) -> UnitOfWorkFactory:
        return Counting(units)

    def statuses(self, reader: StatusReader) -> StatusReader:
        return Emptied()


async def test_writing_goes_through_the_units_of_work_that_are_shared() -> None:
    Counting.opened = 0
    async with InMemoryApp(shared=Sharing) as app:
        await app.accept_text()
        assert Counting.opened > 0


async def test_clients_that_poll_are_answered_by_the_shared_statuses() -> None:
    async with InMemoryApp(shared=Sharing) as app:
        message_id = await app.accept_text()
        assert (await app.message(message_id)).status is MessageStatus.QUEUED
        assert await app.application.poll.statuses(DEFAULT_TENANT, [message_id]) == {}


async def test_the_router_remembers_accounts_for_as_long_as_shared_state_says() -> None:
    async with InMemoryApp(shared=Sharing) as app:
        for _ in range(2):  # one that opens the account is not remembered
            await app.accept_text()
            await app.dispatch()
        disabled = dataclasses.replace(implicit_binding(GUID, PROVIDER), enabled=False)
        app.database.register(implicit_account(GUID), disabled)
        message_id = await app.accept_text("after the change")
        await app.dispatch()
        assert (await app.message(message_id)).status is MessageStatus.FAILED


async def test_where_health_is_shared_the_prober_holds_the_lease() -> None:
    async with InMemoryApp(shared=Sharing) as app:
        probing = asyncio.create_task(app.prober.run())

        async def probed() -> bool:
            return app.board.provider(PROVIDER).healthy is not None

        await until(probed)
        assert not await ClusterLease("probes", "another", 1_000, app.units).acquire()
        await app.prober.stop()
        await probing


async def test_a_process_that_shares_nothing_probes_without_a_lease() -> None:
    async with InMemoryApp() as app:
        probing = asyncio.create_task(app.prober.run())

        async def probed() -> bool:
            return app.board.provider(PROVIDER).healthy is not None

        await until(probed)
        assert await ClusterLease("probes", "another", 1_000, app.units).acquire()
        await app.prober.stop()
        await probing


async def test_committers_have_transactions_of_their_own_where_these_are_concurrent() -> None:
    async with InMemoryApp(side_by_side=True) as app:
        use_cases = app.use_cases
        committers = (use_cases.commits(), use_cases.intake(), use_cases.settlements(), use_cases.looks())
        assert len({id(committer) for committer in committers}) == len(committers)
        assert (await app.message(await app.accept_text())).status is MessageStatus.QUEUED
    async with InMemoryApp() as app:
        use_cases = app.use_cases
        assert use_cases.settlements() is use_cases.commits()
        assert isinstance(use_cases.intake(), CommitQueue)


async def test_waiters_poll_as_often_as_the_policy_says() -> None:
    async with InMemoryApp(poll_status_ms=20) as app:
        assert app.waiting.first_poll_ms == 20


async def test_store_metrics_are_shown_by_the_process_that_has_their_lease() -> None:
    async with InMemoryApp() as app:
        await app.accept_text()
        await app.use_cases.store_metrics_reporter().round()
        assert app.shown[0] is not None
        assert not await ClusterLease(LEASE_NAME, "another", 1_000, app.units).acquire()


async def test_health_has_how_long_the_oldest_due_message_waits() -> None:
    async with InMemoryApp() as app:
        await app.accept_text()
        app.clock.advance(5_000)
        assert await app.application.service.oldest_due_s() == 5.0


async def test_budgets_are_those_of_shared_state() -> None:
    class Spent(Shared):
        def __init__(self, board: HealthBoard, limiter: RateLimiter) -> None:
            super().__init__(board, Slow())

    async with InMemoryApp(shared=Spent) as app:
        message_id = await app.accept_text()
        await app.dispatch()
        assert ((await app.message(message_id)).status, app.gateway.calls) == (MessageStatus.HELD, [])


async def test_a_waiter_is_notified_of_a_change_of_its_message() -> None:
    async with InMemoryApp(poll_status_ms=FAR_MS) as app:
        message_id = await app.accept_text()
        waiting = asyncio.create_task(app.until(message_id, lambda message: message.status is MessageStatus.SENT))
        await app.dispatch()
        assert (await waiting).status is MessageStatus.SENT


async def test_a_commit_that_stored_callbacks_wakes_the_projector() -> None:
    async with InMemoryApp(poll_inbox_ms=FAR_MS) as app:
        first, second = await app.accept_text(to="R:1"), await app.accept_text(to="R:2")
        await app.dispatch()
        projecting = asyncio.create_task(app.projector.run())
        for message_id, to in ((first, "R:1"), (second, "R:2")):
            for _ in range(3):  # commits, after which the projector has looked and waits
                await app.accept_text(to="R:3")
            name = (await app.message(message_id)).attempts[0].provider_message_id
            stream_record = a_stream_record(provider_message_id=name, conversations=(to,))
            await app.ingesting(app.callbacks.body(stream_record=stream_record))
            await app.until(message_id, lambda message: message.status is MessageStatus.DELIVERED)
        await app.projector.stop()
        await projecting


async def test_callbacks_that_name_no_provider_are_those_of_the_default_one() -> None:
    usual = a_policy()
    first, second = usual.providers.values()
    swapped = {PROVIDER: dataclasses.replace(first, priority=9), BACKUP: second}
    async with InMemoryApp(policy=dataclasses.replace(usual, providers=swapped)) as app:
        await app.ingesting(app.callbacks.body(stream_record=a_stream_record()))
        (view,) = await app.reader.callbacks(None, GUID, notify_type=None, limit=9, before=None)
        assert view.provider_code == BACKUP


async def test_a_process_that_is_killed_records_nothing_more() -> None:
    async with InMemoryApp() as app:
        begun, answer = asyncio.Event(), asyncio.get_running_loop().create_future()

        async def held(_: Dispatch) -> AttemptOutcome:
            begun.set()
            await answer
            return app.gateway.accepted()

        app.gateway.script(held)
        message_id = await app.accept_text()
        await app.dispatcher.dispatch_due()
        await begun.wait()
        await app.restart()
        message = await app.message(message_id)
        assert (message.status, message.attempts[0].outcome) == (MessageStatus.SENDING, None)


async def test_a_commit_that_made_messages_due_wakes_the_dispatcher() -> None:
    async with InMemoryApp(poll_due_ms=FAR_MS) as app:
        dispatching = asyncio.create_task(app.dispatcher.run())
        for _ in range(3):
            message_id = await app.accept_text()
            await app.until(message_id, lambda message: message.status is MessageStatus.SENT)
        await app.dispatcher.stop(1)
        await dispatching


def test_what_is_done_once_per_cluster() -> None:
    names = [task.name for task in InMemoryApp().use_cases.tasks()]
    assert names == ["orphans", "activation-leases", "prune", "contents", "waits"]
